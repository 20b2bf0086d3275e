"""What the commands show can be read on terminals of 40, 60 and 80 columns."""

import pytest
from rich.cells import cell_len

from ops import audit, cleanup_snapshots, expire, snapshot

NAME = "a-guest-with-a-very-long-name"
WHY = "the upgrade \u5ba2\u6237\u95e8\u6237 of the customers"
WORDS = {
    "snapshot list": (snapshot, "list"),
    "snapshot create": (snapshot, "create", "100", "101", "--name", "before"),
    "clean up": (cleanup_snapshots, "--all", "--dry-run"),
    "expire": (expire, "--dry-run", "--show-all"),
    "expire list": (expire, "list"),
    "audit": (audit, "permissions"),
}
TABLES = {"snapshot list": (NAME, "before-the-upgrade-to-13", WHY), "expire list": (NAME, "lab", "stop")}


@pytest.fixture
def fleet(world, monkeypatch):
    """Two guests with long names, a snapshot and a day that is over."""
    monkeypatch.setenv("LIFECYCLE_NOW", "2026-12-01T12:00:00+00:00")

    def add():
        for vmid, make in ((100, world.pve.add_vm), (101, world.pve.add_ct)):
            tags = {"tags": "environment-lab;expires-2026-11-30"}
            made = make(vmid, NAME, status="running", config=tags)
            made.snapshots["before-the-upgrade-to-13"] = {"snaptime": 1_795_000_000, "description": WHY}

    world.call(add)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("columns", [40, 60, 80])
def test_no_row_sticks_out_and_no_word_is_broken_that_fits(fleet, operate, monkeypatch, words, columns):
    """The sentence below a table is the terminal's to fold."""
    verb, *rest = WORDS[words]
    monkeypatch.setenv("COLUMNS", str(columns))
    run = operate(verb.main, *rest)
    assert run.code == 0
    rows = [line for line in run.out.splitlines() if not line.endswith(".")]
    assert all(cell_len(line.rstrip()) <= columns for line in rows)
    shown = " ".join(run.out.split())
    assert all(word in shown for text in TABLES.get(words, ()) for word in text.split())


def test_a_cluster_without_snapshots_says_so(world, operate):
    """An empty answer would leave one wondering."""
    world.call(lambda: world.pve.add_vm(100, "web"))
    run = operate(snapshot.main, "list")
    assert (run.code, run.out) == (0, "There is no snapshot.\n")
