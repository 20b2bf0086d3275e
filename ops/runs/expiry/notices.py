"""What expiry tells people: two days and one day ahead, and before it stops a guest.

One notice a guest, with the guest in its labels: a repeated run makes no second alert. The text holds names
and dates only, for some channels take angle brackets for markup.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta

from ops.adapters.notices import Notice
from ops.core.expiring import Policy, Verdict
from ops.core.expiry import day_in_zone

SOON = "LabGuestExpiresSoon"
STOP = "LabGuestStop"
LASTS = timedelta(days=1)  # until the next run says it again, or has nothing more to say


def warnings(verdicts: Iterable[Verdict], policy: Policy) -> list[Notice]:
    """One notice for each guest whose end is near."""
    return [
        _notice(
            SOON,
            verdict,
            policy,
            summary=f"The lab guest {_name(verdict)} will be stopped: {verdict.words}",
            description=f"To keep it: pve-expire extend {verdict.guest.vmid} --days N --reason WHY",
        )
        for verdict in verdicts
    ]


def stops(verdicts: Iterable[Verdict], again: Collection[int], policy: Policy) -> list[Notice]:
    """One notice for each guest that is about to be stopped; `again` are those that were stopped before."""
    return [
        _notice(
            STOP,
            verdict,
            policy,
            summary=f"The lab guest {_name(verdict)} is being stopped"
            f"{' again' if verdict.guest.vmid in again else ''}: {verdict.words}",
            description="Nothing is deleted. To have it back: "
            f"pve-expire extend {verdict.guest.vmid} --days N --reason WHY, and start it.",
        )
        for verdict in verdicts
    ]


def _name(verdict: Verdict) -> str:
    return f"{verdict.guest.name} ({verdict.guest.vmid})"


def _notice(name: str, verdict: Verdict, policy: Policy, *, summary: str, description: str) -> Notice:
    guest = verdict.guest
    # The day makes tomorrow's warning another alert: today's has not ended then, and would swallow it. It is
    # the zone's day, by which the text counts: two of them can begin on one day of UTC.
    day = day_in_zone(policy.now, policy.zone).isoformat()
    labels = {"vmid": str(guest.vmid), "name": guest.name, "node": guest.node, "kind": guest.kind.value}
    return Notice(
        name=name,
        severity="warning",
        summary=summary,
        description=description,
        starts=policy.now,
        ends=policy.now + LASTS,
        labels=labels | {"day": day},
    )
