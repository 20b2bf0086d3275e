"""What came of an action on a guest; the report, the metrics and the exit code are made of these."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ops.core.model import Guest


class Result(StrEnum):
    """How an action ended."""

    DONE = "done"
    WARNINGS = "warnings"  # done, and Proxmox left a warning in the task's log
    REFUSED = "refused"  # not begun, for a reason that the words give: locked, offline, over the ceiling
    FAILED = "failed"  # begun and not done
    UNKNOWN = "unknown"  # sent, and nobody knows: a lost answer, or a task that runs on


GOOD = frozenset({Result.DONE, Result.WARNINGS})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One action on one guest and its end.

    `action` is a verb and its object, such as `delete snapshot auto-20261123-050000`. `seconds` is the whole
    time by this program's clock, None where nothing was begun. `slow` marks one that took longer than
    promised.
    """

    guest: Guest
    action: str
    result: Result
    words: str = ""
    seconds: float | None = None
    slow: bool = False


def all_good(outcomes: Iterable[Outcome]) -> bool:
    """Whether a batch may end with exit code 0: a refused or unknown item is no success."""
    return all(outcome.result in GOOD for outcome in outcomes)
