"""Keeping a snapshot beyond the age limit, and letting it go again: a line in its own description."""

import time

from ops.adapters.snapshots import Snapshots
from ops.core.keeping import Kept, with_keep, without_keep
from ops.core.model import Guest
from ops.core.outcomes import Outcome, Result
from ops.errors import LifecycleError, UnknownOutcomeError
from ops.runs.snapshots.steps import Plan, Session, Step, find, missing, refused, while_unlocked

RELEASED = "released"  # where the keep line was all: some readers of forms drop an empty value


def plan(session: Session, guest: Guest, name: str, keep: Kept | None) -> Plan[Step]:
    """Say what the description will hold; without `keep` the snapshot is released."""
    refusal = session.out_of_reach(guest)
    there = [] if refusal else session.snapshots.of(guest)
    found = find(there, name)
    notes: tuple[str, ...] = ()
    if not refusal and found is None:
        refusal = missing(there, name)
    elif keep is None and found is not None and without_keep(found.description) == found.description:
        notes = ("it was not kept",)
    verb = f"keep snapshot {name} until {keep.until}" if keep else f"release snapshot {name}"
    return session.plan([Step(guest=guest, snapshot=name, action=verb, refusal=refusal, notes=notes)])


def apply(session: Session, planned: Plan[Step], keep: Kept | None) -> list[Outcome]:
    """Write the description, read afresh, where it is not yet as it should be."""
    (step,) = planned.steps
    return [while_unlocked(session, step, lambda: _written(session, step, keep))]


def _written(session: Session, step: Step, keep: Kept | None) -> Outcome:
    snapshots, started = session.snapshots, time.monotonic()
    result, words = Result.DONE, "\n".join(step.notes)
    try:
        before = find(snapshots.of(step.guest), step.snapshot)
        if before is None:
            return refused(step, f"the snapshot {step.snapshot} is gone")
        wanted = _described(before.description, keep)
        if wanted != before.description:
            snapshots.describe(step.guest, step.snapshot, wanted)
    except UnknownOutcomeError as error:
        result, words = _looked(snapshots, step, wanted, error)
    except LifecycleError as error:
        result, words = Result.FAILED, str(error)
    seconds = time.monotonic() - started
    return Outcome(guest=step.guest, action=step.action, result=result, words=words, seconds=seconds)


def _described(description: str, keep: Kept | None) -> str:
    if keep:
        return with_keep(description, keep)
    rest = without_keep(description)
    return rest if rest == description else rest or RELEASED


def _looked(snapshots: Snapshots, step: Step, wanted: str, error: UnknownOutcomeError) -> tuple[Result, str]:
    try:
        found = find(snapshots.of(step.guest), step.snapshot)
    except LifecycleError as second:
        return Result.UNKNOWN, f"{error}\nLooking failed, too: {second}"
    if found is not None and found.description == wanted.strip():
        return Result.DONE, "the answer was lost; the description shows it done"
    return Result.UNKNOWN, f"{error}\nLooked: the description does not show it done."
