"""Following a Proxmox task to its end, and judging it (TRAPS E7: the library does not)."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ops.adapters import api_errors
from ops.adapters.api import Api
from ops.errors import LifecycleError, UnreachableError

FIRST_DELAY = 0.1  # seconds; most tasks are short, and the wait must not be longer than the work
LONGEST_DELAY = 0.3  # seconds; what a command adds to the task itself stays under one
LOG_LINES = 10_000  # more than any task here writes; without a limit PVE gives the first 50
TAIL = 5


class TaskResult(StrEnum):
    """How a task ended."""

    OK = "ok"
    WARNINGS = "warnings"  # done, and something in its log deserves a look
    FAILED = "failed"
    TIMEOUT = "timeout"  # not ended when we stopped waiting: it goes on at the node


@dataclass(frozen=True, kw_only=True)
class TaskOutcome:
    """A task's end: its result, PVE's words for it, and the last lines of its log unless it went well."""

    upid: str
    result: TaskResult
    words: str
    log: tuple[str, ...] = ()


def judged(exit_status: str) -> TaskResult:
    """Read PVE's exit status: `OK`, `WARNINGS: n`, or the text of an error."""
    if exit_status == "OK":
        return TaskResult.OK
    return TaskResult.WARNINGS if exit_status.startswith("WARNINGS") else TaskResult.FAILED


def node_of(upid: str) -> str:
    """The node that runs the task; the one that was asked may be another."""
    parts = upid.split(":")
    if parts[0] != "UPID" or len(parts) < 8:  # noqa: PLR2004 - UPID:node:pid:pstart:starttime:type:id:user:
        raise LifecycleError(f"expected a task's UPID and got {upid[:80]!r}")
    return parts[1]


def follow(
    api: Api,
    upid: str,
    *,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> TaskOutcome:
    """Wait up to `timeout` seconds for the task to end.

    Connection failures on the way are waited out until the deadline; a refusal (401, 403) is raised.
    """
    path = f"nodes/{node_of(upid)}/tasks/{upid}"
    deadline = clock() + timeout
    trouble = ""
    for delay in _delays():
        try:
            status = api.read(f"{path}/status")
            if not isinstance(status, dict):
                raise api_errors.not_understood(api.endpoint, path)
            trouble = ""
            # Right at the end PVE may say `stopped` a moment before it knows how.
            if status.get("status") == "stopped" and status.get("exitstatus"):
                return _outcome(api, upid, path, str(status["exitstatus"]))
        except UnreachableError as error:
            trouble = f"; the last question failed: {error.what}"
        if clock() + delay > deadline:
            break
        sleep(delay)
    words = f"not ended after {timeout:.0f} s{trouble}"
    return TaskOutcome(upid=upid, result=TaskResult.TIMEOUT, words=words, log=_tail(api, path))


def _delays() -> Iterator[float]:
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(delay * 1.5, LONGEST_DELAY)


def _outcome(api: Api, upid: str, path: str, exit_status: str) -> TaskOutcome:
    result = judged(exit_status)
    log = () if result is TaskResult.OK else _tail(api, path)
    return TaskOutcome(upid=upid, result=result, words=exit_status, log=log)


def _tail(api: Api, path: str) -> tuple[str, ...]:
    """The end of the log; nothing where it cannot be had, for the outcome matters more."""
    try:
        lines = list(api.read(f"{path}/log", limit=LOG_LINES))
        return tuple(str(line["t"]) for line in lines[-TAIL:])
    except (LifecycleError, KeyError, TypeError):
        return ()
