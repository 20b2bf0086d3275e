"""The token of the operations against its role: what is missing, and what is too much."""

import pytest

from ops.core.auditing import judge_permissions
from ops.core.preflight import Status
from ops.core.privileges import DANGEROUS, DEPLOYMENT, OPERATIONS

TOKEN = "ops@pve!lab"


def _held(*privileges: str) -> dict[str, bool]:
    return dict.fromkeys(privileges, True)


def _judge(permissions, major=9):
    return {check.name: check for check in judge_permissions(permissions, major=major, token_id=TOKEN)}


def test_the_documented_role_is_enough_and_not_too_much():
    """With the role on `/`, and with it on the three paths alone."""
    role = _held(*OPERATIONS.privileges(9))
    for permissions in ({"/": role}, {"/vms": role, "/storage": role, "/nodes": role}):
        assert {check.status for check in _judge(permissions).values()} == {Status.OK}


@pytest.mark.parametrize("privilege", OPERATIONS.needs)
def test_each_missing_privilege_is_named_with_its_command(privilege):
    """Which, where, what for, and how to get it."""
    check = _judge({"/": _held(*(set(OPERATIONS.needs) - {privilege}))})["enough"]
    assert check.status is Status.FAILED
    assert f"{privilege} on /" in check.what
    assert f'pveum role modify LifecycleOperations -append 1 -privs "{privilege}"' in check.remedy


@pytest.mark.parametrize("privilege", DANGEROUS)
def test_what_could_lose_a_guest_is_a_failure(privilege):
    """Anywhere, also on one guest alone: a promise that holds for most guests is none."""
    permissions = {"/": _held(*OPERATIONS.needs), "/vms/101": _held(*OPERATIONS.needs, privilege)}
    check = _judge(permissions)["not too much"]
    assert check.status is Status.FAILED
    assert f"{privilege} on /vms/101: {DANGEROUS[privilege]}" in check.what
    assert "pveum acl delete PATH" in check.remedy


def test_what_is_merely_not_needed_is_a_warning():
    """Nothing is lost by it."""
    check = _judge({"/": _held(*OPERATIONS.needs, "VM.Console", "Pool.Audit")})["not too much"]
    assert (check.status, "not needed: Pool.Audit, VM.Console" in check.what) == (Status.WARNING, True)


def test_the_deployments_token_is_too_much_for_operations():
    """The likeliest mistake: one token for both."""
    check = _judge({"/": _held(*DEPLOYMENT.needs)})["not too much"]
    assert check.status is Status.FAILED
    assert "VM.Allocate on /: it could delete guests" in check.what


def test_version_8_has_the_agents_privilege_under_its_old_name():
    """VM.Monitor is what PVE 8 calls it; there it is needed and not too much."""
    role = _held(*OPERATIONS.privileges(8))
    assert "VM.Monitor" in role
    assert {check.status for check in _judge({"/": role}, major=8).values()} == {Status.OK}


def test_the_roles_can_be_made():
    """Proxmox VE keeps names that begin with PVE, in any case, for its own roles."""
    assert not any(role.name.upper().startswith("PVE") for role in (DEPLOYMENT, OPERATIONS))
    assert "VM.Allocate" not in OPERATIONS.needs
