"""No operation deletes a guest: the adapter cannot say it, and the token could not do it.

The third lock is the fixture `world`: after each test it looks into the server's log for such a request.
"""

import os

import pytest
import requests

from lab.accounts import OPERATIONS_TOKEN
from lab.world import World
from ops.adapters.api import Api
from ops.adapters.connection import from_environment

GUESTS = ("nodes/pve1/qemu/101", "nodes/pve1/lxc/201")


@pytest.fixture(scope="module")
def own_world():
    """A world of this module's own, in which somebody tries it; a stopped VM and a stopped container."""
    with World() as running:
        running.call(lambda: running.pve.add_vm(101, "web"))
        running.call(lambda: running.pve.add_ct(201, "cache"))
        yield running


@pytest.mark.parametrize("path", GUESTS)
@pytest.mark.parametrize("parameters", [{}, {"purge": 1}, {"destroy-unreferenced-disks": 1, "skiplock": 1}])
def test_the_adapter_refuses_to_ask(world, operate, path, parameters):
    """It is a bug to try, and nothing reaches the server."""
    api = Api(from_environment(os.environ))
    with pytest.raises(PermissionError, match="no call that this program may make"):
        api.write("DELETE", path, **parameters)
    api.close()
    assert len(world.requests) == 0


@pytest.mark.parametrize("path", GUESTS)
def test_the_documented_token_is_refused(own_world, path):
    """Asked past the adapter, with the very token: 403, and the guest is there afterwards."""
    answer = requests.delete(
        f"{own_world.endpoint}/api2/json/{path}",
        headers={"Authorization": f"PVEAPIToken={own_world.accounts.operations}"},
        verify=str(own_world.certificates.bundle),
        timeout=10,
    )
    assert answer.status_code == 403
    assert "VM.Allocate" in answer.reason + answer.text
    assert own_world.call(lambda: own_world.pve.guest(int(path[-3:]))) is not None


def test_the_log_notes_it_and_does_not_forget(own_world):
    """So that the check after each test can fail."""
    own_world.requests.clear()
    noted = own_world.requests.guest_deletions
    assert {(each.who, each.status) for each in noted} == {(OPERATIONS_TOKEN, 403)}
    assert len(noted) == len(GUESTS)
