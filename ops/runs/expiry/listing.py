"""The list of all guests with their last days, and what the next run would do with each."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from ops import consoles, tables
from ops.core.expiring import Policy, Verdict, decide_all, environment_of
from ops.core.expiry import day_in_zone
from ops.core.tags import parse_tags
from ops.runs.cluster import observe, opened
from ops.runs.expiry.plan import with_flags
from ops.runs.expiry.view import STYLES

COLUMNS = {
    "vmid": "vmid",
    "name": "name",
    "status": "status",
    "environment": "env",
    "owner": "owner",
    "expires_on": "last day",
    "days_left": "days left",
    "decision": "decision",
    "reason": "why",
}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The verdict on every guest, the time by which it was judged, and the day on which that is."""

    now: datetime
    today: date
    verdicts: tuple[Verdict, ...]
    offline_nodes: tuple[str, ...]


def list_all(connection_file: Path | None, now: datetime) -> Listing:
    """Look and judge; the ceiling is for runs only."""
    with opened(connection_file) as (settings, proxmox):
        inventory, policy = observe(proxmox), Policy(now=now, zone=settings.zone)
        verdicts = with_flags(proxmox, decide_all(inventory.guests, policy), policy)
    return Listing(
        now=now,
        today=day_in_zone(now, settings.zone),
        verdicts=tuple(verdicts),
        offline_nodes=inventory.offline_nodes,
    )


def document(listing: Listing) -> dict[str, Any]:
    """The list for `--json`."""
    return {
        "now": listing.now.isoformat(),
        "guests": [_row(verdict, today=listing.today) for verdict in listing.verdicts],
        "offline_nodes": list(listing.offline_nodes),
    }


def show(listing: Listing) -> None:
    """The list as a table."""
    rows = [_cells(verdict, today=listing.today) for verdict in listing.verdicts]
    tables.show(consoles.result_console(), list(COLUMNS.values()), rows)


def _cells(verdict: Verdict, *, today: date) -> list[Text]:
    row, style = _row(verdict, today=today), STYLES[verdict.decision]
    return [Text("" if row[name] is None else str(row[name]), style=style) for name in COLUMNS]


def _row(verdict: Verdict, *, today: date) -> dict[str, object]:
    guest, day = verdict.guest, verdict.expires_on
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node,
        "kind": guest.kind.value,
        "status": guest.status,
        "environment": environment_of(guest),
        "owner": "pulumi" if parse_tags(guest.tags).managed else None,
        "expires_on": day.isoformat() if day else None,
        "days_left": (day - today).days if day else None,
        "decision": verdict.decision.value,
        "reason": verdict.words,
    }
