"""What comes before a guest: the claim of its number, its day with what follows, the snapshot of a change."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pulumi

from components.models import Guest, Settings
from components.reminders import reminders
from ops.core.expiry import day_in_zone, is_over
from ops.core.tags import Environment, canonical_tags
from ops.providers.expiry import ExpiryDate, ExpiryDateArgs
from ops.providers.snapshot import Snapshot, SnapshotArgs
from ops.providers.vm_id import VmIdClaim, VmIdClaimArgs


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """The declared consequences of a guest's day.

    Attributes:
        claim: the guest's number; whatever is made for the guest depends on it.
        day: the last valid day, ``YYYY-MM-DD``; None where the guest never expires.
        tags: the guest's tags, canonical.
        started: whether the guest is to run; false once its day is over.
        on_boot: whether it starts with its node; false once its day is over.
        before_change: takes the guest's snapshot; None where none is wanted.
    """

    claim: VmIdClaim
    day: pulumi.Output[str] | None
    tags: pulumi.Input[list[str]]
    started: pulumi.Input[bool]
    on_boot: pulumi.Input[bool]
    before_change: pulumi.ResourceHookBinding | None


def lifetime(parent: pulumi.Resource, guest: Guest, stack: Settings, now: datetime) -> Lifetime:
    """Claim the guest's number, declare its expiry date and derive from it; ``now`` knows its zone."""
    today = day_in_zone(now, stack.zone)
    for words in reminders(guest, stack, today):
        pulumi.log.warn(words, parent)
    args = VmIdClaimArgs(guest=guest.name, vm_id=guest.vm_id)
    claim = VmIdClaim(f"{guest.name}-vm-id", args, pulumi.ResourceOptions(parent=parent))
    before_change = _before_change(parent, guest, now)
    on_boot = stack.environment is Environment.PROD if guest.on_boot is None else guest.on_boot
    if stack.environment is Environment.PROD or guest.no_expire is not None:
        tags = canonical_tags(stack.environment, no_expire=guest.no_expire is not None, extra=guest.tags)
        return Lifetime(
            claim=claim, day=None, tags=tags, started=True, on_boot=on_boot, before_change=before_change
        )
    expiry = ExpiryDate(
        f"{guest.name}-expiry",
        ExpiryDateArgs(
            guest=guest.name,
            today=today.isoformat(),
            expiration_days=guest.expiration_days or stack.default_expiration_days,
            expires_on=guest.expires_on,
            renew=guest.renew,
        ),
        pulumi.ResourceOptions(parent=parent, depends_on=[claim]),
    )
    alive = expiry.day.apply(lambda day: _alive(day, now, stack.zone))
    return Lifetime(
        claim=claim,
        day=expiry.day,
        tags=expiry.day.apply(
            lambda day: canonical_tags(
                stack.environment, expires_on=date.fromisoformat(day), extra=guest.tags
            )
        ),
        started=alive,
        on_boot=alive.apply(lambda yes: yes and on_boot),
        before_change=before_change,
    )


def _before_change(parent: pulumi.Resource, guest: Guest, now: datetime) -> pulumi.ResourceHookBinding | None:
    if not guest.snapshot_before_change:
        return None
    return Snapshot(parent, SnapshotArgs(guest=guest.name, vm_id=guest.vm_id, now=now)).hooks


def _alive(day: str, now: datetime, zone: ZoneInfo) -> bool:
    return not is_over(date.fromisoformat(day), now, zone)


def description(guest: Guest) -> str:
    """Return the line shown in Proxmox VE; without a final newline, which never compares equal."""
    lines = [guest.description or f"{guest.name}, declared in Pulumi"]
    if guest.no_expire:
        lines.append(f"no-expire: {guest.no_expire.reason} (review {guest.no_expire.review_on})")
    return "\n".join(lines)
