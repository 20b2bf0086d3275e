"""`pve-cleanup-snapshots` on the lab: what goes, what stays, and what is said."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest

from ops.cleanup_snapshots import main
from ops.runs.cleanup import run as cleanup

NOW = datetime(2026, 11, 23, 4, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _five_o_clock(monkeypatch):
    monkeypatch.setenv("LIFECYCLE_NOW", NOW.isoformat())


@pytest.fixture
def web(world):
    """A running VM without snapshots."""
    return world.call(lambda: world.pve.add_vm(101, "web", status="running"))


def test_the_old_go_and_the_young_stay_on_vms_and_containers(world, operate, web, hold):
    """And the report says what was done, and what will be done tomorrow."""
    cache = world.call(lambda: world.pve.add_ct(102, "cache"))
    for guest in (web, cache):
        hold(guest, "old")
        hold(guest, "young", timedelta(days=2))
        hold(guest, "tomorrow", timedelta(days=6, hours=12))
    run = operate(main, "--all")
    assert (run.code, set(web.snapshots), set(cache.snapshots)) == (
        0,
        {"young", "tomorrow"},
        {"young", "tomorrow"},
    )
    assert "2 deleted, 2 tomorrow, 2 left as they are, 0 not possible." in run.out
    assert "web (101): delete snapshot old: done" in run.err
    assert "LIFECYCLE_NOW is set: everything is judged as of 2026-11-23T04:00:30+00:00" in run.err


def test_a_second_run_deletes_nothing(world, operate, web, hold):
    """And sends no write at all."""
    hold(web, "old")
    assert operate(main, "--all").code == 0
    world.requests.clear()
    assert operate(main, "--all").code == 0
    assert world.writes() == []


def test_a_dry_run_shows_the_plan_and_writes_nothing(world, operate, web, tmp_path, monkeypatch, hold):
    """No request, no metrics, no notice, no lock file."""
    hold(web, "old")
    monkeypatch.setenv("PVE_LIFECYCLE_ALERTMANAGER", "http://127.0.0.1:9")
    run = operate(main, "--all", "--dry-run", "--metrics", str(tmp_path))
    assert (run.code, world.writes(), list(tmp_path.rglob("*"))) == (0, [], [])
    assert "would be done" in run.out
    planned = operate(main, "--all", "--dry-run", "--json").document["plan"]
    assert [(each["snapshot"], each["action"]) for each in planned] == [("old", "delete")]


@pytest.mark.parametrize(
    ("snapshot", "code", "words"),
    [
        ({"age": timedelta(days=7)}, 0, "tomorrow"),
        ({"snaptime": 0}, 1, "tells no time"),
        ({"age": timedelta(days=-400)}, 1, "in the future"),
        ({"snapstate": "delete"}, 1, "broken"),
        ({"description": "audit\nkeep until 2026-11-24: tomorrow"}, 0, "1 left as they are"),
        ({"description": "keep until 2026-11-23: today, to its end"}, 0, "tomorrow"),
        ({"description": "keep until someday"}, 1, "names no day"),
    ],
    ids=["seven-days", "no-time", "future", "snapstate", "kept", "kept-today", "malformed"],
)
def test_never_deleted(world, operate, web, snapshot, code, words, hold):
    """Each for its own reason, which is told."""
    hold(web, "stays", **snapshot)
    run = operate(main, "--all")
    assert (run.code, list(web.snapshots), world.writes()) == (code, ["stays"], [])
    assert words in run.out


def test_a_second_beyond_seven_days_is_deleted(world, operate, web, hold):
    """The other side of the limit."""
    hold(web, "goes", timedelta(days=7, seconds=1))
    assert (operate(main, "--all").code, web.snapshots) == (0, {})


def test_the_running_state_is_never_deleted(world, operate, web):
    """PVE lists it as a snapshot of that name, without a time; a limit of an hour does not matter."""
    run = operate(main, "--all", "--max-age", "1h", "--max-deletions", "100%")
    assert (run.code, world.writes()) == (0, [])


def test_a_templates_snapshot_is_never_deleted(world, operate, hold):
    """PVE would refuse it."""
    template = world.pve.vm(9000)
    hold(template, "stays")
    assert (operate(main, "--all").code, list(template.snapshots), world.writes()) == (0, ["stays"], [])


def test_an_offline_nodes_snapshots_stay_and_the_others_go(world, operate, web, hold):
    """What cannot be seen is named, and is not 'nothing to do'."""
    away = world.call(lambda: world.pve.add_vm(103, "away", node="pve2"))
    hold(web, "goes")
    hold(away, "stays")
    world.call(lambda: world.pve.set_node_offline("pve2"))
    run = operate(main, "--all", "--json")
    assert (run.code, web.snapshots, list(away.snapshots)) == (1, {}, ["stays"])
    assert run.document["offline_nodes"] == ["pve2"]
    assert [request for request in world.requests if request.vmid == 103] == []


def test_over_the_ceiling_none_is_deleted_until_somebody_raises_it(world, operate, web, hold):
    """A mistake is not done in daily slices; the words say how to go on."""
    for number in range(11):
        hold(web, f"old{number}")
    run = operate(main, "--all", "--max-deletions", "10")
    assert (run.code, len(web.snapshots), world.writes()) == (1, 11, [])
    assert "11 snapshots are due, and a run deletes 10 at most" in run.out
    assert "--max-deletions 11" in run.out
    assert (operate(main, "--all", "--max-deletions", "11").code, web.snapshots) == (0, {})


def test_the_ceiling_lets_a_normal_day_through_and_stops_a_jump_of_the_clock(
    world, operate, web, monkeypatch, hold
):
    """Three quarters of all by default, and at least ten."""
    for number in range(40):
        hold(web, f"day{number}", timedelta(days=number // 4))
    monkeypatch.setenv("LIFECYCLE_NOW", (NOW + timedelta(days=300)).isoformat())
    assert (operate(main, "--all").code, len(web.snapshots)) == (1, 40)
    monkeypatch.setenv("LIFECYCLE_NOW", NOW.isoformat())
    assert (operate(main, "--all").code, len(web.snapshots)) == (0, 32)


def test_only_the_chosen_guests_are_cleaned(world, operate, web, hold):
    """By name; and such a run leaves no metrics, which would pass for the truth about all."""
    other = world.call(lambda: world.pve.add_vm(103, "other"))
    for guest in (web, other):
        hold(guest, "old")
    run = operate(main, "web", "--metrics", "/nonexistent")
    assert (run.code, web.snapshots, list(other.snapshots)) == (0, {}, ["old"])


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["web", "--all"],
        ["--all", "--max-age", "0d"],
        ["--all", "--max-deletions", "many"],
        ["--all", "--force"],
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(world, operate, words):
    """Usage errors; `--all` has to be said, and there is no `--force`."""
    assert operate(main, *words).code == 2
    assert len(world.requests) == 0


def test_one_run_at_a_time(world, operate, web, hold):
    """The second one says so and does nothing; and leaves the first one's metrics alone."""
    hold(web, "old")
    with cleanup.only_run(cleanup.OPERATION, world.endpoint):
        run = operate(main, "--all")
    assert (run.code, list(web.snapshots)) == (1, ["old"])
    assert "another run of cleanup_snapshots is at work" in run.err


@pytest.mark.parametrize(
    ("off", "code", "words"),
    [(1, 0, "ahead of"), (-1, 0, "behind"), (200, 1, "no age"), (-200, 1, "no age")],
)
def test_a_servers_clock_that_is_off(world, operate, web, monkeypatch, off, code, words):
    """By an hour: a warning that names the node, and the same decisions. By days: no age can be trusted."""
    monkeypatch.delenv("LIFECYCLE_NOW")
    there = formatdate(time.time() + 3600 * off, usegmt=True)
    monkeypatch.setattr("aiohttp.web_response.rfc822_formatted_time", lambda: there)
    taken = int(time.time()) - 7 * 86_400
    world.call(lambda: web.snapshots.update(goes={"snaptime": taken - 1}, stays={"snaptime": taken + 600}))
    moved = datetime.now(UTC) + timedelta(hours=off)
    monkeypatch.setattr("ops.adapters.proxmox.Proxmox.clock", lambda _self, _node: moved)
    run = operate(main, "--all")
    assert (run.code, set(web.snapshots)) == (code, {"stays"} if code == 0 else {"goes", "stays"})
    assert words in run.err


def test_help_is_quick_and_names_the_limits(operate):
    """The numbers that a person asks for first."""
    run = operate(main, "--help")
    assert run.code == 0
    for words in ("7d", "75%", "--lock-wait", "--timeout"):
        assert words in run.out
