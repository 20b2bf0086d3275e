"""Snapshots over the API. Each write returns the UPID of the task that PVE started, and is sent once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ops.adapters import api_errors
from ops.adapters.proxmox import Proxmox
from ops.core.model import Guest, GuestKind
from ops.core.snapshots import CURRENT, Snapshot


class Snapshots:
    """The snapshots of a cluster's guests. Methods raise a LifecycleError where PVE refuses or is away."""

    def __init__(self, proxmox: Proxmox) -> None:
        self._api = proxmox.api

    def of(self, guest: Guest) -> list[Snapshot]:
        """The guest's snapshots, oldest first, those without a time before all; `current` left out."""
        path = _path(guest)
        rows = self._api.read(path)
        try:
            found = [_snapshot(row) for row in rows if row["name"] != CURRENT]
        except (KeyError, TypeError, ValueError, OverflowError):
            raise api_errors.not_understood(self._api.endpoint, path) from None
        return sorted(found, key=lambda each: (each.taken or datetime.min.replace(tzinfo=UTC), each.name))

    def possible(self, guest: Guest) -> bool:
        """Whether every disk of the guest can be snapshotted, by PVE's own check (TRAPS E4)."""
        path = f"nodes/{guest.node}/{guest.kind}/{guest.vmid}/feature"
        answer = self._api.read(path, feature="snapshot")
        try:
            return bool(answer["hasFeature"])
        except (KeyError, TypeError):
            raise api_errors.not_understood(self._api.endpoint, path) from None

    def config(self, guest: Guest, name: str) -> dict[str, Any]:
        """The guest's configuration as the snapshot holds it: what a rollback brings back (TRAPS E1)."""
        path = f"{_path(guest)}/{name}/config"
        answer = self._api.read(path)
        if not isinstance(answer, dict):
            raise api_errors.not_understood(self._api.endpoint, path)
        return answer

    def take(self, guest: Guest, name: str, description: str, *, ram: bool = False) -> str:
        """Take one; with RAM only for a VM: the container's call has no such parameter (TRAPS E5)."""
        given: dict[str, Any] = {"snapname": name, "description": description}
        if ram and guest.kind is GuestKind.VIRTUAL_MACHINE:
            given["vmstate"] = 1
        return self._api.write("POST", _path(guest), **given)

    def delete(self, guest: Guest, name: str) -> str:
        """Delete one; never with `force`."""
        return self._api.write("DELETE", f"{_path(guest)}/{name}")

    def roll_back(self, guest: Guest, name: str, *, start: bool) -> str:
        """Go back to it; PVE stops the guest hard and starts it only where it is told to (TRAPS E2)."""
        return self._api.write("POST", f"{_path(guest)}/{name}/rollback", start=int(start))

    def describe(self, guest: Guest, name: str, description: str) -> None:
        """Replace its description."""
        self._api.write("PUT", f"{_path(guest)}/{name}/config", description=description)


def _path(guest: Guest) -> str:
    return f"nodes/{guest.node}/{guest.kind}/{guest.vmid}/snapshot"


def _snapshot(row: Mapping[str, Any]) -> Snapshot:
    seconds = int(row.get("snaptime") or 0)
    return Snapshot(
        name=str(row["name"]),
        taken=datetime.fromtimestamp(seconds, tz=UTC) if seconds > 0 else None,
        description=str(row.get("description", "")).strip(),
        parent=str(row["parent"]) if row.get("parent") else None,
        ram=bool(row.get("vmstate", 0)),
        state=str(row["snapstate"]) if row.get("snapstate") else None,
    )
