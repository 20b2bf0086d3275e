"""What a clean-up leaves for Prometheus, of a run that did all, some, or nothing of it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ops.cleanup_snapshots import main

DATA = "pve_lifecycle_snapshots.prom"
RUN = "pve_lifecycle_cleanup_snapshots_run.prom"
SUCCESS = "pve_lifecycle_cleanup_snapshots.prom"
NOW = datetime(2026, 11, 23, 4, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _five_o_clock(monkeypatch):
    monkeypatch.setenv("LIFECYCLE_NOW", NOW.isoformat())


@pytest.fixture
def web(world):
    """A running VM without snapshots."""
    return world.call(lambda: world.pve.add_vm(101, "web", status="running"))


def test_metrics_say_what_is_left_and_until_when_it_is_kept(
    world, operate, web, tmp_path, hold, samples, value
):
    """Times, not verdicts; deleted ones are gone from the file."""
    hold(web, "old")
    hold(web, "kept", description="keep until 2026-12-31: audit")
    assert operate(main, "--all", "--metrics", str(tmp_path)).code == 0
    labels = {"vmid": "101", "name": "web", "node": "pve1", "kind": "qemu", "snapshot": "kept"}
    assert samples(tmp_path / DATA) == [
        ("pve_snapshot_created_timestamp_seconds", labels, (NOW - timedelta(days=30)).timestamp()),
        ("pve_snapshot_kept_until_timestamp_seconds", labels, datetime(2027, 1, 1, tzinfo=UTC).timestamp()),
    ]
    assert value(tmp_path / SUCCESS, "pve_lifecycle_last_success_timestamp_seconds") == NOW.timestamp()
    assert value(tmp_path / RUN, "pve_lifecycle_last_run_succeeded", operation="cleanup_snapshots") == 1
    assert value(tmp_path / RUN, "pve_lifecycle_last_run_actions", result="done") == 1
    assert value(tmp_path / RUN, "pve_lifecycle_last_run_guest_seconds", vmid="101", name="web") > 0


def test_half_a_truth_is_not_written_over_the_whole(world, operate, web, tmp_path, hold, samples, value):
    """A guest that cannot be read keeps its series; the others are cleaned and renewed; it is no success."""
    broken = world.call(lambda: world.pve.add_vm(103, "broken"))
    for guest in (web, broken):
        hold(guest, "young", timedelta(days=6))
    hold(broken, "kept", description="keep until 2026-12-31")
    assert operate(main, "--all", "--metrics", str(tmp_path)).code == 0
    before = samples(tmp_path / DATA)
    hold(web, "old")
    hold(web, "new", timedelta(days=1))
    world.call(lambda: web.snapshots.pop("young"))
    world.call(lambda: world.pve.fail("GET", "/nodes/pve1/qemu/103/snapshot", 500, "got timeout"))
    run = operate(main, "--all", "--metrics", str(tmp_path))
    assert (run.code, list(web.snapshots)) == (1, ["new"])
    assert "list snapshots" in run.out
    assert "got timeout" in run.out
    after = samples(tmp_path / DATA)
    assert {(labels["vmid"], labels["snapshot"]) for _, labels, _ in after} == {
        ("101", "new"),
        ("103", "young"),
        ("103", "kept"),
    }
    of_broken = [each for each in before if each[1]["vmid"] == "103"]
    assert [each for each in after if each[1]["vmid"] == "103"] == of_broken
    assert value(tmp_path / RUN, "pve_lifecycle_last_run_succeeded") == 0


@pytest.mark.parametrize(
    "text", ["", "no metrics {", 'pve_snapshot_created_timestamp_seconds{vmid="103"} 1\n']
)
def test_a_file_that_is_not_ours_any_more_is_replaced(world, operate, web, tmp_path, text, hold, samples):
    """Whatever somebody wrote into it, a run with a guest that cannot be read does not stumble over it."""
    away = world.call(lambda: world.pve.add_vm(103, "away", node="pve2"))
    world.call(lambda: world.pve.set_node_offline("pve2"))
    hold(web, "young", timedelta(days=1))
    (tmp_path / DATA).write_text(text)
    assert operate(main, "--all", "--metrics", str(tmp_path)).code == 1
    assert {labels["vmid"] for _, labels, _ in samples(tmp_path / DATA)} == {"101"}
    assert away.snapshots == {}


def test_a_refusal_renews_what_is_known_and_is_no_success(
    world, operate, web, tmp_path, hold, samples, value
):
    """The deleted ones must not live on as metrics because another guest was locked."""
    locked = world.call(lambda: world.pve.add_vm(103, "locked"))
    hold(web, "old")
    hold(locked, "old")
    world.call(lambda: world.pve.snapshot_lock(103, "backup"))
    assert operate(main, "--all", "--lock-wait", "0", "--metrics", str(tmp_path)).code == 1
    assert {labels["vmid"] for _, labels, _ in samples(tmp_path / DATA)} == {"103"}
    assert not (tmp_path / SUCCESS).exists()
    assert value(tmp_path / RUN, "pve_lifecycle_last_run_actions", result="refused") == 1


def test_a_run_that_could_not_begin_says_so_in_the_metrics(world, operate, tmp_path, value):
    """A revoked token, an empty inventory: the run's file tells of a failure, and no stamp is made."""
    world.call(world.pve.apitokens.clear)
    assert operate(main, "--all", "--metrics", str(tmp_path)).code == 1
    assert value(tmp_path / RUN, "pve_lifecycle_last_run_succeeded") == 0
    assert not (tmp_path / SUCCESS).exists()


def test_metrics_that_cannot_be_written_are_a_failure_after_the_work(world, operate, web, hold):
    """What was deleted is reported, and the exit code says that something is wrong."""
    hold(web, "old")
    run = operate(main, "--all", "--metrics", "/nonexistent/metrics", "--json")
    assert (run.code, web.snapshots) == (1, {})
    assert [each["result"] for each in run.document["outcomes"]] == ["done"]
    assert "cannot be written" in json.dumps(run.document["troubles"])
