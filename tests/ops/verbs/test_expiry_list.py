"""`python -m ops.expire list`: every guest, its last day, and what the next run would do."""

import pytest

from ops import cli
from ops.expire_commands import list_command

GUESTS = {
    101: ("environment-lab;expires-2026-11-30;managed-by-pulumi", "stop", "2026-11-30", -1),
    102: ("environment-lab;expires-2026-12-01", "warn", "2026-12-01", 0),
    103: ("environment-lab;expires-2026-12-24", "leave", "2026-12-24", 23),
    104: ("environment-prod", "leave", None, None),
    105: ("", "refuse", None, None),
}


def main(argv):
    """The command alone, as its group calls it."""
    return cli.run(list_command, argv)


@pytest.fixture
def fleet(world, monkeypatch):
    """One running guest of each kind."""
    monkeypatch.setenv("LIFECYCLE_NOW", "2026-12-01T12:00:00+00:00")
    for vmid, (tags, *_) in GUESTS.items():
        world.call(
            lambda vmid=vmid, tags=tags: world.pve.add_vm(
                vmid, f"g{vmid}", status="running", config={"tags": tags}
            )
        )


def test_every_guest_has_its_day_and_its_decision(world, operate, fleet):
    """As a document, and as a table with the same words; nothing is written."""
    run = operate(main, "--json")
    rows = {row["vmid"]: row for row in run.document["guests"] if row["vmid"] in GUESTS}
    for vmid, (_, decision, day, left) in GUESTS.items():
        row = rows[vmid]
        assert (row["decision"], row["expires_on"], row["days_left"]) == (decision, day, left)
        assert row["reason"]
    assert (rows[101]["owner"], rows[102]["owner"]) == ("pulumi", None)
    assert [row["environment"] for row in rows.values()] == ["lab", "lab", "lab", "prod", "unclear"]
    assert (run.code, world.writes()) == (0, [])
    table = operate(main)
    assert all(row["reason"] in table.out for row in rows.values())


def test_a_protected_guest_is_not_said_to_be_stopped(world, operate, fleet):
    """The flag stands in its configuration, which the next run reads, too."""
    world.call(lambda: world.pve.vm(101).config.update(protection=1))
    rows = {row["vmid"]: row for row in operate(main, "--json").document["guests"]}
    assert rows[101]["decision"] == "refuse"
    assert "protection" in rows[101]["reason"]


def test_an_offline_node_is_said_and_is_no_success(world, operate, fleet):
    """What runs there is not known."""
    world.call(lambda: world.pve.add_node("pve2", online=False))
    run = operate(main, "--json")
    assert (run.code, run.document["offline_nodes"]) == (1, ["pve2"])
    assert "pve2 is offline" in run.err
