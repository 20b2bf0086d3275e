"""Looking at a guest's snapshots where an answer was lost or a task goes on: nothing is sent."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ops.adapters.proxmox import Proxmox
from ops.adapters.snapshots import Snapshots
from ops.core.model import Guest
from ops.core.outcomes import Outcome, Result
from ops.core.snapshots import Snapshot
from ops.errors import LifecycleError, UnreachableError

LOOKS = 3  # that show the same: the call may still be on its way, or the network come back
LOOK_AGAIN = 1.0  # seconds between two looks

Judge = Callable[[Sequence[Snapshot]], bool]


@dataclass(frozen=True, kw_only=True)
class Look:
    """The outcome after looking, and whether it is certain that nothing goes on at the guest any more."""

    outcome: Outcome
    over: bool


@dataclass(frozen=True, kw_only=True)
class _Sight:
    words: str
    done: bool = False
    free: bool = False  # nothing holds the guest
    enough: float = LOOKS  # so many that show the same end the looking


def look_after(proxmox: Proxmox, outcome: Outcome, done: Judge, *, timeout: float) -> Look:
    """Judge an unknown outcome by what the guest's list says once nothing holds the guest.

    `timeout` is how long the action may take in all, in seconds.
    """
    if outcome.result is not Result.UNKNOWN:
        return Look(outcome=outcome, over=True)
    deadline = time.monotonic() + timeout - (outcome.seconds or 0.0)
    before, alike = "", 0
    while True:
        sight = _look(proxmox, outcome.guest, done)
        if sight.done:
            return Look(outcome=replace(outcome, result=Result.DONE, words=sight.words), over=True)
        before, alike = sight.words, alike + 1 if sight.words == before else 1
        enough = alike >= sight.enough
        if enough or time.monotonic() + LOOK_AGAIN > deadline:
            words = f"{outcome.words}\n{sight.words}"
            return Look(outcome=replace(outcome, words=words), over=enough and sight.free)
        time.sleep(LOOK_AGAIN)


def _look(proxmox: Proxmox, guest: Guest, done: Judge) -> _Sight:
    try:
        there = Snapshots(proxmox).of(guest)
        lock = proxmox.guest_config(guest).get("lock")
    except UnreachableError as error:
        return _Sight(words=f"Looking failed, too: {error}")
    except LifecycleError as error:  # a token that has expired, a guest that is gone: it will stay so
        return _Sight(words=f"Looking failed, too: {error}", enough=1)
    if lock is not None:
        return _Sight(words=f"Looked: the guest is locked ({lock}).", enough=math.inf)
    if done(there):
        return _Sight(words="its answer was lost; a look shows it done", done=True)
    return _Sight(words="Looked: nothing holds the guest, and its list does not show it done.", free=True)
