"""What the operations know of a cluster: plain values, read once a run."""

from dataclasses import dataclass
from enum import StrEnum


class GuestKind(StrEnum):
    """Virtual machine or container, by the word that stands in an API path."""

    VIRTUAL_MACHINE = "qemu"
    CONTAINER = "lxc"


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A guest as `GET /cluster/resources?type=vm` lists it.

    `status` is PVE's own word: running, stopped, paused, or unknown when its node is offline.
    `tags` is the raw string; `ops.core.tags` reads it. `lock` names the operation that holds the
    guest (backup, snapshot, …), `ha_state` the state that the HA manager wants.
    """

    vmid: int
    name: str
    node: str
    kind: GuestKind
    status: str
    tags: str = ""
    template: bool = False
    lock: str | None = None
    ha_state: str | None = None


@dataclass(frozen=True, kw_only=True)
class Node:
    """A Proxmox host and whether the cluster sees it."""

    name: str
    online: bool


@dataclass(frozen=True, kw_only=True)
class Storage:
    """A storage as one node sees it.

    In PVE's words: `content` (images, rootdir, vztmpl, snippets, …) and `plugin`, its type (dir, zfspool, …).
    """

    name: str
    content: frozenset[str]
    enabled: bool
    active: bool
    plugin: str = ""
