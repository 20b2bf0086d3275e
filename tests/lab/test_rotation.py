"""Keys of a stack and keys of its machines: the first are for birth, the second are rotated by operations."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from tests.rotation.farm import new_key, public
from tests.rotation.host import SAFE

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD_GUESTS = {"door": "ops", "gate": "root"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two key pairs: the one that the guests are born with, and the one that comes later."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: new_key(folder / name) for name in ("birth", "later")}


@pytest.fixture(scope="module")
def project(make_project, keys):
    """A VM and a container with the first key."""
    made = make_project(
        virtual_machines=[{"name": "door", "vm_id": 171, "distribution": "debian", "user": "ops"}],
        containers=[{"name": "gate", "vm_id": 271, "distribution": "debian"}],
    )
    made.write(ssh_keys=[public(keys["birth"])])
    made.up(now=NOW)
    return made


@pytest.fixture(scope="module")
def takes(world):
    """Whether a guest takes a key, by OpenSSH's own word."""

    def takes(name, key, user):
        guest = world.wait_for_guest(name)
        known = ("-o", f"UserKnownHostsFile={world.directory}/known_hosts", "-p", str(world.guest_port))
        done = subprocess.run(
            ["ssh", *SAFE, *known, "-i", key, f"{user}@{guest.address}", "hostname"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.stdout == f"{name}\n" or "Permission denied" in done.stderr, done.stderr
        return done.returncode == 0

    return takes


def test_a_key_given_later_changes_no_machine_and_reaches_new_ones(project, world, takes, keys):
    """No step for a living guest, no write to it, its doors as before; a new guest has both keys."""
    project.write(ssh_keys=[public(keys["birth"]), public(keys["later"])])
    assert project.preview(now=NOW) == []
    before = len(world.writes())
    vm = {"name": "hall", "vm_id": 172, "distribution": "debian", "user": "ops"}
    container = {"name": "yard", "vm_id": 272, "distribution": "debian"}
    project.write(
        virtual_machines=[*project.config["virtual_machines"], vm],
        containers=[*project.config["containers"], container],
    )
    project.up(now=NOW)
    assert not [request for request in world.writes()[before:] if request.vmid in {171, 271}]
    for name, user in OLD_GUESTS.items():
        assert takes(name, keys["birth"], user)
        assert not takes(name, keys["later"], user)
    for name, user in {"hall": "ops", "yard": "root"}.items():
        assert takes(name, keys["birth"], user)
        assert takes(name, keys["later"], user)


@pytest.fixture
def operate(world, tmp_path):
    """Run a verb with the token for operations: exit code and report."""
    environ = os.environ | world.environment() | {"HOME": str(tmp_path)}
    environ["PROXMOX_VE_API_TOKEN"] = environ["LAB_OPERATIONS_API_TOKEN"]

    def operate(verb, *words):
        done = subprocess.run(
            [sys.executable, "-m", f"ops.{verb}", *words, "--json"],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return operate


@pytest.fixture
def rotate(operate):
    """Rotate the keys of all guests, or audit them."""
    return lambda *words: operate("rotate_keys", "--env", "lab", "--user", "ops", *words)


@pytest.mark.usefixtures("project")
def test_guests_are_found_through_the_api_and_rotated(world, rotate, takes, keys):
    """VMs and containers by their tags alone; a stopped one is pending, and the next run takes it."""
    before, given = len(world.writes()), _from_to(keys["birth"], keys["later"])
    _set_status(world, 271, "stopped")
    code, told = rotate(*given)
    assert code == 1, told
    verdicts = {host["name"]: host["verdict"] for host in told["hosts"]}
    assert verdicts.pop("gate") == "pending"
    assert verdicts == dict.fromkeys(("door", "hall", "yard"), "rotated")
    _set_status(world, 271, "running")
    assert takes("gate", keys["birth"], "root")
    assert rotate(*given)[0] == 0
    for name, user in {"door": "ops", "gate": "root", "hall": "ops", "yard": "root"}.items():
        assert takes(name, keys["later"], user)
        assert not takes(name, keys["birth"], user)
    assert world.writes()[before:] == [], "nothing is asked of Proxmox VE but where the guests are"


@pytest.mark.usefixtures("project")
def test_a_rollback_brings_the_retired_key_back_and_the_audit_finds_it(operate, rotate, takes, keys):
    """The disk of that day has the keys of that day: the audit names the guest, and a rotation mends it."""
    given = _from_to(keys["later"], keys["birth"])
    assert operate("snapshot", "create", "door", "--name", "that-day")[0] == 0
    assert rotate(*given)[0] == 0
    assert operate("snapshot", "rollback", "door", "that-day", "--yes")[0] == 0
    assert takes("door", keys["later"], "ops")
    audit = ("--audit", f"{keys['later']}.pub", "--identity", keys["birth"])
    code, told = rotate(*audit)
    assert code == 1
    assert [host["name"] for host in told["hosts"] if host["present"]] == ["door"]
    assert rotate(*given)[0] == 0
    assert rotate(*audit)[0] == 0
    assert not takes("door", keys["later"], "ops")


def _from_to(old, new):
    return ("--identity", old, "--remove-key", f"{old}.pub", "--add-key", f"{new}.pub")


def _set_status(world, vmid, status):
    world.call(lambda: setattr(world.pve.guest(vmid), "status", status))
