"""Deleting named snapshots of one guest: one after another, oldest first, and none that must stay."""

from collections.abc import Callable, Sequence
from functools import partial

from ops.adapters.proxmox import Proxmox
from ops.adapters.snapshots import Snapshots
from ops.core.expiry import is_over
from ops.core.keeping import Kept, Malformed, kept
from ops.core.model import Guest
from ops.core.outcomes import Outcome
from ops.core.snapshots import Snapshot
from ops.errors import LifecycleError
from ops.runs.actions import carry_out
from ops.runs.looking import Look, look_after
from ops.runs.snapshots.steps import (
    Plan,
    Session,
    Step,
    broken,
    find,
    missing,
    refused,
    while_unlocked,
)


def plan(session: Session, guest: Guest, names: Sequence[str]) -> Plan[Step]:
    """Say for each name whether it will be deleted, in the order of age."""
    refusal = session.out_of_reach(guest)
    there = [] if refusal else session.snapshots.of(guest)
    known = [each.name for each in there]
    wanted = sorted(dict.fromkeys(names), key=lambda name: known.index(name) if name in known else -1)
    return session.plan(
        Step(
            guest=guest,
            snapshot=name,
            action=action_on(name),
            refusal=refusal or why_not(session, there, name),
        )
        for name in wanted
    )


def why_not(session: Session, there: Sequence[Snapshot], name: str) -> str:
    """Why the snapshot stays; empty where it may go."""
    found = find(there, name)
    if found is None:
        return missing(there, name)
    keep = kept(found.description)
    if isinstance(keep, Malformed):
        return (
            f"its description says {keep.line!r}, which names no day: mend it, or release the snapshot first"
        )
    if isinstance(keep, Kept) and not is_over(keep.until, session.now, session.zone):
        reason = f" ({keep.reason})" if keep.reason else ""
        return f"it is kept until {keep.until}{reason}; release it first"
    return broken(found)


def apply(session: Session, planned: Plan[Step], tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Delete them, each looked at once more just before: somebody may have typed `keep` in between."""
    outcomes = []
    for step in planned.steps:
        outcomes.append(while_unlocked(session, step, partial(_deleted, session, step)))
        tell(outcomes[-1])
    return outcomes


def _deleted(session: Session, step: Step) -> Outcome:
    try:
        words = why_not(session, session.snapshots.of(step.guest), step.snapshot)
    except LifecycleError as error:
        words = str(error)
    if words:
        return refused(step, words)
    return send(session.proxmox, step.guest, step.snapshot, timeout=session.limits.timeout).outcome


def send(proxmox: Proxmox, guest: Guest, name: str, *, timeout: float) -> Look:
    """Delete the snapshot, whatever it is, and look where its end is not told; it is sent once."""
    outcome = carry_out(
        proxmox.api,
        guest,
        action_on(name),
        lambda: Snapshots(proxmox).delete(guest, name),
        timeout=timeout,
    )
    return look_after(proxmox, outcome, lambda there: find(there, name) is None, timeout=timeout)


def action_on(name: str) -> str:
    """The action's name in every report."""
    return f"delete snapshot {name}"
