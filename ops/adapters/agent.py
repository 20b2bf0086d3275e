"""The guest agent, as far as the token may ask it."""

import re

from ops.adapters.proxmox import Proxmox
from ops.core.model import Guest
from ops.errors import LifecycleError

_SILENT = re.compile(r"agent is not running|no qemu guest agent|got timeout", re.IGNORECASE)


def answers(proxmox: Proxmox, guest: Guest) -> bool | None:
    """Whether the VM's agent answers now; None where that cannot be known (no privilege, node away)."""
    try:
        proxmox.api.read_once(f"nodes/{guest.node}/qemu/{guest.vmid}/agent/network-get-interfaces")
    except LifecycleError as error:
        return False if _SILENT.search(str(error)) else None
    return True
