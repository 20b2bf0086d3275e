"""A snapshot as the rules see it, and the names that Proxmox VE takes for one."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

CURRENT = "current"  # PVE lists the running state as an entry of that name
# pve-common, JSONSchema.pm: pve-snapshot-name; the API refuses the reserved ones in any case (TRAPS E10).
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,39}", re.ASCII)
RESERVED = frozenset({CURRENT, "pending", "vzdump"})


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One snapshot of a guest; `current` is none and never stands in a list of these.

    `taken` is PVE's `snaptime`, None where it tells none or 0. `state` is PVE's `snapstate`: set while
    the snapshot is made or deleted, and for ever where that broke. `parent` names the one before it.
    """

    name: str
    taken: datetime | None
    description: str = ""
    parent: str | None = None
    ram: bool = False
    state: str | None = None


def problem_with_name(name: str) -> str | None:
    """Say why Proxmox VE would refuse the name, or None where it takes it."""
    if name.lower() in RESERVED:
        return f"{name!r} is reserved by Proxmox VE; choose another name"
    if not NAME.fullmatch(name):
        return (
            f"{name!r} is no name of a snapshot: 2 to 40 letters, digits, _ and -, with a letter first "
            "(no dots, colons or spaces)"
        )
    return None


def timed_name(prefix: str, now: datetime) -> str:
    """A name that sorts by time, in UTC: `auto-20261123-090501`."""
    return f"{prefix}-{now.astimezone(UTC):%Y%m%d-%H%M%S}"
