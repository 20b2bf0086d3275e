"""A guest's address and login name, as Proxmox VE tells them."""

from dataclasses import dataclass

from ops.adapters.proxmox import Proxmox
from ops.core import addresses
from ops.core.model import Guest, GuestKind
from ops.errors import LifecycleError, UnreachableError


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a guest is; `user` is the one that cloud-init made, or root in a container."""

    address: str | None
    user: str | None
    words: str = ""


def place_of(proxmox: Proxmox, guest: Guest) -> Place:
    """Ask for the configuration, and where that has no address, for the running guest's own word."""
    config = proxmox.guest_config(guest)
    container = guest.kind is GuestKind.CONTAINER
    user = "root" if container else str(config.get("ciuser") or "") or None
    found = addresses.configured(config)
    words = ""
    if not found and guest.status == "running":
        try:
            found = _reported(proxmox, guest)
        except UnreachableError:
            raise
        except LifecycleError as error:  # no agent in the guest, or none that answers
            words = f": {error.what}"
    if not found:
        return Place(address=None, user=user, words=f"Proxmox VE knows no address of it{words}")
    return Place(address=found[0], user=user)


def _reported(proxmox: Proxmox, guest: Guest) -> list[str]:
    base = f"nodes/{guest.node}/{guest.kind}/{guest.vmid}"
    if guest.kind is GuestKind.CONTAINER:
        return addresses.reported_by_container(proxmox.api.read(f"{base}/interfaces"))
    return addresses.reported_by_agent(proxmox.api.read(f"{base}/agent/network-get-interfaces"))
