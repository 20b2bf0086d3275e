"""Who may do what on the lab's API: the roles that the documentation promises are enough."""

import secrets
from dataclasses import dataclass
from typing import Any

DEPLOYMENT_TOKEN = "pulumi@pve!lab"  # noqa: S105 - a token's name
OPERATIONS_TOKEN = "ops@pve!lab"  # noqa: S105 - a token's name

DEPLOYMENT_PRIVILEGES = (
    "VM.Allocate",
    "VM.Audit",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.GuestAgent.Audit",
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Sys.Audit",
    "Sys.Modify",
    "Sys.AccessNetwork",
    "SDN.Use",
    "Pool.Audit",
)
# No VM.Allocate: whatever holds this token cannot delete a guest.
OPERATIONS_PRIVILEGES = (
    "VM.Audit",
    "VM.PowerMgmt",
    "VM.Config.Options",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
    "VM.GuestAgent.Audit",
    "Datastore.AllocateSpace",
    "Datastore.Audit",
    "Sys.Audit",
)


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The tokens as clients send them (`user@realm!name=secret`), new for every lab."""

    deployment: str
    operations: str


def open_accounts(pve: Any) -> Accounts:
    """Give the API its two tokens; from now on every privilege is enforced."""
    return Accounts(
        deployment=_token(pve, DEPLOYMENT_TOKEN, DEPLOYMENT_PRIVILEGES),
        operations=_token(pve, OPERATIONS_TOKEN, OPERATIONS_PRIVILEGES),
    )


def _token(pve: Any, name: str, privileges: tuple[str, ...]) -> str:
    secret = secrets.token_hex(16)
    pve.apitokens[name] = secret
    pve.grant(name, "/", *privileges)
    return f"{name}={secret}"
