"""Ending one expired guest: look again, shut it down, see that it is down, and keep it down."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ops.adapters import power
from ops.adapters.guest_settings import write_start_at_boot
from ops.adapters.locks import wait_until_unlocked
from ops.adapters.proxmox import Proxmox
from ops.core.expiring import STOPPED, Decision, Policy, Reason, Verdict, decide
from ops.core.model import Guest
from ops.core.outcomes import GOOD, Outcome, Result
from ops.core.tags import parse_tags
from ops.errors import LifecycleError, UnreachableError
from ops.runs.actions import carry_out

STOP = "stop"
LEAVE = "leave"
STAY_DOWN = "set onboot=0"
# What the HA manager takes to hear of a request (two rounds of ten seconds), and air for a busy node.
GRACE = 60.0  # seconds after the shutdown's own deadline
LOOK_EVERY = 1.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Terms:
    """By what a guest is judged again, and how long its lock and its shutdown are waited for, in seconds."""

    policy: Policy
    lock_wait: float
    shutdown_timeout: int


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What became of one guest: the verdict on what was found last, and every action with its outcome."""

    verdict: Verdict
    outcomes: tuple[Outcome, ...]
    gone: bool = False

    @property
    def stopped(self) -> bool:
        """Whether this run has taken the guest down."""
        return self._has_done(STOP)

    @property
    def kept_down(self) -> bool:
        """Whether this run has taken its start at boot away."""
        return self._has_done(STAY_DOWN)

    def _has_done(self, action: str) -> bool:
        return any(outcome.action == action and outcome.result in GOOD for outcome in self.outcomes)


@dataclass(frozen=True, kw_only=True)
class _View:
    """The guest as its own node shows it right now."""

    verdict: Verdict
    config: dict[str, Any]

    @property
    def lock(self) -> str | None:
        return self.verdict.guest.lock


def end(proxmox: Proxmox, scanned: Verdict, terms: Terms) -> Ending:
    """Stop the guest or keep it down, unless what the scan saw is no longer so.

    One that was down in the scan and runs now is left to the next run, for nobody was told. Expected failures
    become outcomes.
    """
    try:
        view = _look_where_it_is(proxmox, scanned.guest, terms.policy)
        if view is not None and view.verdict.decision is Decision.STOP and view.lock:
            held = _still_locked(proxmox, view.verdict.guest, terms.lock_wait)
            if held:
                return _locked(view.verdict, held, terms.lock_wait)
            view = _look_where_it_is(proxmox, view.verdict.guest, terms.policy)
    except LifecycleError as error:
        return Ending(
            verdict=scanned,
            outcomes=(_outcome(scanned.guest, action_on(scanned), Result.FAILED, str(error)),),
        )
    if view is None:
        return replace(_left(scanned, "it is gone"), gone=True)
    if view.verdict.decision is Decision.KEEP_DOWN:
        return Ending(verdict=view.verdict, outcomes=_keep_down(proxmox, view))
    if view.verdict.decision is not Decision.STOP or scanned.decision is not Decision.STOP:
        return _changed(view.verdict)
    down = _take_down(proxmox, view.verdict.guest, terms.shutdown_timeout)
    keep = _keep_down(proxmox, view) if down.result in GOOD else ()
    return Ending(verdict=view.verdict, outcomes=(down, *keep))


def _still_locked(proxmox: Proxmox, guest: Guest, at_most: float) -> str | None:
    """Wait for the lock. A guest that is no longer there had one for its migration, and has moved."""
    try:
        return wait_until_unlocked(proxmox, guest, at_most=at_most)
    except UnreachableError:
        raise
    except LifecycleError:
        return None


def _look_where_it_is(proxmox: Proxmox, guest: Guest, policy: Policy) -> _View | None:
    """Look at the guest; where its node has it no more, once more where it is now. None: it is gone.

    PVE answers 500 for a guest that has moved and for one that is gone, as for much else.
    """
    try:
        return _look(proxmox, guest, policy)
    except UnreachableError:
        raise
    except LifecycleError:
        now = next((each for each in proxmox.guests() if each.vmid == guest.vmid), None)
        if now is None:
            return None
        if (now.node, now.kind) == (guest.node, guest.kind):
            raise
        return _look(proxmox, now, policy)


def _look(proxmox: Proxmox, guest: Guest, policy: Policy) -> _View:
    """Read state and configuration, the configuration last: a tag may be changed up to this moment."""
    status = power.status(proxmox, guest)
    config = proxmox.guest_config(guest)
    fresh = replace(
        guest,
        status=status,
        tags=str(config.get("tags", "")),
        template=_is_set(config, "template"),
        lock=str(config["lock"]) if config.get("lock") else None,
    )
    return _View(verdict=judged(fresh, config, policy), config=config)


def _take_down(proxmox: Proxmox, guest: Guest, timeout: int) -> Outcome:
    started = time.monotonic()
    deadline = started + timeout + GRACE
    outcome = carry_out(
        proxmox.api,
        guest,
        STOP,
        lambda: power.shut_down(proxmox, guest, timeout=timeout),
        timeout=timeout + GRACE,
        promised=timeout,
    )
    # A task that failed has nothing more to wait for; one whose end nobody knows, and the HA manager's, have.
    seen = _await_down(proxmox, guest, deadline if outcome.result is not Result.FAILED else started)
    outcome = replace(outcome, seconds=time.monotonic() - started)
    if seen == STOPPED:
        hard = f"it was not down within {timeout} s and was ended hard" if outcome.slow else ""
        result = outcome.result if outcome.result in GOOD else Result.DONE
        return replace(outcome, result=result, words=hard or outcome.words)
    if outcome.result in GOOD:
        return replace(outcome, result=Result.FAILED, words=f"{seen} after {timeout + GRACE:.0f} s")
    return replace(outcome, words=f"{outcome.words}; it is {seen}")


def _await_down(proxmox: Proxmox, guest: Guest, deadline: float) -> str:
    """Look until the guest is down or the deadline is over; the last thing seen, in words."""
    while True:
        try:
            seen = power.status(proxmox, guest)
        except LifecycleError as error:
            seen = f"not to be seen ({error.what})"
        if seen == STOPPED:
            return seen
        if time.monotonic() + LOOK_EVERY > deadline:
            return f"still {seen}" if seen == "running" else seen
        time.sleep(LOOK_EVERY)


def _keep_down(proxmox: Proxmox, view: _View) -> tuple[Outcome, ...]:
    """Have a guest that is not the program's own stay down when its node boots (TRAPS A7).

    The declaration says it for the program's guests, and two writers would undo each other.
    """
    guest = view.verdict.guest
    if parse_tags(guest.tags).managed or not _is_set(view.config, "onboot"):
        return ()
    try:
        digest = str(proxmox.guest_config(guest).get("digest", ""))
        write_start_at_boot(proxmox, guest, on=False, digest=digest)
    except LifecycleError as error:
        words = f"{error}\nIt is down, and comes back when {guest.node} boots."
        return (_outcome(guest, STAY_DOWN, Result.FAILED, words),)
    return (_outcome(guest, STAY_DOWN, Result.DONE, "it would have come back with its node"),)


def _changed(verdict: Verdict) -> Ending:
    if verdict.decision is Decision.REFUSE:
        outcome = _outcome(verdict.guest, STOP, Result.REFUSED, verdict.words)
        return Ending(verdict=verdict, outcomes=(outcome,))
    return _left(verdict, verdict.words)


def _left(verdict: Verdict, words: str) -> Ending:
    outcome = _outcome(verdict.guest, LEAVE, Result.DONE, f"no longer as the scan saw it: {words}")
    return Ending(verdict=verdict, outcomes=(outcome,))


def _locked(verdict: Verdict, lock: str, waited: float) -> Ending:
    words = f"locked ({lock}) for {waited:.0f} s and more; the next run tries again"
    refused = replace(verdict, decision=Decision.REFUSE, reason=Reason.LOCKED, words=words)
    return Ending(verdict=refused, outcomes=(_outcome(verdict.guest, STOP, Result.REFUSED, words),))


def _outcome(guest: Guest, action: str, result: Result, words: str) -> Outcome:
    return Outcome(guest=guest, action=action, result=result, words=words)


def action_on(verdict: Verdict) -> str:
    """What is to be done to a guest that is stopped or kept down."""
    return STOP if verdict.decision is Decision.STOP else STAY_DOWN


def judged(guest: Guest, config: Mapping[str, Any], policy: Policy) -> Verdict:
    """Decide on a guest by what the scan says of it and the flags of its own configuration."""
    protected, starts = _is_set(config, "protection"), _is_set(config, "onboot")
    return decide(guest, policy, protected=protected, starts_at_boot=starts)


def _is_set(config: Mapping[str, Any], name: str) -> bool:
    return str(config.get(name, 0)) == "1"
