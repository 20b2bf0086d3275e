"""The guests whose changes are preceded by a snapshot, and what is seen of them from outside."""

from datetime import UTC, datetime

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VM = {"name": "db", "vm_id": 151, "distribution": "debian", "snapshot_before_change": True}
CT = {"name": "queue", "vm_id": 251, "distribution": "debian", "snapshot_before_change": True}
RELAY = {"host": "mail.example.org", "sender": "lab@example.org"}
TAKEN = "before-change-20261123-120000"


def snapshots(world, vmid):
    """Their settings by name."""
    return world.call(lambda: {name: dict(snap) for name, snap in world.pve.guest(vmid).snapshots.items()})


def config(world, vmid):
    """The guest's own settings."""
    return world.call(lambda: dict(world.pve.guest(vmid).config))


def writes(world, vmid, since):
    """What was asked of the guest: the method and the path's last word."""
    return [
        (request.method, request.path.rsplit("/", 1)[1])
        for request in world.writes()[since:]
        if request.vmid == vmid
    ]
