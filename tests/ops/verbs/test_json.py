"""`--json`: one document on stdout, however a command ends."""

import json
from collections.abc import Iterator

import click
import pytest

from ops import audit, cleanup_snapshots, cli, expire, preflight, rotate_keys, snapshot
from ops.errors import LifecycleError

VERBS = {
    "pve-preflight": preflight,
    "pve-snapshot": snapshot,
    "pve-cleanup-snapshots": cleanup_snapshots,
    "pve-expire": expire,
    "pve-audit": audit,
    "pve-rotate-keys": rotate_keys,
}
# Every command that has the option, with what it cannot go without.
WORDS = {
    "pve-preflight": [],
    "pve-snapshot create": ["web"],
    "pve-snapshot list": [],
    "pve-snapshot rollback": ["web", "before", "--yes"],
    "pve-snapshot delete": ["web", "before"],
    "pve-snapshot keep": ["web", "before", "--until", "2099-01-31", "--reason", "audit"],
    "pve-snapshot release": ["web", "before"],
    "pve-cleanup-snapshots": ["--all"],
    "pve-expire": [],
    "pve-expire extend": ["web", "--days", "7", "--reason", "audit"],
    "pve-expire list": [],
    "pve-audit permissions": [],
    "pve-rotate-keys": ["--all", "--add-key", "missing.pub"],
}


def having_json(name: str, command: click.Command) -> Iterator[str]:
    """The commands below this one, by their whole names, that take the option."""
    if any("--json" in parameter.opts for parameter in command.params):
        yield name.removesuffix(" [run]")
    if isinstance(command, click.Group):
        for word, below in command.commands.items():
            yield from having_json(f"{name} {word}", below)


def test_every_command_with_a_document_is_looked_at_here():
    """So that a new one comes into the tests below."""
    found = {each for name, verb in VERBS.items() for each in having_json(name, verb.command)}
    assert found == set(WORDS)


@pytest.fixture(params=WORDS)
def asked(request, operate):
    """Run one of them for its document."""
    program, *word = request.param.split()
    return lambda: operate(VERBS[program].main, *word, *WORDS[request.param], "--json")


def failed(run):
    """Whether the one document says why there is no other; the preflight's own says it check by check."""
    assert run.document["ok"] is False
    if "checks" in run.document:
        return run.code == cli.FAILED
    error = run.document["error"]
    assert set(error) == {"what", "where", "remedy"}
    assert error["what"]
    assert all(words in run.err for words in error.values())
    return run.code == cli.FAILED


def test_a_token_that_is_refused_is_in_the_document(world, asked):
    """Before there is any plan; the words stay on stderr, too."""
    world.call(world.pve.apitokens.clear)
    assert failed(asked())
    assert world.writes() == []


def test_settings_that_are_missing_are_in_the_document(asked, monkeypatch):
    """Nothing was even asked."""
    monkeypatch.delenv("PROXMOX_VE_ENDPOINT")
    assert failed(asked())


def test_a_guest_that_nobody_knows_is_in_the_document(world, operate):
    """What a person typed, and what to do."""
    world.call(lambda: world.pve.add_vm(100, "db"))
    run = operate(snapshot.main, "create", "web", "--json")
    assert failed(run)
    assert "web" in run.document["error"]["what"]


def test_an_interruption_is_in_the_document(asked, monkeypatch):
    """Ctrl-C and SIGTERM before the plan: 130 as ever."""

    def interrupted(*_):
        raise KeyboardInterrupt

    for reader in ("ops.adapters.connection.load", "ops.runs.rotation.keys.load"):
        monkeypatch.setattr(reader, interrupted)
    run = asked()
    assert (run.code, run.document["error"]["what"]) == (cli.INTERRUPTED, "Interrupted.")


@cli.json_option()
@click.command()
def late(*, as_json):
    """Fail after the document."""
    cli.print_json({"done": as_json})
    raise LifecycleError("the report cannot be written")


@cli.json_option()
@click.command()
def broken(*, as_json):
    """Have a bug."""
    assert as_json
    raise ZeroDivisionError("of a secret")


def test_there_are_never_two_documents(capsys):
    """What fails after the result is told on stderr and by the exit code."""
    assert cli.run(late, ["--json"]) == cli.FAILED
    said = capsys.readouterr()
    assert json.loads(said.out) == {"done": True}
    assert said.err == "the report cannot be written\n"


def test_a_bug_is_in_the_document_without_its_words(capsys):
    """They are anything; the traceback is on stderr."""
    assert cli.run(broken, ["--json"]) == cli.BUG
    said = capsys.readouterr()
    assert "ZeroDivisionError" in json.loads(said.out)["error"]["what"]
    assert "of a secret" not in said.out
    assert "of a secret" in said.err


def test_without_the_option_stdout_is_for_results(operate):
    """A person reads stderr."""
    run = operate(snapshot.main, "create", "web")
    assert (run.code, run.out) == (cli.FAILED, "")


def test_after_a_wrong_command_line_stdout_is_empty(capsys):
    """A script that is written wrongly is mended, and parses nothing."""
    cli.run(preflight.command, ["--json", "--image", "ftp://x"])
    cli.run(broken, ["--unknown", "--json"])
    assert capsys.readouterr().out == ""
