"""What must hold before `pulumi up`: each rule takes what was observed and says ok or what to do."""

import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ops.core import privileges
from ops.core.model import Node, Storage
from ops.core.privileges import DEPLOYMENT

OLDEST = (8, 0)
OLDEST_IMPORT = (8, 4)  # before, a storage took no disk image as `import` (the provider's capabilities.go)
CLOCK_TOLERANCE = timedelta(seconds=60)
VERSION = re.compile(r"(\d+)\.(\d+)")


class Status(StrEnum):
    """What came of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the report; `remedy` may hold commands, one a line."""

    name: str
    status: Status
    what: str
    where: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the stack is going to use. `from_image` False: VMs are only cloned."""

    node: str
    snippets_storage: str
    image_storage: str
    disk_storage: str
    container_template: str | None = None
    image: str | None = None
    from_image: bool = True

    @property
    def content(self) -> dict[str, set[str]]:
        """Storage -> the content types that it must allow."""
        needed: dict[str, set[str]] = {}
        needed.setdefault(self.snippets_storage, set()).add("snippets")
        needed.setdefault(self.disk_storage, set()).update({"images", "rootdir"})
        if self.from_image:
            needed.setdefault(self.image_storage, set()).add("import")
        if self.container_template:
            needed.setdefault(storage_of(self.container_template), set()).add("vztmpl")
        return needed


def storage_of(volume: str) -> str:
    """The storage of a volume id such as `local:vztmpl/debian-12.tar.zst`."""
    return volume.partition(":")[0]


def major_of(version: str) -> int:
    """The major version; 0 where the text is no version."""
    return _numbers(version)[0]


def _numbers(version: str) -> tuple[int, int]:
    found = VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def judge_version(version: str, *, where: str, from_image: bool = False) -> Check:
    """Proxmox VE 8 or later, for the role's privileges; later still where VMs are made from images."""
    numbers, name = _numbers(version), "version"
    if numbers < OLDEST:
        what = f"Proxmox VE {version} is older than {OLDEST[0]}"
        remedy = "Upgrade the node: https://pve.proxmox.com/wiki/Upgrade_from_7_to_8"
        return Check(name=name, status=Status.FAILED, what=what, where=where, remedy=remedy)
    if from_image and numbers < OLDEST_IMPORT:
        oldest = ".".join(map(str, OLDEST_IMPORT))
        what = f"Proxmox VE {version} downloads no disk images: that came with {oldest}"
        remedy = "Upgrade the nodes; or make VMs from a template (clone_from) and give --image none here."
        return Check(name=name, status=Status.FAILED, what=what, where=where, remedy=remedy)
    return Check(name=name, status=Status.OK, what=f"Proxmox VE {version}", where=where)


def judge_privileges(
    permissions: Mapping[str, Mapping[str, bool]], wanted: Wanted, *, major: int, token_id: str
) -> Check:
    """Every privilege of the deployment role holds where it is needed."""
    places = {
        "node": wanted.node,
        "disk_storage": wanted.disk_storage,
        "image_storage": wanted.image_storage,
        "snippets_storage": wanted.snippets_storage,
    }
    absent = privileges.missing(permissions, DEPLOYMENT, major=major, places=places)
    if not absent:
        what = f"the token holds all {len(DEPLOYMENT.needs)} that a deployment needs"
        return Check(name="privileges", status=Status.OK, what=what, where=token_id)
    lines = [f"{item.privilege} on {item.path}: to {item.purpose}" for item in absent]
    return Check(
        name="privileges",
        status=Status.FAILED,
        what="\n".join(
            ["the token has none at all" if not any(permissions.values()) else "the token lacks", *lines]
        ),
        where=token_id,
        remedy=privileges.remedy(absent, DEPLOYMENT, token_id=token_id, major=major),
    )


def judge_trust(*, trusted: bool, where: str, ca_file: str) -> Check:
    """The provider's own trust: it reads SSL_CERT_FILE or the system's store, and not PROXMOX_VE_CA_FILE."""
    name = "provider's TLS"
    if trusted:
        return Check(name=name, status=Status.OK, what="the provider trusts the certificate", where=where)
    return Check(
        name=name,
        status=Status.FAILED,
        what="the provider would not trust the certificate: it reads SSL_CERT_FILE or the system's store",
        where=where,
        remedy=f"Put the CA into the store, as root: cp {ca_file or 'CA.pem'} "
        "/usr/local/share/ca-certificates/pve.crt && update-ca-certificates; "
        "or name a file that holds it and the public CAs in SSL_CERT_FILE.",
    )


def judge_node(nodes: Collection[Node], name: str) -> Check:
    """The node exists and is online. An empty list is a token that sees nothing, not an empty cluster."""
    found = next((node for node in nodes if node.name == name), None)
    if found and found.online:
        return Check(name="node", status=Status.OK, what="online", where=name)
    if found:
        what, remedy = "the node is offline", "Switch it on, or see `pvecm status` on another node."
    elif not nodes:
        what, remedy = "Proxmox shows no node at all", "The token may see none: give it Sys.Audit on /nodes."
    else:
        names = ", ".join(sorted(node.name for node in nodes))
        what, remedy = f"there is no such node; the cluster has {names}", "Name one of them with --node."
    return Check(name="node", status=Status.FAILED, what=what, where=name, remedy=remedy)


def judge_storages(storages: Iterable[Storage], wanted: Wanted) -> list[Check]:
    """Each storage exists on the node, is active, and allows the content that will be put there."""
    seen = {storage.name: storage for storage in storages}
    return [
        _judge_storage(name, seen.get(name), needed, wanted.node) for name, needed in wanted.content.items()
    ]


def _judge_storage(name: str, found: Storage | None, needed: Collection[str], node: str) -> Check:
    title = f"storage {name}"
    if found is None:
        what = "the node has no such storage, or the token may not see it"
        remedy = f"See `pvesm status` on the node; the token needs Datastore.Audit on /storage/{name}."
    elif not found.enabled:
        what, remedy = "the storage is disabled", f"pvesm set {name} --disable 0"
    elif not found.active:
        what, remedy = "the storage is not active", f"See `pvesm status --storage {name}` on the node."
    elif lacking := sorted(set(needed) - found.content):
        what = (
            f"the storage does not allow {', '.join(lacking)} (it allows {', '.join(sorted(found.content))})"
        )
        remedy = f"pvesm set {name} --content {','.join(sorted(found.content | set(needed)))}"
    else:
        what = f"active, allows {', '.join(sorted(needed))}"
        return Check(name=title, status=Status.OK, what=what, where=node)
    return Check(name=title, status=Status.FAILED, what=what, where=node, remedy=remedy)


def judge_template(volumes: Collection[str], volume: str, *, node: str) -> Check:
    """The container template lies on its storage."""
    name = "container template"
    if volume in volumes:
        return Check(name=name, status=Status.OK, what=volume, where=node)
    file, storage = volume.rpartition("/")[2], storage_of(volume)
    others = ", ".join(sorted(volumes)) or "none"
    return Check(
        name=name,
        status=Status.FAILED,
        what=f"there is no {volume}; the storage holds {others}",
        where=node,
        remedy=f"pveam update && pveam download {storage} {file}",
    )


def judge_clock(there: datetime, here: datetime, *, node: str) -> Check:
    """Node and this machine agree on the time within a minute: expiry and snapshot ages compare the two."""
    apart = abs(there - here)
    seconds = round(apart.total_seconds())
    if apart <= CLOCK_TOLERANCE:
        return Check(name="clock", status=Status.OK, what=f"{seconds} s apart", where=node)
    return Check(
        name="clock",
        status=Status.WARNING,
        what=f"the node's clock and this machine's are {seconds} s apart",
        where=node,
        remedy="See `chronyc tracking` on the node and `timedatectl` here.",
    )


def probes(user: str, directory: str) -> list[tuple[str, str, str]]:
    """Harmless stand-ins for what the provider does on the node: its own sudo test, then `tee FILE`.

    Each is a command, what its output must hold when it exits 0, and the complaint otherwise.
    """
    if user == "root":
        return [
            ("/usr/sbin/pvesm apiinfo", "APIVER", "this host is no Proxmox node"),
            (f"test -w {shlex.quote(directory)}", "", f"{directory} cannot be written"),
        ]
    file = shlex.quote(f"{directory}/pve-preflight.yaml")
    return [
        ("sudo -n /usr/sbin/pvesm apiinfo", "APIVER", f"{user} has no sudo for pvesm, or this is no node"),
        (f"sudo -n -l /usr/bin/tee {file}", "", f"{user} has no sudo for tee into {directory}"),
    ]


def way_in(user: str, directory: str) -> str:
    """What mends a failed probe."""
    if user == "root":
        return f"mkdir -p {directory} on the node, and see that its file system is mounted for writing."
    commands = f"/usr/sbin/pvesm, /usr/sbin/pct, /usr/bin/tee {directory}/*"
    return f"visudo -f /etc/sudoers.d/pulumi on the node:\n  {user} ALL=(root) NOPASSWD: {commands}"


def passed(checks: Iterable[Check]) -> bool:
    """Whether `pulumi up` may be tried: nothing failed. Warnings do not hinder it."""
    return not any(check.status is Status.FAILED for check in checks)
