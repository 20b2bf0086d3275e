"""Who may do what on the lab's API: the roles that the documentation promises are enough."""

import secrets
from dataclasses import dataclass
from typing import Any

from ops.core.privileges import DEPLOYMENT, OPERATIONS, Role

DEPLOYMENT_TOKEN = "pulumi@pve!lab"  # noqa: S105 - a token's name
OPERATIONS_TOKEN = "ops@pve!lab"  # noqa: S105 - a token's name

MAJOR = 9  # of the PVE that the lab is


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The tokens as clients send them (`user@realm!name=secret`), new for every lab."""

    deployment: str
    operations: str


def open_accounts(pve: Any) -> Accounts:
    """Give the API its two tokens; from now on every privilege is enforced."""
    return Accounts(
        deployment=_token(pve, DEPLOYMENT_TOKEN, DEPLOYMENT),
        operations=_token(pve, OPERATIONS_TOKEN, OPERATIONS),
    )


def _token(pve: Any, name: str, role: Role) -> str:
    secret = secrets.token_hex(16)
    pve.apitokens[name] = secret
    pve.grant(name, "/", *role.privileges(MAJOR))
    return f"{name}={secret}"
