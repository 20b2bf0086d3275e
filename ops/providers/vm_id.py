"""A guest's number, claimed before the guest is made.

Asked to create a VM whose number is taken, the provider takes 'already exists' for its own work done, and the
stack then owns, changes and destroys somebody else's machine (measured with bpg 0.111.1). So each guest
depends on a claim that refuses a taken number while the plan is still a plan.
"""

import os
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from ops.core.model import Guest
from ops.core.tags import parse_tags
from ops.errors import LifecycleError


class VmIdClaimProvider(ResourceProvider):
    """Looks into the cluster when a number is claimed, and not again while it stays."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse a number that another guest has; the connection is the environment's."""
        if olds.get("vm_id") == news["vm_id"] and olds.get("guest") == news["guest"]:
            return CheckResult(news, [])
        try:
            problem = _problem(int(news["vm_id"]), news["guest"])
        except LifecycleError as error:
            problem = f"whether vm_id {int(news['vm_id'])} is free could not be seen: {error}"
        return CheckResult(news, [CheckFailure("vm_id", problem)] if problem else [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare number and name."""
        return DiffResult(changes=any(olds.get(key) != news.get(key) for key in ("vm_id", "guest")))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Note the claim; that the number is free was seen by ``check``."""
        return CreateResult(f"vm-id-{int(props['vm_id'])}", props)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Note the new claim."""
        return UpdateResult(news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Return the state: the guest itself is another resource's."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Forget the claim."""


def _problem(vm_id: int, name: str) -> str | None:
    from ops.adapters.api import Api  # noqa: PLC0415  a program on mocks needs no network libraries
    from ops.adapters.connection import from_environment  # noqa: PLC0415
    from ops.adapters.proxmox import Proxmox  # noqa: PLC0415

    with closing(Api(from_environment(os.environ))) as api:
        proxmox = Proxmox(api)
        holder = next((guest for guest in proxmox.guests() if guest.vmid == vm_id), None)
        if holder is not None:
            return refusal(holder, name)
        if not proxmox.is_free(vm_id):
            return (
                f"vm_id {vm_id} is taken by a guest that this token may not see; choose another "
                "number, or run `python -m ops.preflight` to see which privilege is missing"
            )
    return None


def refusal(holder: Guest, name: str) -> str | None:
    """Say why the holder stands in the way; None where it is this very guest, lost from the state."""
    if holder.name == name and parse_tags(holder.tags).managed:
        return None
    return (
        f"vm_id {holder.vmid} is the guest {holder.name!r} on {holder.node}, which this stack did not make "
        f"as {name!r}; choose another number. To rename a guest or to reuse its number, remove it first, "
        "in an `up` of its own"
    )


@dataclass(frozen=True, kw_only=True)
class VmIdClaimArgs:
    """The guest's name and the number it is to have."""

    guest: str
    vm_id: int


class VmIdClaim(Resource, module="lifecycle", name="VmIdClaim"):
    """One guest's number."""

    def __init__(self, name: str, args: VmIdClaimArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(VmIdClaimProvider(), name, vars(args), opts)
