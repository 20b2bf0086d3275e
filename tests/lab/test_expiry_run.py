"""Declaration and operation agree: what expiry stops stays down, what is extended starts again."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
import yaml

pytestmark = pytest.mark.lab

BIRTH = datetime(2026, 11, 23, 12, tzinfo=UTC)
OVER = datetime(2026, 12, 8, 7, tzinfo=UTC)
VM = {"name": "short", "vm_id": 131, "distribution": "debian"}
CT = {"name": "brief", "vm_id": 231, "distribution": "debian"}


@pytest.fixture(scope="module")
def project(make_project):
    """A stack with one VM and one container, whose last day is the 7th of December."""
    made = make_project(virtual_machines=[VM], containers=[CT])
    made.up(now=BIRTH)
    return made


@pytest.fixture
def expire(project, world, listener, tmp_path):
    """`python -m ops.expire` in the project's directory, with the operations' token and somebody to tell."""
    environment = project.environ | {
        "PROXMOX_VE_API_TOKEN": world.accounts.operations,
        "PVE_LIFECYCLE_ALERTMANAGER": listener.url,
        "LIFECYCLE_NOW": OVER.isoformat(),
        "HOME": str(tmp_path),
    }

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "ops.expire", *words],
            cwd=project.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def _power(world):
    return world.call(lambda: {vmid: world.pve.guest(vmid).status for vmid in (131, 231)})


def test_the_end_of_a_guest_and_its_second_life(project, world, expire):
    """One story: stopped by expiry, left alone by each up, extended, and started by the next."""
    assert _power(world) == {131: "running", 231: "running"}
    expire("--max-stops", "100%")
    assert _power(world) == {131: "stopped", 231: "stopped"}

    before = len(world.writes())
    project.up("--expect-no-changes", now=OVER)
    assert (world.writes()[before:], _power(world)) == ([], {131: "stopped", 231: "stopped"})

    project.write(virtual_machines=[VM | {"description": "said anew"}])
    project.up(now=OVER)
    assert "said anew" in world.call(lambda: world.pve.vm(131).config["description"])
    assert _power(world) == {131: "stopped", 231: "stopped"}

    for vmid in ("131", "brief"):
        assert "`pulumi up` starts it" in expire(
            "extend", vmid, "--days", "7", "--reason", "the fair was moved"
        )
    text = project.place.stack_file(project.stack).read_text()
    config = yaml.safe_load(text)["config"]
    guests = config["pve-lifecycle:virtual_machines"] + config["pve-lifecycle:containers"]
    assert [guest["expires_on"] for guest in guests] == ["2026-12-15"] * 2
    assert text.count("# extended on 2026-12-08: the fair was moved") == 2
    tags = world.call(lambda: [world.pve.guest(vmid).config["tags"] for vmid in (131, 231)])
    assert all("expires-2026-12-15" in each and "expires-2026-12-07" not in each for each in tags)
    assert _power(world) == {131: "stopped", 231: "stopped"}

    project.up(now=OVER)
    assert _power(world) == {131: "running", 231: "running"}
    assert {guest["expires_on"] for guest in project.outputs()["guests"]} == {"2026-12-15"}
    project.up("--expect-no-changes", now=OVER)
    before = len(world.writes())
    expire()
    assert (world.writes()[before:], _power(world)) == ([], {131: "running", 231: "running"})
