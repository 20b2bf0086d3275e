"""Which disk prevents a snapshot, and which storage goes back to its newest one only."""

import pytest

from ops.core.disks import hindrances, newest_only
from ops.core.model import GuestKind

VM, CT = GuestKind.VIRTUAL_MACHINE, GuestKind.CONTAINER
PLUGINS = {"local": "dir", "thin": "lvmthin", "tank": "zfspool", "ceph": "rbd", "thick": "lvm", "nas": "nfs"}


@pytest.mark.parametrize(
    ("kind", "config", "named"),
    [
        (VM, {"scsi0": "thin:vm-100-disk-0,size=8G", "virtio1": "tank:vm-100-disk-1"}, []),
        (VM, {"scsi0": "local:100/vm-100-disk-0.qcow2", "scsi1": "ceph:vm-100-disk-1"}, []),
        (VM, {"scsi0": "local:100/vm-100-disk-0.raw"}, ["scsi0 on storage local (dir)"]),
        (VM, {"scsi0": "thin:x", "efidisk0": "thick:vm-100-disk-1"}, ["efidisk0 on storage thick (lvm)"]),
        (VM, {"scsi0": "thin:x", "tpmstate0": "nas:100/x.raw"}, ["tpmstate0 on storage nas (nfs)"]),
        (VM, {"scsi1": "/dev/sdb"}, ["scsi1 is /dev/sdb"]),
        (VM, {"ide2": "local:iso/debian.iso,media=cdrom", "sata0": "none,media=cdrom"}, []),
        (VM, {"scsihw": "virtio-scsi-pci", "net0": "virtio,bridge=vmbr0", "unused0": "local:x.raw"}, []),
        (VM, {"scsi0": "hidden:x"}, ["scsi0 on storage hidden, of a type that the token may not see"]),
        (VM, {"scsi0": "file=local:100/a.raw,size=8G"}, ["scsi0 on storage local (dir)"]),
        (CT, {"rootfs": "thin:vm-101-disk-0,size=8G", "mp0": "volume=tank:x,mp=/srv"}, []),
        (CT, {"rootfs": "local:101/vm-101-disk-0.raw"}, ["rootfs on storage local (dir)"]),
        (CT, {"rootfs": "local:101/vm-101-disk-0.qcow2"}, ["rootfs on storage local (dir)"]),
        (CT, {"rootfs": "thin:x", "mp0": "/srv/data,mp=/data"}, ["mp0 is /srv/data, no volume"]),
    ],
)
def test_each_disk_that_prevents_a_snapshot_is_named_with_its_storage(kind, config, named):
    """One is enough, also an attached data disk; a CD and an unused disk are none."""
    found = hindrances(kind, config, PLUGINS)
    assert len(found) == len(named)
    assert all(words.startswith(start) for words, start in zip(found, named, strict=True))


def test_zfs_goes_back_to_its_newest_snapshot_only():
    """As soon as one disk lies there."""
    assert newest_only(VM, {"scsi0": "thin:a", "scsi1": "tank:b"}, PLUGINS) == ["tank"]
    assert newest_only(VM, {"scsi0": "thin:a", "ide2": "tank:b,media=cdrom"}, PLUGINS) == []
