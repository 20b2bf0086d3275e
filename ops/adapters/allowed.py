"""The calls that this program can make: everything else cannot be said, deleting a guest above all."""

import re
from collections.abc import Mapping

# PVE's own rules for names. None of them lets a path begin with a dot: `snapshot/..` would be the guest.
_PARTS: Mapping[str, str] = {
    "node": r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?",
    "kind": r"(?:qemu|lxc)",
    "vmid": r"[1-9][0-9]{2,8}",
    "storage": r"[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]",
    "snapshot": r"[A-Za-z][A-Za-z0-9_-]+",
    "upid": r"UPID:[A-Za-z0-9:@!._-]+",
}
# What may be said at all. No path here deletes, creates or destroys a guest.
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "GET": (
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
        "nodes/{node}/tasks/{upid}/status",
        "nodes/{node}/tasks/{upid}/log",
        "storage/{storage}",
    ),
    "POST": ("nodes/{node}/{kind}/{vmid}/snapshot",),
    "DELETE": ("nodes/{node}/{kind}/{vmid}/snapshot/{snapshot}",),
}


def _compiled(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(_PARTS[p] if i % 2 else re.escape(p) for i, p in enumerate(pieces)), re.ASCII)


_PATTERNS = {method: tuple(map(_compiled, paths)) for method, paths in ALLOWED.items()}


def permitted(method: str, path: str) -> bool:
    """Whether this program may send the call at all."""
    return any(pattern.fullmatch(path) for pattern in _PATTERNS.get(method, ()))
