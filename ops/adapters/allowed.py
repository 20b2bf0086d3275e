"""The calls that this program can make: everything else cannot be said, deleting a guest above all."""

import re
from collections.abc import Collection, Mapping

# PVE's own rules for names. None of them lets a path begin with a dot: `snapshot/..` would be the guest.
_PARTS: Mapping[str, str] = {
    "node": r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?",
    "kind": r"(?:qemu|lxc)",
    "vmid": r"[1-9][0-9]{2,8}",
    "storage": r"[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]",
    "snapshot": r"[A-Za-z][A-Za-z0-9_-]+",
    "upid": r"UPID:[^\s/?#%]+",  # it ends with the user's name, which may hold nearly anything
}
# What may be asked. No path here or below deletes, creates or destroys a guest.
READS = (
    "version",
    "access/permissions",
    "cluster/nextid",
    "cluster/resources",
    "nodes",
    "nodes/{node}/time",
    "nodes/{node}/query-url-metadata",
    "nodes/{node}/storage",
    "nodes/{node}/storage/{storage}/content",
    "nodes/{node}/{kind}/{vmid}/config",
    "nodes/{node}/{kind}/{vmid}/feature",
    "nodes/{node}/{kind}/{vmid}/snapshot",
    "nodes/{node}/{kind}/{vmid}/snapshot/{snapshot}/config",
    "nodes/{node}/{kind}/{vmid}/status/current",
    "nodes/{node}/lxc/{vmid}/interfaces",
    "nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
    "nodes/{node}/tasks/{upid}/status",
    "nodes/{node}/tasks/{upid}/log",
    "storage/{storage}",
)
# Writes, each with the parameters that may go with it. `force` is not among them, nor anything that would
# remove a disk (`delete`), end a lock (`skiplock`) or change what a guest is.
WRITES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "POST": {
        "nodes/{node}/{kind}/{vmid}/snapshot": frozenset({"snapname", "description", "vmstate"}),
        "nodes/{node}/{kind}/{vmid}/snapshot/{snapshot}/rollback": frozenset({"start"}),
        "nodes/{node}/{kind}/{vmid}/status/shutdown": frozenset({"timeout", "forceStop"}),
    },
    "PUT": {
        "nodes/{node}/{kind}/{vmid}/config": frozenset({"tags", "description", "onboot", "digest"}),
        "nodes/{node}/{kind}/{vmid}/snapshot/{snapshot}/config": frozenset({"description"}),
    },
    "DELETE": {"nodes/{node}/{kind}/{vmid}/snapshot/{snapshot}": frozenset()},
}


def _compiled(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(_PARTS[p] if i % 2 else re.escape(p) for i, p in enumerate(pieces)), re.ASCII)


_READS = tuple(map(_compiled, READS))
_WRITES = {
    method: tuple((_compiled(path), parameters) for path, parameters in paths.items())
    for method, paths in WRITES.items()
}


def permitted(method: str, path: str, parameters: Collection[str] = ()) -> bool:
    """Whether this program may send the call, with these parameters, at all."""
    if method == "GET":
        return any(pattern.fullmatch(path) for pattern in _READS)
    return any(
        pattern.fullmatch(path) and known.issuperset(parameters) for pattern, known in _WRITES.get(method, ())
    )
