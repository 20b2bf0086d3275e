"""A cluster of the lab for each test, reached with the token that the operations have."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from lab.accounts import OPERATIONS_TOKEN
from lab.world import World


@dataclass
class Run:
    """How a verb ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What `--json` wrote."""
        return json.loads(self.out)


@pytest.fixture
def world() -> Iterator[World]:
    """One node, no guests, every task done before its request is answered; a test changes all of it.

    Whatever a test did: afterwards no operation has asked for a guest to be deleted.
    """
    with World() as running:
        yield running
        assert not [each for each in running.requests.guest_deletions if each.who == OPERATIONS_TOKEN]


@pytest.fixture
def operate(
    world: World, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """Run a verb's `main` in this process, with the operations' token and a terminal of 200 columns."""
    environment = world.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PROXMOX_VE_API_TOKEN", environment["LAB_OPERATIONS_API_TOKEN"])
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("ops.adapters.api.READ_DELAYS", (0.0, 0.0))

    def run(main: Callable[[Sequence[str]], int], *words: str) -> Run:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        assert world.accounts.operations.partition("=")[2] not in said.out + said.err
        return Run(code=code, out=said.out, err=said.err)

    return run
