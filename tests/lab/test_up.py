"""A stack on the real engine and provider: up, quiet, changed without harm, gone without a trace."""

import time
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VMS = [
    {"name": "web", "vm_id": 101, "distribution": "debian", "tags": ["Demo"]},
    {"name": "build", "vm_id": 102, "distribution": "debian", "clone_from": 9000},
]
CTS = [{"name": "cache", "vm_id": 201, "distribution": "debian"}]
RELAY = {"host": "mail.example.org", "sender": "lab@example.org"}


@pytest.fixture(scope="module")
def project(make_project):
    """One stack with a VM from an image, a VM from a clone and a container, once up."""
    made = make_project(
        virtual_machines=VMS,
        containers=CTS,
        mail_to="ops@example.org",
        mail_relay=RELAY,
        time_zone="Europe/Paris",
    )
    made.up(now=NOW)
    return made


def test_the_second_up_changes_nothing(project):
    """VM from an image, VM from a clone and container: the engine itself holds us to it."""
    project.up("--expect-no-changes", now=NOW)


def test_the_second_up_with_refresh_changes_nothing(project):
    """Nor does what the provider reads back differ from what was declared."""
    project.up("--refresh", "--expect-no-changes", now=NOW)


def test_the_guests_are_there_and_run(project, world):
    """Names, tags and power are what was asked for."""
    state = world.call(
        lambda: {
            g.vmid: (g.name, g.status, g.config["tags"])
            for g in [*world.pve.vms, *world.pve.cts]
            if g.vmid < 9000
        }
    )
    tags = "environment-lab;expires-2026-12-07;managed-by-pulumi"
    assert state == {
        101: ("web", "running", f"demo;{tags}"),
        102: ("build", "running", tags),
        201: ("cache", "running", tags),
    }


def test_the_stack_tells_its_guests(project):
    """One entry for each guest, ready for whoever operates it."""
    guests = {guest["name"]: guest for guest in project.outputs()["guests"]}
    assert guests["web"]["kind"] == "qemu"
    assert guests["cache"]["kind"] == "lxc"
    assert {guest["expires_on"] for guest in guests.values()} == {"2026-12-07"}
    assert all(guest["address"].startswith("127.64.") for guest in guests.values())
    assert {(guest["node"], guest["environment"]) for guest in guests.values()} == {("pve1", "lab")}


def test_destroy_leaves_nothing_and_is_quick(make_project, world):
    """Guests, snippets and images are gone, within a minute, while the guests were running."""
    project = make_project(
        virtual_machines=[VMS[0] | {"vm_id": 121, "name": "gone"}],
        containers=[CTS[0] | {"vm_id": 221, "name": "away"}],
    )
    project.up(now=NOW)
    started = time.monotonic()
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", project.stack, now=NOW)
    assert time.monotonic() - started < 60
    assert world.call(lambda: [world.pve.guest(121), world.pve.guest(221)]) == [None, None]
    assert not list(world.directory.rglob("lifecycle-121-*"))
