"""`python -m ops.audit permissions` against the lab, whose token holds exactly the documented role."""

import pytest

from lab.accounts import DEPLOYMENT_TOKEN, OPERATIONS_TOKEN
from ops import audit


def test_the_labs_token_holds_the_documented_role(world, operate):
    """Nothing missing, nothing beyond, and nothing written."""
    run = operate(audit.main, "permissions", "--json")
    assert (run.code, run.document["ok"]) == (0, True)
    assert [check["status"] for check in run.document["checks"]] == ["ok", "ok", "ok"]
    assert world.writes() == []
    run = operate(audit.main, "permissions")
    assert (run.code, "Ready for operations." in run.out) == (0, True)


def test_a_token_that_could_delete_guests_fails(world, operate):
    """The privilege, the path, the reason and the way back."""
    world.call(lambda: world.pve.grant(OPERATIONS_TOKEN, "/vms/101", "VM.Allocate", "VM.Audit"))
    run = operate(audit.main, "permissions")
    assert run.code == 1
    assert "VM.Allocate on /vms/101: it could delete guests" in run.out
    assert "pveum acl delete PATH" in run.out
    assert "This is not the documented role." in run.out


def test_the_deployments_token_fails(world, operate, monkeypatch):
    """It lacks the rollback, and could delete everything."""
    monkeypatch.setenv("PROXMOX_VE_API_TOKEN", world.accounts.deployment)
    run = operate(audit.main, "permissions", "--json")
    assert run.code == 1
    said = {check["name"]: check["what"] for check in run.document["checks"]}
    assert "VM.Snapshot.Rollback on /vms" in said["enough"]
    assert "VM.Allocate on /" in said["not too much"]
    assert DEPLOYMENT_TOKEN in {check["where"] for check in run.document["checks"]}


def test_a_token_that_sees_nothing_is_told_so(world, operate):
    """What a token with separated privileges gets when nobody gave it an ACL."""
    world.call(world.pve.acl.clear)
    run = operate(audit.main, "permissions")
    assert run.code == 1
    assert "the token has none at all" in run.out


@pytest.mark.parametrize("words", [("permission",), ("permissions", "--fix")])
def test_what_it_does_not_know_is_a_usage_error(operate, words):
    """Code 2, and nothing is asked."""
    assert operate(audit.main, *words).code == 2
