"""Which snapshots go: those older than the limit, unless somebody said why one stays. Nothing else goes.

`decide_all` is total: every snapshot gets exactly one decision with its reason. What cannot be judged, or may
not be done, is refused and never deleted.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ops.core.ceiling import Ceiling
from ops.core.expiry import is_over
from ops.core.keeping import Malformed, kept
from ops.core.model import Guest
from ops.core.snapshots import CURRENT, Snapshot

# Runs are daily by the clock on the wall: up to 25 hours and the timer's delay apart. What is announced a
# little too early is announced again; what is announced too late was not announced.
AHEAD = timedelta(hours=26)
# A snapshot "from the future" by less comes from a clock that is off, and is young by any clock.
CLOCKS_APART = timedelta(days=1)
LONGEST_AGE = timedelta(days=3650)

_AGE = re.compile(r"([1-9]\d{0,5})([hdw])", re.ASCII)
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1)}


class Verdict(StrEnum):
    """What is to become of a snapshot."""

    DELETE = "delete"
    ANNOUNCE = "announce"  # the rule will delete it by about this time tomorrow
    LEAVE = "leave"
    REFUSE = "refuse"  # it may be due, and is not touched: a person has to look


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rule's numbers. Days, of those that are kept, end in `zone`."""

    max_age: timedelta
    ceiling: Ceiling
    zone: ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One snapshot's fate and the reason in words."""

    guest: Guest
    snapshot: Snapshot
    verdict: Verdict
    reason: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A decision for each snapshot, oldest first, and the numbers by which the ceiling was judged."""

    decisions: tuple[Decision, ...]
    due: int
    allowed: int

    def of(self, verdict: Verdict) -> list[Decision]:
        """The decisions of one kind, oldest first."""
        return [decision for decision in self.decisions if decision.verdict is verdict]

    @property
    def over_the_ceiling(self) -> bool:
        """Whether more were due than one run may delete, so that it deletes none."""
        return self.due > self.allowed


def decide_all(held: Iterable[tuple[Guest, Snapshot]], policy: Policy, now: datetime) -> Plan:
    """Judge every snapshot. Over the ceiling none is deleted: a mistake must not be done in daily slices."""
    decisions = sorted((decide(*each, policy, now) for each in held), key=_oldest_first)
    due = sum(decision.verdict is Verdict.DELETE for decision in decisions)
    allowed = policy.ceiling.allowed(len(decisions))
    if due > allowed:
        decisions = _held_back(decisions, f"over the ceiling: {due} are due and one run deletes {allowed}")
    return Plan(decisions=tuple(decisions), due=due, allowed=allowed)


def decide(guest: Guest, snapshot: Snapshot, policy: Policy, now: datetime) -> Decision:
    """Judge one snapshot, the ceiling aside."""
    verdict, reason = _judged(guest, snapshot, policy, now)
    if verdict is Verdict.LEAVE and _judged(guest, snapshot, policy, now + AHEAD)[0] is Verdict.DELETE:
        verdict, reason = Verdict.ANNOUNCE, f"{reason}; due within a day"
    return Decision(guest=guest, snapshot=snapshot, verdict=verdict, reason=reason)


def _judged(guest: Guest, snapshot: Snapshot, policy: Policy, now: datetime) -> tuple[Verdict, str]:
    if snapshot.name == CURRENT:
        return Verdict.LEAVE, "is the running state, and no snapshot"
    if guest.template:
        return Verdict.LEAVE, "belongs to a template"
    if snapshot.taken is None:
        return Verdict.REFUSE, "Proxmox tells no time for it, so that its age is unknown"
    age = _whole_seconds(now) - snapshot.taken.astimezone(UTC)
    if age < -CLOCKS_APART:
        taken = format_day(snapshot.taken)
        return Verdict.REFUSE, f"was taken in the future ({taken}): a clock was wrong then, or is now"
    old = age > policy.max_age
    return _by_its_keep_line(snapshot, policy, now, old=old) or _by_age(snapshot, policy, age, old=old)


def _by_its_keep_line(
    snapshot: Snapshot, policy: Policy, now: datetime, *, old: bool
) -> tuple[Verdict, str] | None:
    keep = kept(snapshot.description)
    if isinstance(keep, Malformed):
        return (Verdict.REFUSE if old else Verdict.LEAVE), f"its keep line names no day: {keep.line!r}"
    if keep is None or is_over(keep.until, now, policy.zone):
        return None
    return Verdict.LEAVE, f"kept until {keep.until}" + (f": {keep.reason}" if keep.reason else "")


def _by_age(snapshot: Snapshot, policy: Policy, age: timedelta, *, old: bool) -> tuple[Verdict, str]:
    reason = f"{age_in_words(age)} old, the limit is {format_age(policy.max_age)}"
    if not old:
        return Verdict.LEAVE, reason
    if snapshot.state is not None:
        return Verdict.REFUSE, f"{reason}, and it is broken (snapstate {snapshot.state})"
    return Verdict.DELETE, reason


def parse_age(text: str) -> timedelta:
    """Read `12h`, `7d` or `2w`, up to ten years; ValueError for anything else."""
    match = _AGE.fullmatch(text)
    age = int(match[1]) * _UNITS[match[2]] if match else None
    if age is None or age > LONGEST_AGE:
        raise ValueError(f"{text!r}: write hours (12h), days (7d) or weeks (2w), ten years at most")
    return age


def format_age(age: timedelta) -> str:
    """Write whole hours so that `parse_age` reads them: in days where they are whole days."""
    hours = age // timedelta(hours=1)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def age_in_words(age: timedelta) -> str:
    """An age for people: `8 d 3 h`, `3 h 20 min`."""
    if age <= -timedelta(minutes=1):
        return f"-{age_in_words(-age)}"
    hours, minutes = divmod(max(age // timedelta(minutes=1), 0), 60)
    days, hours_left = divmod(hours, 24)
    return f"{days} d {hours_left} h" if days else f"{hours} h {minutes} min"


def format_day(moment: datetime) -> str:
    """A moment in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _whole_seconds(now: datetime) -> datetime:
    """Proxmox counts whole seconds. Instants are compared in UTC, where no hour is skipped or repeated."""
    if now.tzinfo is None:
        raise ValueError(f"{now.isoformat()} has no time zone; pass a time that knows its zone")
    return now.astimezone(UTC).replace(microsecond=0)


def _held_back(decisions: Sequence[Decision], reason: str) -> list[Decision]:
    return [
        replace(each, verdict=Verdict.REFUSE, reason=f"{each.reason}; {reason}")
        if each.verdict is Verdict.DELETE
        else each
        for each in decisions
    ]


def _oldest_first(decision: Decision) -> tuple[datetime, int, str]:
    taken = decision.snapshot.taken or datetime.min.replace(tzinfo=UTC)
    return taken.astimezone(UTC), decision.guest.vmid, decision.snapshot.name
