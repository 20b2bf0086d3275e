"""What a rollback takes away, and what of today is kept through it (TRAPS E1, E3)."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.core.model import Guest, GuestKind
from ops.core.snapshots import Snapshot
from ops.core.tags import stored_tags

# Not settings of the guest, or left alone by PVE, or kept by us.
_NOT_SHOWN = frozenset(
    {"description", "digest", "lock", "meta", "onboot", "parent", "runningcpu", "runningmachine"}
    | {"running-nets-host-mtu", "snapstate", "snaptime", "tags", "vmgenid", "vmstate"}
)
_LONGEST = 60


@dataclass(frozen=True, kw_only=True)
class Today:
    """The two settings that belong to the guest's life and not to its disks: they outlive a rollback."""

    tags: tuple[str, ...]
    onboot: bool


def today(config: Mapping[str, Any]) -> Today:
    """Read them from a guest's configuration."""
    return Today(tags=stored_tags(str(config.get("tags", ""))), onboot=bool(int(config.get("onboot", 0))))


def by_hand(guest: Guest, wanted: Today) -> str:
    """The command that sets them, for the day on which this program could not."""
    tool = "qm" if guest.kind is GuestKind.VIRTUAL_MACHINE else "pct"
    tags = f"--tags {shlex.quote(';'.join(wanted.tags))}" if wanted.tags else "--delete tags"
    return f"{tool} set {guest.vmid} --onboot {int(wanted.onboot)} {tags}"


def goes_back(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    """The settings that the snapshot's configuration changes back, as `memory: 4096 -> 2048`."""
    keys = sorted((now.keys() | then.keys()) - _NOT_SHOWN)
    changed = [key for key in keys if str(now.get(key, "")) != str(then.get(key, "")) and "unused" not in key]
    return [f"{key}: {_short(now.get(key))} -> {_short(then.get(key))}" for key in changed]


def newer(snapshots: Sequence[Snapshot], target: Snapshot) -> list[str]:
    """The names of the snapshots that were taken after it, oldest first, from a list in that order."""
    return [each.name for each in snapshots[snapshots.index(target) + 1 :]]


def is_blocked(words: str) -> bool:
    """Whether PVE refused because the storage goes back to its newest snapshot only."""
    return "not most recent snapshot" in words


def _short(value: Any) -> str:
    text = "(not set)" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
