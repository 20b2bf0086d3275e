"""Create, list, delete, keep and release, for a VM and a container, as a person finds them afterwards."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.runs.snapshots import create as snapshot_create
from ops.runs.snapshots import rollback as snapshot_rollback

VERBS = {
    "create": ("create", "{}", "--name", "new"),
    "rollback": ("rollback", "{}", "before", "--yes"),
    "delete": ("delete", "{}", "before"),
    "keep": ("keep", "{}", "before", "--until", "2027-01-31", "--reason", "the audit"),
    "release": ("release", "{}", "before"),
}


def _words(verb, guest):
    return [word.format(guest) for word in VERBS[verb]]


def test_a_snapshot_is_taken_listed_and_deleted(cluster, snapshot, guest):
    """The server has it, the list shows it, and then it is gone."""
    assert snapshot("create", guest, "--name", "new", "--description", "what for").code == 0
    assert cluster.left(guest)["snapshots"]["new"] == "what for"
    listed = [each["snapshot"] for each in snapshot("list", guest, "--json").document["snapshots"]]
    assert listed == ["before", "new"]
    assert snapshot("delete", guest, "new", "before").code == 0
    assert cluster.left(guest)["snapshots"] == {}
    deleted = [path for method, path in cluster.sent if method == "DELETE"]
    assert deleted == ["/before", "/new"]


def test_keeping_and_releasing_write_the_description_and_nothing_else(cluster, snapshot, guest):
    """Cleanup and people read the same line."""
    assert snapshot(*_words("keep", guest)).code == 0
    kept = "before the upgrade\nkeep until 2027-01-31: the audit"
    assert cluster.left(guest)["snapshots"] == {"before": kept}
    (listed,) = snapshot("list", guest, "--json").document["snapshots"]
    assert (listed["kept"], listed["kept_until"], listed["reason"]) == (True, "2027-01-31", "the audit")
    refused = snapshot("delete", guest, "before", "--json")
    assert refused.code == 1
    assert "kept until 2027-01-31 (the audit); release it" in refused.document["outcomes"][0]["words"]
    assert snapshot("release", guest, "before").code == 0
    assert cluster.left(guest)["snapshots"] == {"before": "before the upgrade"}
    assert snapshot("delete", guest, "before").code == 0


def test_a_snapshot_can_be_kept_from_its_first_moment(cluster, snapshot, guest):
    """With a reason, or not at all."""
    words = ("create", guest, "--name", "new", "--keep-until", "2026-11-23")
    assert snapshot(*words).code == 2
    assert snapshot(*words, "--reason", "the\naudit").code == 0
    assert cluster.left(guest)["snapshots"]["new"] == "keep until 2026-11-23: the audit"


def test_a_day_that_is_over_in_the_configured_zone_keeps_nothing(cluster, snapshot, monkeypatch):
    """At noon in UTC it is the next day already in Kiritimati."""
    monkeypatch.setenv("PVE_LIFECYCLE_TIME_ZONE", "Pacific/Kiritimati")
    assert snapshot("keep", "web", "before", "--until", "2026-11-23", "--reason", "x").code == 2
    assert snapshot("keep", "web", "before", "--until", "2026-11-24", "--reason", "x").code == 0


def test_a_keep_line_without_a_day_keeps_until_somebody_mends_it(cluster, snapshot, guest):
    """Not deleted, and said."""
    cluster.add_snapshot(guest, "odd", description="keep until the release")
    run = snapshot("delete", guest, "odd")
    assert run.code == 1
    assert "'keep until the release', which names no day" in run.out
    assert "odd" in cluster.left(guest)["snapshots"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_dry_run_writes_nothing(cluster, snapshot, guest, verb):
    """The server's log has no write, and the plan is shown."""
    cluster.add_snapshot(guest, "kept", description="keep until 2027-01-01: x")
    before = cluster.left(guest)
    run = snapshot(*_words(verb, guest), "--dry-run", "--json")
    assert run.code == 0
    assert (run.document["dry_run"], run.document["outcomes"]) == (True, [])
    (step,) = run.document["plan"]
    assert (step["name"], step["refused"]) == (guest, False)
    assert not cluster.writes()
    assert cluster.left(guest) == before
    assert "Nothing was changed." in snapshot(*_words(verb, guest), "--dry-run").out


def test_many_guests_are_chosen_by_environment_or_all_and_templates_are_left_out(cluster, snapshot):
    """A template is refused only where somebody names it."""
    for selection in (("--env", "lab"), ("--all",), ("web", "101")):
        run = snapshot("create", *selection, "--json", "--dry-run")
        assert [step["vmid"] for step in run.document["plan"]] == [100, 101]
    assert snapshot("create", "--env", "prod").code == 1
    refused = snapshot("create", "9000", "--json")
    assert (refused.code, refused.document["outcomes"][0]["words"]) == (1, "it is a template")


def test_a_name_comes_from_the_time_and_steps_aside_when_it_is_taken(cluster, snapshot, guest):
    """Two runs in one second make two snapshots."""
    snapshot("create", guest)
    snapshot("create", guest)
    names = ["before", "manual-20261123-120000", "manual-20261123-120000-2"]
    assert sorted(cluster.left(guest)["snapshots"]) == names


@pytest.mark.parametrize("name", ["current", "Pending", "a", "a.b", "2fast", "a b", "x" * 41])
def test_a_name_that_proxmox_refuses_is_a_usage_error(cluster, snapshot, name):
    """Before anything is asked."""
    assert snapshot("create", "web", "--name", name).code == 2
    assert len(cluster.requests) == 0


def test_ram_is_saved_only_where_there_is_any(cluster, snapshot):
    """For a running VM; a container's call has no such word."""
    run = snapshot("create", "--all", "--name", "new", "--ram", "--json")
    web, cache = run.document["plan"]
    assert "with RAM" in web["notes"][0]
    assert "without RAM: only a running VM has any to save" in cache["notes"]
    assert "vmstate" in cluster.guest_of("web").snapshots["new"]
    assert ["vmstate" in request.params for request in cluster.writes()] in ([True, False], [False, True])


def test_it_is_said_whether_file_systems_are_frozen(cluster, snapshot):
    """By asking the agent before, with the operations' own privileges."""

    def notes():
        return snapshot("create", "web", "--dry-run", "--json").document["plan"][0]["notes"]

    assert notes() == ["file systems frozen by the guest agent"]
    cluster.call(lambda: setattr(cluster.guest_of("web"), "agent", None))
    assert notes() == ["crash-consistent: the guest agent is enabled and does not answer"]
    cluster.pve.fail("GET", "/agent/network-get-interfaces", 403, "Permission check failed")
    assert "cannot tell" in notes()[0]


def test_the_list_shows_age_state_and_parent(cluster, snapshot):
    """Ages by this machine's clock; a broken one is seen as such."""
    cluster.add_snapshot("web", "broken", taken=TAKEN_LATER, snapstate="delete")
    document = snapshot("list", "--json").document
    assert {each["name"] for each in document["snapshots"]} == {"web", "cache"}
    broken = next(each for each in document["snapshots"] if each["snapshot"] == "broken")
    assert (broken["state"], broken["parent"], broken["age_seconds"]) == ("delete", "before", 3600)
    row = next(line for line in snapshot("list", "web").out.splitlines() if "broken" in line)
    assert "1 h 0 min" in row
    assert "delete" in row
    assert "before" in row


TAKEN_LATER = int(datetime(2026, 11, 23, 11, tzinfo=UTC).timestamp())


def test_timings_of_each_guest_are_in_the_report_and_in_the_metrics(cluster, snapshot, tmp_path, monkeypatch):
    """One that took longer than promised is marked in both."""
    monkeypatch.setattr("ops.runs.snapshots.create.PROMISED", 0.0)
    run = snapshot("create", "--all", "--name", "new", "--json", "--metrics", str(tmp_path))
    assert [(each["slow"], each["seconds"] > 0) for each in run.document["outcomes"]] == [(True, True)] * 2
    text = (tmp_path / "pve_lifecycle_snapshot_create.prom").read_text("utf-8")
    families = {each.name: each.samples for each in text_string_to_metric_families(text)}
    assert {each.labels["name"] for each in families["pve_snapshot_action_seconds"]} == {"web", "cache"}
    assert [each.value for each in families["pve_snapshot_action_slow"]] == [1.0, 1.0]
    assert "(slow)" in snapshot("create", "web").out


def test_a_shell_completes_the_verbs():
    """Click's own completion, asked as bash asks it."""
    asked = {"_PVE_SNAPSHOT_COMPLETE": "bash_complete", "COMP_WORDS": "pve-snapshot r", "COMP_CWORD": "1"}
    script = "import sys; sys.argv = ['pve-snapshot']; from ops.snapshot import main; sys.exit(main())"
    run = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert run.stdout.split() == ["plain,release", "plain,rollback"]


def test_the_promises_are_those_of_the_plan():
    """CS-003: created in 10 seconds, rolled back in 30."""
    assert (snapshot_create.PROMISED, snapshot_rollback.PROMISED) == (10.0, 30.0)


def test_at_most_two_guests_of_a_node_are_taken_at_once_and_nodes_side_by_side(cluster, snapshot):
    """Frozen guests do not queue at one storage."""
    names = {f"g{number}": f"pve{1 + number % 2}" for number in range(8)}
    cluster.call(
        lambda: [
            cluster.pve.add_ct(200 + number, name, node=node)
            for number, (name, node) in enumerate(names.items())
        ]
    )
    busy, most = Counter(), Counter()

    async def counted(node, body):
        busy[node] += 1
        most[node] = max(most[node], busy[node])
        most["all"] = max(most["all"], sum(busy.values()))
        await asyncio.sleep(0.1)
        await body()
        busy[node] -= 1

    cluster.within_tasks(counted)
    assert snapshot("create", *names, "--name", "new").code == 0
    assert (most["pve1"], most["pve2"]) == (2, 2)
    assert most["all"] > 2
