"""One write to Proxmox, followed to its end and judged: the way from a call to an `Outcome`."""

import time
from collections.abc import Callable

from ops.adapters import tasks
from ops.adapters.api import Api
from ops.adapters.tasks import TaskOutcome, TaskResult
from ops.core.model import Guest
from ops.core.outcomes import Outcome, Result
from ops.errors import LifecycleError, UnknownOutcomeError

RESULTS = {
    TaskResult.OK: Result.DONE,
    TaskResult.WARNINGS: Result.WARNINGS,
    TaskResult.FAILED: Result.FAILED,
    TaskResult.TIMEOUT: Result.UNKNOWN,
}


def carry_out(
    api: Api,
    guest: Guest,
    action: str,
    begin: Callable[[], str],
    *,
    timeout: float,
    promised: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Begin a task by `begin`, which returns its UPID, and wait up to `timeout` seconds for its end.

    Expected failures become outcomes. Nothing is sent twice: where the answer was lost, or the task has not
    ended, the result is UNKNOWN. `promised` is the time in seconds over which the outcome is marked slow.
    """
    started = clock()
    try:
        upid = begin()
    except UnknownOutcomeError as error:
        result, words = Result.UNKNOWN, str(error)
    except LifecycleError as error:
        result, words = Result.FAILED, str(error)
    else:
        result, words = _end_of(api, upid, timeout)
    seconds = clock() - started
    return Outcome(
        guest=guest,
        action=action,
        result=result,
        words=words,
        seconds=seconds,
        slow=promised is not None and seconds > promised,
    )


def _end_of(api: Api, upid: str, timeout: float) -> tuple[Result, str]:
    try:
        ended = tasks.follow(api, upid, timeout=timeout)
    except LifecycleError as error:  # it was accepted; only its end cannot be seen
        return Result.UNKNOWN, f"the task {upid} was begun and cannot be followed: {error}"
    return RESULTS[ended.result], _words(ended)


def _words(ended: TaskOutcome) -> str:
    if ended.result is TaskResult.OK:
        return ""
    tail = "".join(f"\n  {line}" for line in ended.log)
    if ended.result is TaskResult.TIMEOUT:
        return f"the task {ended.upid} has {ended.words} and goes on at the node; it was not stopped{tail}"
    return f"{ended.words}{tail}"
