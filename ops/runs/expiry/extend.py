"""Extending one guest: its day in the stack's file where the program owns it, and on its tag at once."""

import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from ops.adapters import guest_settings, stack_guests
from ops.adapters.proxmox import Proxmox
from ops.adapters.stack_guests import Change
from ops.core.expiry import day_in_zone
from ops.core.extending import Extension, ExtensionError, Wish, extension
from ops.core.selection import Selection
from ops.errors import LifecycleError, UnknownOutcomeError
from ops.runs.clocks import refuse_another_day
from ops.runs.cluster import observe, opened


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asked for, and where the stack files lie."""

    guest: str
    wish: Wish
    reason: str
    project: Path
    stack: str | None


@dataclass(frozen=True, kw_only=True)
class Extended:
    """The extension, and the stack file that says it; None for a guest of somebody else's."""

    extension: Extension
    stack_file: Path | None


def extend(request: Request, connection_file: Path | None, *, now: datetime, dry_run: bool) -> Extended:
    """Give the guest its new day. Nothing is changed in a dry run, or where anything speaks against it."""
    with opened(connection_file) as (settings, proxmox):
        inventory = observe(proxmox)
        if not dry_run:
            refuse_another_day(proxmox, now, os.environ)
        (guest,) = inventory.chosen(Selection(words=(request.guest,)))
        config = proxmox.guest_config(guest)
        today = day_in_zone(now, settings.zone)
        try:
            planned = extension(guest, str(config.get("tags", "")), request.wish, today=today)
        except ExtensionError as error:
            raise LifecycleError(
                str(error), where=f"{guest.name} ({guest.vmid})", remedy="Nothing was changed."
            ) from None
        zone = settings.time_zone
        change = _in_the_stack(planned, request, today, zone) if planned.managed else None
        if not dry_run:
            _apply(proxmox, planned, change, config, _remark(today, request.reason))
        return Extended(extension=planned, stack_file=change.path if change else None)


def _in_the_stack(planned: Extension, request: Request, today: date, zone: str) -> Change:
    entry = stack_guests.find_entry(request.project, planned.guest.vmid, request.stack)
    if entry.time_zone != zone:  # the day may be past there already, and then `up` refuses the whole file
        raise LifecycleError(
            f"the stack counts days in {entry.time_zone}, and this run in {zone}",
            where=str(entry.path),
            remedy=f"Set PVE_LIFECYCLE_TIME_ZONE={entry.time_zone} (in a connection file: time_zone) here, "
            "and on the host of the operations. Nothing was changed.",
        )
    if entry.expires_on and entry.expires_on > planned.day.isoformat():
        raise LifecycleError(
            f"the stack already says {entry.expires_on}, which is later than {planned.day}",
            where=str(entry.path),
            remedy="Type `pulumi up`; it brings the guest what the file says. Nothing was changed.",
        )
    return stack_guests.with_day(entry, planned.day, _remark(today, request.reason))


def _apply(
    proxmox: Proxmox, planned: Extension, change: Change | None, config: dict[str, object], remark: str
) -> None:
    """Write file and tag; where Proxmox refuses the tag, the file says again what it said before."""
    guest, digest = planned.guest, str(config.get("digest", ""))
    if change is None:
        notes = str(config.get("description", "")).rstrip("\n")
        words = f"Extended to {planned.day} on {remark}"
        both = f"{notes}\n\n{words}" if notes else words  # the notes are Markdown: an empty line parts them
        guest_settings.write_tags_and_notes(proxmox, guest, planned.tags, both, digest=digest)
        return
    change.write()
    try:
        guest_settings.write_tags(proxmox, guest, planned.tags, digest=digest)
    except UnknownOutcomeError:
        raise  # it may be done; the file stays, and `pulumi up` makes both agree
    except LifecycleError:
        change.undo()
        raise


def _remark(today: date, reason: str) -> str:
    return f"{today}: {reason}"
