"""Which of a guest's disks stand in the way of a snapshot: one is enough to prevent it (TRAPS E3, E4)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ops.core.model import GuestKind

_DISKS = {
    GuestKind.VIRTUAL_MACHINE: re.compile(r"(?:ide|sata|scsi|virtio|efidisk|tpmstate)\d+"),
    GuestKind.CONTAINER: re.compile(r"rootfs|mp\d+"),
}
# pve-storage, volume_has_feature: those whose every volume can. A directory can where a VM's disk is qcow2.
_ABLE = frozenset({"lvmthin", "zfspool", "zfs", "rbd", "btrfs"})
_NEWEST_ONLY = frozenset({"zfspool", "zfs"})


def hindrances(kind: GuestKind, config: Mapping[str, Any], plugins: Mapping[str, str]) -> list[str]:
    """Name the disks that prevent a snapshot, each with its storage and why.

    `plugins` is the type of each storage; one that is not in it (the token may not see it) is named as well.
    """
    return [
        reason for key, volume in _volumes(kind, config) if (reason := _hindrance(kind, key, volume, plugins))
    ]


def newest_only(kind: GuestKind, config: Mapping[str, Any], plugins: Mapping[str, str]) -> list[str]:
    """The storages of the guest's disks that go back to their newest snapshot only."""
    storages = {volume.partition(":")[0] for _, volume in _volumes(kind, config)}
    return sorted(name for name in storages if plugins.get(name) in _NEWEST_ONLY)


def _volumes(kind: GuestKind, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in sorted(config.items()):
        volume, *options = str(value).split(",")
        if _DISKS[kind].fullmatch(key) and "media=cdrom" not in options and volume != "none":
            yield key, volume.removeprefix("file=").removeprefix("volume=")


def _hindrance(kind: GuestKind, key: str, volume: str, plugins: Mapping[str, str]) -> str:
    storage = volume.partition(":")[0]
    if volume.startswith("/"):
        return f"{key} is {volume}, no volume of a storage"
    if storage not in plugins:
        return f"{key} on storage {storage}, of a type that the token may not see"
    if plugins[storage] in _ABLE or (kind is GuestKind.VIRTUAL_MACHINE and volume.endswith(".qcow2")):
        return ""
    return f"{key} on storage {storage} ({plugins[storage]}), which cannot snapshot it"
