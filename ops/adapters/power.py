"""A guest's power: whether it runs, and shutting it down. Nothing here starts one."""

from ops.adapters import api_errors
from ops.adapters.proxmox import Proxmox
from ops.core.model import Guest


def status(proxmox: Proxmox, guest: Guest) -> str:
    """Ask the guest's node for PVE's word, `running` or `stopped`; a paused guest is running."""
    path = _path(guest, "current")
    try:
        return str(proxmox.api.read(path)["status"])
    except (KeyError, TypeError):
        raise api_errors.not_understood(proxmox.api.endpoint, path) from None


def shut_down(proxmox: Proxmox, guest: Guest, *, timeout: int) -> str:
    """Ask the guest to shut down, have PVE end it hard after `timeout` seconds, and return the task's UPID.

    `forceStop` also ends a paused guest, which cannot be asked. For a guest of the HA manager the task is
    done as soon as the manager has the request (TRAPS F1): whether the guest is down, only `status` tells.
    """
    return proxmox.api.write("POST", _path(guest, "shutdown"), timeout=timeout, forceStop=1)


def _path(guest: Guest, what: str) -> str:
    return f"nodes/{guest.node}/{guest.kind}/{guest.vmid}/status/{what}"
