# `make` alone tells what there is.
.DEFAULT_GOAL := help
.PHONY: setup demo test test-quick check fmt engine docs clean help

PYTHON ?= python3
BIN := .venv/bin

.venv/.complete: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Type: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	@# The locked pip first: it takes two thirds of an old one's time for all the others.
	sed -n '/^pip==/,/# via/p' requirements.lock | $(BIN)/python -m pip install --quiet --require-hashes -r /dev/stdin
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

setup: .venv/.complete ## Make the virtual environment with the locked versions

engine: setup ## Find, install or build Pulumi and its plugins (once for each user)
	$(BIN)/python -m lab.engine

demo: setup ## Build the lab stack on an embedded Proxmox VE and look around
	$(BIN)/python -m lab.demo

test: setup ## Run every tier that this machine can run; with CI=true a skip is a failure
	@# Shows the progress of a first build; where no engine can be had, the lab tier says so and is skipped.
	-$(BIN)/python -m lab.engine >/dev/null
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 20

test-quick: setup ## Run what needs neither the engine nor root
	$(BIN)/python -m pytest -m 'not lab and not system'

check: setup ## Format, lint, types, arrows, dead code, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/python -m docs.generate --check

fmt: setup ## Format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## Write docs/configuration.md anew from the models
	$(BIN)/python -m docs.generate

clean: ## Stop the lab and remove what was made here; the engine's cache stays
	-[ ! -x $(BIN)/python ] || $(BIN)/python -m lab down
	rm -rf .venv .lab .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
