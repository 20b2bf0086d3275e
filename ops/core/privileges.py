"""The two roles, privilege by privilege: what for, and where it must hold. The lab grants exactly these."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

VM_MONITOR_UNTIL = 8  # PVE 9 replaced VM.Monitor by VM.GuestAgent.*, and refuses the old name in a role

GUESTS = "/vms"
ROOT = "/"
POOLS = "/pool"
BRIDGES = "/sdn/zones/localnetwork"
NODE = "/nodes/{node}"
NODES = "/nodes"
STORAGES = "/storage"
DISKS = "/storage/{disk_storage}"
IMAGES = "/storage/{image_storage}"
SNIPPETS = "/storage/{snippets_storage}"

Need = tuple[tuple[str, ...], str]


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role by the name that the documentation gives it; `needs` are privilege -> paths, what for.

    A name that begins with PVE would be refused: Proxmox VE keeps those for its own roles.
    """

    name: str
    needs: Mapping[str, Need]

    def privileges(self, major: int) -> dict[str, Need]:
        """The privileges under the names that this major version of PVE knows."""
        renamed = {"VM.GuestAgent.Audit": "VM.Monitor"} if major <= VM_MONITOR_UNTIL else {}
        return {renamed.get(name, name): need for name, need in self.needs.items()}


# Measured: with these on `/` a token brought up, changed and destroyed VMs and containers.
_DEPLOYMENT: Mapping[str, Need] = {
    "VM.Allocate": ((GUESTS,), "create and remove guests"),
    "VM.Audit": ((GUESTS,), "read guests and their configuration"),
    "VM.Clone": ((GUESTS,), "make a VM from a template"),
    "VM.Config.CDROM": ((GUESTS,), "attach the cloud-init drive"),
    "VM.Config.CPU": ((GUESTS,), "set the number of cores"),
    "VM.Config.Cloudinit": ((GUESTS,), "hand over the user-data"),
    "VM.Config.Disk": ((GUESTS,), "add and grow disks"),
    "VM.Config.HWType": ((GUESTS,), "set the machine and controller types"),
    "VM.Config.Memory": ((GUESTS,), "set the memory"),
    "VM.Config.Network": ((GUESTS,), "set network devices"),
    "VM.Config.Options": ((GUESTS,), "set tags, description, protection and start at boot"),
    "VM.Migrate": ((GUESTS,), "move a VM to the node that is declared"),
    "VM.PowerMgmt": ((GUESTS,), "start and stop guests"),
    "VM.Snapshot": ((GUESTS,), "take a snapshot before a change"),
    "VM.GuestAgent.Audit": ((GUESTS,), "ask the guest agent for addresses"),
    "Datastore.Allocate": ((SNIPPETS, IMAGES), "find the storage's directory, remove snippets and images"),
    "Datastore.AllocateSpace": ((DISKS, IMAGES), "create disks"),
    "Datastore.AllocateTemplate": ((IMAGES,), "download images and container templates"),
    "Datastore.Audit": ((DISKS, IMAGES, SNIPPETS), "see the storage and what lies on it"),
    "Sys.Audit": ((NODE,), "read the node's state and network"),
    "Sys.Modify": ((ROOT,), "set the boot order of guests, download by address"),
    "Sys.AccessNetwork": ((NODE,), "let the node download an image"),
    "SDN.Use": ((BRIDGES,), "connect guests to a bridge"),
    "Pool.Audit": ((POOLS,), "read which pool a guest is in"),
}

DEPLOYMENT = Role(name="PulumiDeploy", needs=_DEPLOYMENT)

# No VM.Allocate: whatever holds no more than this cannot delete a guest (TRAPS F3).
_OPERATIONS: Mapping[str, Need] = {
    "VM.Audit": ((GUESTS,), "see the guests, their tags and their configuration"),
    "VM.PowerMgmt": ((GUESTS,), "stop an expired guest, start one again after a rollback"),
    "VM.Config.Options": ((GUESTS,), "write tags, start at boot, and the reason of an extension"),
    "VM.Snapshot": ((GUESTS,), "take, describe and delete snapshots"),
    "VM.Snapshot.Rollback": ((GUESTS,), "go back to a snapshot"),
    "VM.GuestAgent.Audit": ((GUESTS,), "ask the guest agent for addresses"),
    "Datastore.AllocateSpace": ((STORAGES,), "keep the memory of a snapshot that was asked to have it"),
    "Datastore.Audit": ((STORAGES,), "see whether a storage can make snapshots"),
    "Sys.Audit": ((NODES,), "see which nodes are online, and their clocks"),
}
OPERATIONS = Role(name="LifecycleOperations", needs=_OPERATIONS)

# What nobody who stops machines and deletes snapshots at night should be able to do, and why.
DANGEROUS: Mapping[str, str] = {
    "VM.Allocate": "it could delete guests",
    "VM.Config.Disk": "it could take disks from guests",
    "VM.GuestAgent.FileWrite": "it could write files inside guests",
    "VM.GuestAgent.Unrestricted": "it could run commands inside guests",
    "Datastore.Allocate": "it could delete volumes and storages",
    "Permissions.Modify": "it could give itself everything",
    "Sys.Modify": "it could change nodes and the cluster",
    "User.Modify": "it could change other users",
}


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A privilege that the token does not hold on a path where it is needed."""

    privilege: str
    path: str
    purpose: str


def holds(permissions: Mapping[str, Mapping[str, bool]], path: str, privilege: str) -> bool:
    """Whether the token holds a privilege on a path.

    PVE lists each path that an ACL names with what holds there in effect; below it, only what propagates
    holds. So the nearest listed path decides, and not the sum of all above.
    """
    if path in permissions:
        return privilege in permissions[path]
    while path != ROOT:
        path = path.rpartition("/")[0] or ROOT
        if path in permissions:
            return permissions[path].get(privilege, False)
    return False


def missing(
    permissions: Mapping[str, Mapping[str, bool]], role: Role, *, major: int, places: Mapping[str, str]
) -> list[Missing]:
    """The role's privileges that the token lacks; `places` fills in node and storages of the paths."""
    return [
        Missing(privilege=privilege, path=path, purpose=purpose)
        for privilege, (templates, purpose) in role.privileges(major).items()
        for path in dict.fromkeys(template.format_map(places) for template in templates)
        if not holds(permissions, path, privilege)
    ]


def excess(permissions: Mapping[str, Mapping[str, bool]], role: Role, *, major: int) -> dict[str, list[str]]:
    """What the token holds beyond the role, and on which paths; privileges by name."""
    known = role.privileges(major)
    beyond: dict[str, list[str]] = {}
    for path, held in sorted(permissions.items()):
        for privilege in held.keys() - known.keys():
            beyond.setdefault(privilege, []).append(path)
    return dict(sorted(beyond.items()))


def remedy(absent: Iterable[Missing], role: Role, *, token_id: str, major: int) -> str:
    """The commands, as root on a node, that give the token what it lacks.

    A token with privilege separation holds what its user and the token itself both hold (TRAPS A21), so both
    get the role.
    """
    absent = list(absent)
    user = token_id.partition("!")[0]
    every = " ".join(role.privileges(major))
    lacking = " ".join(dict.fromkeys(item.privilege for item in absent))
    return "\n".join(
        (
            "As root on a node, the role if there is none yet, else what it lacks:",
            f'  pveum role add {role.name} -privs "{every}"',
            f'  pveum role modify {role.name} -append 1 -privs "{lacking}"',
            "and the role for the user and, with privilege separation, for the token, too:",
            f"  pveum acl modify / -user '{user}' -role {role.name}",
            f"  pveum acl modify / -token '{token_id}' -role {role.name}",
        )
    )
