"""What a clean-up tells people: what it deleted, what it will delete tomorrow, what it could not.

The text holds names and dates only. Reasons and PVE's own words are anybody's, and some channels take angle
brackets for markup; they are in the report.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ops.adapters.notices import Notice
from ops.core.expiry import day_in_zone
from ops.core.outcomes import GOOD, Outcome
from ops.core.retention import AHEAD, Decision, Plan, Verdict, format_day
from ops.runs.telling import the_first


def notices_of(
    plan: Plan, outcomes: Sequence[Outcome], operation: str, now: datetime, zone: ZoneInfo
) -> list[Notice]:
    """At most one of each kind. The zone's day is a label: tomorrow's is another, a second run's not."""
    labels = {"operation": operation, "day": day_in_zone(now, zone).isoformat()}

    def notice(name: str, severity: str, summary: str, lines: Sequence[str], advice: str) -> list[Notice]:
        if not lines:
            return []
        made = Notice(
            name=name,
            severity=severity,
            summary=summary,
            description=f"{the_first(lines)}\n{advice}",
            starts=now,
            ends=now + AHEAD,
            labels=labels,
        )
        return [made]

    deleted = [_line(each) for each in outcomes if each.result in GOOD and each.seconds is not None]
    soon = [_announced(each) for each in plan.of(Verdict.ANNOUNCE)]
    amiss = [_line(each) for each in outcomes if each.result not in GOOD]
    return [
        *notice("SnapshotsDeleted", "info", f"{_many(deleted)} deleted by age", deleted, "They are gone."),
        *notice(
            "SnapshotsDueForDeletion",
            "info",
            f"{_many(soon)} will be deleted by age tomorrow",
            soon,
            "Whoever needs one keeps it with: pve-snapshot keep GUEST NAME --until DATE --reason TEXT",
        ),
        *notice(
            "SnapshotCleanupIncomplete",
            "warning",
            f"Snapshot clean-up could not do {len(amiss)} of its tasks",
            amiss,
            "The reasons are in its report: journalctl -u pve-cleanup-snapshots",
        ),
    ]


def _many(lines: Sequence[str]) -> str:
    return f"{len(lines)} snapshot" + ("" if len(lines) == 1 else "s")


def _line(outcome: Outcome) -> str:
    return f"{outcome.guest.name} ({outcome.guest.vmid}): {outcome.action}: {outcome.result.value}"


def _announced(decision: Decision) -> str:
    taken = format_day(decision.snapshot.taken) if decision.snapshot.taken else "an unknown time"
    return f"{decision.guest.name} ({decision.guest.vmid}): {decision.snapshot.name} of {taken}"
