"""Following tasks: each end has its judgement, and trouble on the way is not an end."""

from itertools import count

import pytest

from ops.adapters.tasks import TaskResult, follow, judged, node_of
from ops.errors import AuthenticationError, LifecycleError

DROP = "drop"
UPID = "UPID:pve2:000003E8:00001B58:67000000:qmsnapshot:100:ops@pve!test:"
RUNNING = (200, {"status": "running"})
LOG = (200, [{"n": 1, "t": "saving"}, {"n": 2, "t": "TASK ERROR: no space"}])


def _ended(exit_status: str):
    return (200, {"status": "stopped", "exitstatus": exit_status})


@pytest.mark.parametrize(
    ("exit_status", "result"),
    [
        ("OK", TaskResult.OK),
        ("WARNINGS: 2", TaskResult.WARNINGS),
        ("WARNINGS: 1", TaskResult.WARNINGS),
        ("VM is locked (backup)", TaskResult.FAILED),
        ("unexpected status", TaskResult.FAILED),
        ("OK, almost", TaskResult.FAILED),
        ("ok", TaskResult.FAILED),
    ],
)
def test_each_exit_status_is_judged(exit_status, result):
    """OK, WARNINGS, and everything else is a failure."""
    assert judged(exit_status) is result


def test_a_task_is_asked_for_at_the_node_that_runs_it(api, script):
    """The UPID names the node; the one that took the order may be another."""
    script.answers = [RUNNING, RUNNING, _ended("OK")]
    outcome = follow(api, UPID, timeout=10, sleep=lambda _: None)
    assert (outcome.result, outcome.words, outcome.log) == (TaskResult.OK, "OK", ())
    assert all(path.startswith("/api2/json/nodes/pve2/tasks/UPID:pve2:") for _, path in script.requests)


@pytest.mark.parametrize(
    ("exit_status", "result"), [("WARNINGS: 1", TaskResult.WARNINGS), ("no space", TaskResult.FAILED)]
)
def test_what_did_not_go_well_brings_its_log(exit_status, result, api, script):
    """The last lines of the log say why."""
    script.answers = [_ended(exit_status), LOG]
    outcome = follow(api, UPID, timeout=10)
    assert (outcome.result, outcome.words) == (result, exit_status)
    assert outcome.log == ("saving", "TASK ERROR: no space")


def test_a_log_that_cannot_be_had_hides_no_outcome(api, script):
    """The judgement counts, its decoration does not."""
    script.answers = [_ended("no space"), (403, None)]
    outcome = follow(api, UPID, timeout=10)
    assert (outcome.result, outcome.log) == (TaskResult.FAILED, ())


def test_trouble_on_the_way_is_waited_out(api, script):
    """More drops than one read repeats, a proxy's error, a node that restarts: the task goes on."""
    script.answers = [RUNNING, *[DROP] * 4, (502, "<html>"), (595, ""), (596, ""), RUNNING, _ended("OK")]
    assert follow(api, UPID, timeout=10, sleep=lambda _: None).result is TaskResult.OK


def test_a_missing_exit_status_is_asked_for_again(api, script):
    """PVE may say `stopped` a moment before it knows how."""
    script.answers = [(200, {"status": "stopped"}), (200, {"status": "stopped"}), _ended("OK")]
    assert follow(api, UPID, timeout=10, sleep=lambda _: None).result is TaskResult.OK


def test_the_deadline_is_an_outcome_of_its_own(api, script):
    """A task that outlasts the wait is neither done nor failed: it goes on."""
    script.answers = [RUNNING]
    seconds = count()
    outcome = follow(api, UPID, timeout=5, clock=lambda: next(seconds), sleep=lambda _: None)
    assert outcome.result is TaskResult.TIMEOUT
    assert outcome.words == "not ended after 5 s"


def test_a_deadline_without_an_answer_says_so(api, script):
    """Whoever reads the report must know that nobody answered."""
    script.answers = [DROP]
    seconds = count()
    outcome = follow(api, UPID, timeout=3, clock=lambda: next(seconds), sleep=lambda _: None)
    assert outcome.result is TaskResult.TIMEOUT
    assert "the last question failed: the connection broke" in outcome.words


def test_a_refusal_on_the_way_is_raised(api, script):
    """A token that expires meanwhile is no time-out."""
    script.answers = [RUNNING, (401, None)]
    with pytest.raises(AuthenticationError):
        follow(api, UPID, timeout=10, sleep=lambda _: None)


@pytest.mark.parametrize("text", ["", "None", "OK", "UPID:pve1"])
def test_what_is_no_task_is_refused(text):
    """An answer that holds no UPID is not followed."""
    with pytest.raises(LifecycleError):
        node_of(text)


@pytest.mark.fakepve(time_scale=0.01)
def test_a_task_of_a_cluster_is_followed_to_its_failure(fakepve, fake_api):
    """End to end: the order is accepted, and the task fails a moment later."""
    fakepve.add_vm(100, "web")
    path = "/nodes/pve1/qemu/100/snapshot"
    error = next(entry["name"] for entry in fakepve.errors_for("POST", path) if entry["in_task"])
    fakepve.fail("POST", path, error=error, times=1)
    outcome = follow(fake_api, fake_api.write("POST", path.lstrip("/"), snapname="before"), timeout=10)
    assert outcome.result is TaskResult.FAILED
    assert outcome.log[-1].startswith("TASK ERROR: ")


@pytest.mark.parametrize("answer", [None, 7, ["running"]])
def test_a_status_of_another_shape_is_no_bug(answer, api, script):
    """The task is under way, and whoever began it must hear so."""
    script.answers = [(200, answer)]
    with pytest.raises(LifecycleError, match="not Proxmox VE's"):
        follow(api, UPID, timeout=10)
