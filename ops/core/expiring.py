"""What expiry does with a guest: exactly one of `Decision`, with its reason in words.

A stop needs every one of these: exactly one environment tag and it says lab; no `no-expire`; exactly one
valid expiry tag; its day is over; no template; PVE's `protection` flag is off. What is normal is left; what
contradicts itself is refused, for a person to look at.

A guest that is down stays down: where nobody declares it, and the same speaks for its stop, its start at boot
is taken away, too, also when the run that stopped it could not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from ops.core.ceiling import Ceiling
from ops.core.expiry import day_in_zone, is_over
from ops.core.model import Guest
from ops.core.tags import Environment, Tags, environment_tag, expiry_tag, parse_tags

STOPPED = "stopped"
UNKNOWN = "unknown"  # PVE's word for what it cannot see: the node is offline, or its status daemon hangs
UNCLEAR = "unclear"
_KNOWN = frozenset(map(str, Environment))
# A normal lab ends in batches: what one `up` made expires on one day.
DEFAULT_CEILING = Ceiling(count=10, share=50)


class Decision(StrEnum):
    """What is done with a guest."""

    STOP = "stop"
    KEEP_DOWN = "keep down"
    WARN = "warn"
    LEAVE = "leave"
    REFUSE = "refuse"


class Reason(StrEnum):
    """Why; the words are values of a metric's label."""

    OVER = "over"
    ENDS_SOON = "ends_soon"
    TEMPLATE = "template"
    PROD = "prod"
    NO_EXPIRE = "no_expire"
    NOT_YET = "not_yet"
    NOT_RUNNING = "not_running"
    STARTS_AT_BOOT = "starts_at_boot"
    NO_ENVIRONMENT = "no_environment"
    SEVERAL_ENVIRONMENTS = "several_environments"
    UNKNOWN_ENVIRONMENT = "unknown_environment"
    EXPIRY_IN_PROD = "expiry_in_prod"
    NO_EXPIRY = "no_expiry"
    SEVERAL_EXPIRIES = "several_expiries"
    MALFORMED_EXPIRY = "malformed_expiry"
    PROTECTED = "protected"
    LOCKED = "locked"
    UNSEEN = "unseen"
    OVER_CEILING = "over_ceiling"


WITHOUT_EXPIRY = (Reason.NO_EXPIRY, Reason.SEVERAL_EXPIRIES, Reason.MALFORMED_EXPIRY)
# A guest whose day is over runs on, or may do so: the run has not done what it is there for. The other
# refusals are findings about tags; a run that has made them has done all that it had to do.
UNDONE = (Reason.PROTECTED, Reason.LOCKED, Reason.UNSEEN, Reason.OVER_CEILING)
REFUSALS = (
    Reason.NO_ENVIRONMENT,
    Reason.SEVERAL_ENVIRONMENTS,
    Reason.UNKNOWN_ENVIRONMENT,
    Reason.EXPIRY_IN_PROD,
    *WITHOUT_EXPIRY,
    *UNDONE,
)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When it is, where days end, and how many days before the stop people are told."""

    now: datetime
    zone: ZoneInfo
    warn_days: tuple[int, ...] = (2, 1)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision on one guest. `expires_on` is the one day that its tags name, None with `no-expire`."""

    guest: Guest
    decision: Decision
    reason: Reason
    words: str
    expires_on: date | None = None


def decide(guest: Guest, policy: Policy, *, protected: bool = False, starts_at_boot: bool = False) -> Verdict:
    """Decide on one guest.

    The two flags stand in the guest's own configuration only: the scan of the cluster does not know them, and
    so they are asked for where they matter (`depends_on_flags`).
    """
    tags = _read(guest.tags)
    day = expiry_of(tags)
    decision, reason, words = _about_tags(guest, tags, policy) or _about_day(guest, day, policy)
    if decision is Decision.STOP and protected:
        words = f"{words}; but its protection flag is set in Proxmox, and so it runs on"
        decision, reason = Decision.REFUSE, Reason.PROTECTED
    verdict = Verdict(guest=guest, decision=decision, reason=reason, words=words, expires_on=day)
    if starts_at_boot and not protected and _may_be_kept_down(verdict):
        words = f"{words}, and would start with its node"
        return replace(verdict, decision=Decision.KEEP_DOWN, reason=Reason.STARTS_AT_BOOT, words=words)
    return verdict


def depends_on_flags(verdict: Verdict) -> bool:
    """Whether what stands in the guest's own configuration may change the decision."""
    return verdict.decision is Decision.STOP or _may_be_kept_down(verdict)


def _may_be_kept_down(verdict: Verdict) -> bool:
    """Its day is over and it is down. The program keeps down its own; a lock lets nobody write (TRAPS A7)."""
    guest = verdict.guest
    return verdict.reason is Reason.NOT_RUNNING and not guest.lock and not _read(guest.tags).managed


def decide_all(guests: Iterable[Guest], policy: Policy) -> list[Verdict]:
    """Decide on each guest, by vmid; no decision depends on another guest."""
    return [decide(guest, policy) for guest in sorted(guests, key=lambda each: each.vmid)]


def within(ceiling: Ceiling, verdicts: Sequence[Verdict], *, running_lab: int) -> list[Verdict]:
    """Return the verdicts as they are, or with all stops refused where they are more than the ceiling.

    Half a mistake is a mistake, too: over the ceiling nothing is stopped at all.
    """
    stops = sum(verdict.decision is Decision.STOP for verdict in verdicts)
    if stops <= ceiling.allowed(running_lab):
        return list(verdicts)
    words = (
        f"{stops} of {running_lab} running lab guests would be stopped, more than the ceiling ({ceiling}); "
        "if that is right, raise it with --max-stops"
    )
    return [
        replace(verdict, decision=Decision.REFUSE, reason=Reason.OVER_CEILING, words=words)
        if verdict.decision is Decision.STOP
        else verdict
        for verdict in verdicts
    ]


def count_running_lab(guests: Iterable[Guest]) -> int:
    """Count what a share of the ceiling is a share of."""
    return sum(is_up(guest) and environment_of(guest) == Environment.LAB for guest in guests)


def expiry_of(tags: Tags) -> date | None:
    """Return the day on which the guest expires, None where its tags name none or contradict themselves."""
    if tags.no_expire or tags.malformed_expiries or len(tags.expiries) != 1:
        return None
    return tags.expiries[0]


def environment_of(guest: Guest) -> str:
    """Return lab or prod where exactly one tag says so, else `unclear`."""
    found = _read(guest.tags).environments
    return found[0] if len(found) == 1 and found[0] in _KNOWN else UNCLEAR


def is_up(guest: Guest) -> bool:
    """Whether the guest holds memory of its node: running or paused. A suspended one is stopped."""
    return not guest.template and guest.status not in {STOPPED, UNKNOWN}


@lru_cache(maxsize=10_000)
def _read(tags: str) -> Tags:
    """Read each list of tags once: guests of one stack often have the same, and each is asked for twice."""
    return parse_tags(tags)


def _about_tags(guest: Guest, tags: Tags, policy: Policy) -> tuple[Decision, Reason, str] | None:
    """What is decided whatever day it is; None for a lab guest that expires on one certain day."""
    if guest.template:
        return Decision.LEAVE, Reason.TEMPLATE, "a template: it never runs"
    if tags.environments != (Environment.LAB,):
        return _not_lab(tags)
    return _not_dated(tags, policy)


def _not_dated(tags: Tags, policy: Policy) -> tuple[Decision, Reason, str] | None:
    if tags.no_expire:
        return Decision.LEAVE, Reason.NO_EXPIRE, "no-expire: it stays"
    if tags.malformed_expiries:
        named = ", ".join(tags.malformed_expiries)
        example = expiry_tag(day_in_zone(policy.now, policy.zone))
        return Decision.REFUSE, Reason.MALFORMED_EXPIRY, f"{named} names no day; write it like {example}"
    if not tags.expiries:
        return Decision.REFUSE, Reason.NO_EXPIRY, "a lab guest without an expiry tag: it would run for ever"
    if len(tags.expiries) > 1:
        days = ", ".join(map(str, tags.expiries))
        return Decision.REFUSE, Reason.SEVERAL_EXPIRIES, f"several expiry tags ({days}); leave one"
    return None


def _not_lab(tags: Tags) -> tuple[Decision, Reason, str]:
    if not tags.environments:
        words = f"no environment tag; only a guest with {environment_tag(Environment.LAB)} expires"
        return Decision.REFUSE, Reason.NO_ENVIRONMENT, words
    if len(tags.environments) > 1:
        named = ", ".join(tags.environments)
        return Decision.REFUSE, Reason.SEVERAL_ENVIRONMENTS, f"several environments ({named}); leave one"
    if tags.environments != (Environment.PROD,):
        words = f"the environment {tags.environments[0]!r} is neither lab nor prod"
        return Decision.REFUSE, Reason.UNKNOWN_ENVIRONMENT, words
    if tags.expiries or tags.malformed_expiries:
        words = "prod never expires, and it has an expiry tag; remove that one, or the environment is wrong"
        return Decision.REFUSE, Reason.EXPIRY_IN_PROD, words
    return Decision.LEAVE, Reason.PROD, "prod: never stopped by expiry"


def _about_day(guest: Guest, day: date | None, policy: Policy) -> tuple[Decision, Reason, str]:
    if day is None:  # `_about_tags` has answered all of these; who takes a line out there stops nothing here
        return Decision.REFUSE, Reason.NO_EXPIRY, "no certain expiry day"
    if is_over(day, policy.now, policy.zone):
        if guest.status == UNKNOWN:
            words = f"its last day was {day}, and nobody sees whether it runs: {guest.node} does not say"
            return Decision.REFUSE, Reason.UNSEEN, words
        if not is_up(guest):
            return Decision.LEAVE, Reason.NOT_RUNNING, f"its last day was {day}; it is stopped"
        return Decision.STOP, Reason.OVER, f"its last day was {day}"
    left = (day - day_in_zone(policy.now, policy.zone)).days + 1
    words = f"its last day is {day}; it will be stopped {_in_days(left)}"
    if left in policy.warn_days and guest.status != STOPPED:
        return Decision.WARN, Reason.ENDS_SOON, words
    return Decision.LEAVE, Reason.NOT_YET, words if guest.status != STOPPED else f"its last day is {day}"


def _in_days(left: int) -> str:
    return "tomorrow" if left == 1 else f"in {left} days"
