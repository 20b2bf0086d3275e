"""From one write to an outcome: what each end is called, and that nothing is sent twice."""

from itertools import count

import pytest

from ops.core.model import Guest, GuestKind
from ops.core.outcomes import Result
from ops.errors import AuthenticationError, LifecycleError, UnknownOutcomeError, UnreachableError
from ops.runs.actions import carry_out

UPID = "UPID:pve1:000003E8:00001B58:67000000:qmsnapshot:100:ops@pve!test:"
GUEST = Guest(vmid=100, name="web", node="pve1", kind=GuestKind.VIRTUAL_MACHINE, status="running")


class Scripted:
    """An API that answers about one task."""

    def __init__(self, status):
        self.status = status

    def read(self, path, **_):
        """The task's status, or its log."""
        if path.endswith("/log"):
            return [{"n": 1, "t": "the disk is full"}]
        if isinstance(self.status, Exception):
            raise self.status
        return self.status


def _carried_out(begin, status, **given):
    return carry_out(Scripted(status), GUEST, "take snapshot a", begin, **{"timeout": 0, **given})


@pytest.mark.parametrize(
    ("status", "result", "words"),
    [
        ({"status": "stopped", "exitstatus": "OK"}, Result.DONE, ""),
        ({"status": "stopped", "exitstatus": "WARNINGS: 1"}, Result.WARNINGS, "the disk is full"),
        ({"status": "stopped", "exitstatus": "no space"}, Result.FAILED, "no space\n  the disk is full"),
        ({"status": "running"}, Result.UNKNOWN, "goes on at the node"),
        (AuthenticationError("expired"), Result.UNKNOWN, "cannot be followed: expired"),
    ],
)
def test_each_end_of_a_task_has_its_result(status, result, words):
    """A task that was begun and whose end nobody saw has not failed: nobody knows."""
    outcome = _carried_out(lambda: UPID, status)
    assert (outcome.result, outcome.action, outcome.guest) == (result, "take snapshot a", GUEST)
    assert words in outcome.words


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (LifecycleError("VM is locked (backup)"), Result.FAILED),
        (UnreachableError("refused"), Result.FAILED),
        (UnknownOutcomeError("answer lost"), Result.UNKNOWN),
    ],
)
def test_a_write_that_was_not_answered_well_is_sent_once(error, result):
    """Refused is failed, and lost is unknown."""
    begun = []

    def begin():
        begun.append(1)
        raise error

    outcome = _carried_out(begin, None)
    assert (outcome.result, outcome.words, begun) == (result, str(error), [1])


@pytest.mark.parametrize(("promised", "slow"), [(None, False), (0.9, True), (1, False)])
def test_an_action_over_its_promise_is_marked(promised, slow):
    """By the clock that was given; the whole time counts."""
    ticks = count()
    outcome = _carried_out(
        lambda: UPID,
        {"status": "stopped", "exitstatus": "OK"},
        promised=promised,
        clock=lambda: next(ticks),
    )
    assert (outcome.seconds, outcome.slow) == (1, slow)
