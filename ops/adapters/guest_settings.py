"""What the operations write of a guest: its tags, its notes, and whether it starts with its node."""

from ops.adapters.proxmox import Proxmox
from ops.core.model import Guest


def write_tags(proxmox: Proxmox, guest: Guest, tags: list[str], *, digest: str) -> None:
    """Replace the guest's tags; `digest` is its configuration's, so that somebody else's edit is not lost."""
    _write(proxmox, guest, tags=";".join(tags), digest=digest)


def write_tags_and_notes(proxmox: Proxmox, guest: Guest, tags: list[str], notes: str, *, digest: str) -> None:
    """Replace the guest's tags and its notes (`description`) in one write: both or neither."""
    _write(proxmox, guest, tags=";".join(tags), description=notes, digest=digest)


def write_start_at_boot(proxmox: Proxmox, guest: Guest, *, on: bool, digest: str) -> None:
    """Say whether the guest starts with its node (`onboot`)."""
    _write(proxmox, guest, onboot=int(on), digest=digest)


def _write(proxmox: Proxmox, guest: Guest, **values: str | int) -> None:
    proxmox.api.write("PUT", f"nodes/{guest.node}/{guest.kind}/{guest.vmid}/config", **values)
