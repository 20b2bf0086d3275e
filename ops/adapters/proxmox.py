"""What the operations ask of Proxmox, as typed calls over `Api`."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from ops.adapters import api_errors
from ops.adapters.api import Api
from ops.core.model import Guest, GuestKind, Node, Storage
from ops.errors import LifecycleError

T = TypeVar("T")


class Proxmox:
    """One cluster, read. Every method raises a LifecycleError where PVE does not answer or refuses."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def version(self) -> str:
        """The version of the node that answers, such as `9.0.10`."""
        return self._parsed("version", lambda answer: str(answer["version"]))

    def permissions(self) -> dict[str, dict[str, bool]]:
        """Path -> privilege -> whether it holds below the path, too; as PVE worked it out for this token."""
        return self._parsed(
            "access/permissions",
            lambda answer: {
                path: {privilege: bool(below) for privilege, below in held.items()}
                for path, held in (answer or {}).items()
            },
        )

    def nodes(self) -> list[Node]:
        """The cluster's nodes, the offline ones too."""
        return self._rows("nodes", lambda row: Node(name=row["node"], online=row.get("status") == "online"))

    def storages(self, node: str) -> list[Storage]:
        """The storages that the node has and the token may see: PVE leaves the others out without a word."""
        return self._rows(
            f"nodes/{node}/storage",
            lambda row: Storage(
                name=row["storage"],
                content=frozenset(filter(None, str(row.get("content", "")).split(","))),
                enabled=bool(row.get("enabled", 1)),
                active=bool(row.get("active", 0)),
                plugin=str(row.get("type", "")),
            ),
        )

    def storage_path(self, storage: str) -> str | None:
        """The directory of a file storage on its node; None for a block storage. Needs Datastore.Allocate."""
        return self._parsed(f"storage/{storage}", lambda answer: _text(answer.get("path")))

    def volumes(self, node: str, storage: str, content: str) -> list[str]:
        """The volume ids of one content type, such as `local:vztmpl/debian-12.tar.zst`."""
        path = f"nodes/{node}/storage/{storage}/content"
        return self._rows(path, lambda row: str(row["volid"]), content=content)

    def clock(self, node: str) -> datetime:
        """The node's clock, in UTC."""
        return self._parsed(
            f"nodes/{node}/time", lambda answer: datetime.fromtimestamp(int(answer["time"]), tz=UTC)
        )

    def image_size(self, node: str, url: str) -> int | None:
        """Have the node ask for the file's size in bytes, as before a download; None where none is told."""
        path = f"nodes/{node}/query-url-metadata"
        return self._parsed(path, lambda answer: int(answer["size"]) if answer.get("size") else None, url=url)

    def guests(self) -> list[Guest]:
        """All guests of the cluster that the token may audit, in one call.

        An empty list may mean that the token sees none (TRAPS A21): it is not 'nothing to do'.
        """
        return self._rows("cluster/resources", _guest, type="vm")

    def is_free(self, vmid: int) -> bool:
        """Whether no guest has the number, seen or unseen: PVE answers 400 for a taken one."""
        try:
            self.api.read("cluster/nextid", vmid=vmid)
        except LifecycleError as error:
            if "already exists" in str(error):
                return False
            raise
        return True

    def guest_config(self, guest: Guest) -> dict[str, Any]:
        """The guest's configuration with the changes that wait for its next start left out."""
        path = f"nodes/{guest.node}/{guest.kind}/{guest.vmid}/config"
        return self._parsed(path, dict, current=1)

    def runs(self, guest: Guest) -> bool:
        """Whether the guest runs now; the list that it comes from may be minutes old."""
        path = f"nodes/{guest.node}/{guest.kind}/{guest.vmid}/status/current"
        return self._parsed(path, lambda answer: bool(answer["status"] == "running"))

    def _parsed(self, path: str, parse: Callable[[Any], T], **parameters: Any) -> T:
        answer = self.api.read(path, **parameters)
        try:
            return parse(answer)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise api_errors.not_understood(self.api.endpoint, path) from None

    def _rows(self, path: str, parse: Callable[[Mapping[str, Any]], T], **parameters: Any) -> list[T]:
        return self._parsed(path, lambda answer: [parse(row) for row in answer], **parameters)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _guest(row: Mapping[str, Any]) -> Guest:
    vmid, kind = int(row["vmid"]), GuestKind(row["type"])
    return Guest(
        vmid=vmid,
        # PVE's own words for a guest without a name; it leaves them out where the node is offline
        name=str(row.get("name") or (f"VM {vmid}" if kind is GuestKind.VIRTUAL_MACHINE else f"CT{vmid}")),
        node=str(row["node"]),
        kind=kind,
        status=str(row.get("status") or "unknown"),
        tags=str(row.get("tags") or ""),
        template=bool(row.get("template", 0)),
        lock=_text(row.get("lock")),
        ha_state=_text(row.get("hastate")),
    )
