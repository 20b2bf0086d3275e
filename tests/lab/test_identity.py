"""A guest's number is its own: nothing takes over, renames or destroys somebody else's machine."""

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VM = {"name": "mine", "vm_id": 181, "distribution": "debian"}


@pytest.fixture(scope="module")
def project(make_project):
    """A stack with two VMs and a container."""
    made = make_project(
        virtual_machines=[VM, VM | {"name": "mine2", "vm_id": 182}],
        containers=[{"name": "box", "vm_id": 281, "distribution": "debian"}],
    )
    made.up(now=NOW)
    return made


def _guests(world):
    return world.call(
        lambda: {g.vmid: g.name for g in [*world.pve.vms, *world.pve.cts] if g.vmid in {181, 182, 183, 281}}
    )


WHOLE = {181: "mine", 182: "mine2", 281: "box"}


@pytest.mark.parametrize(
    "guests",
    [
        [VM | {"name": "renamed"}, VM | {"name": "mine2", "vm_id": 182}],
        [VM | {"vm_id": 182}, VM | {"name": "mine2"}],
    ],
    ids=["renamed", "swapped"],
)
def test_a_number_that_is_taken_is_refused_in_the_plan(project, world, guests):
    """The provider would take 'already exists' for its own work, and a later step would delete it."""
    before, config = len(world.writes()), dict(project.config)
    project.write(virtual_machines=guests)
    result = project.pulumi("up", "--yes", "--stack", project.stack, now=NOW, check=False)
    project.write(**config)
    assert result.status != 0
    assert "choose another number" in result.output
    assert world.writes()[before:] == []
    assert _guests(world) == WHOLE
    project.up("--expect-no-changes", now=NOW)


def test_another_stack_cannot_take_it(make_project, project, world):
    """A mistyped vm_id in one stack does not adopt, and never destroys, a guest of another."""
    other = make_project(virtual_machines=[VM | {"name": "typo"}])
    result = other.up(now=NOW, check=False)
    assert result.status != 0
    assert "vm_id 181 is the guest 'mine' on pve1" in result.output
    other.pulumi("destroy", "--yes", "--skip-preview", "--stack", other.stack, now=NOW)
    assert _guests(world) == WHOLE
    project.up("--expect-no-changes", now=NOW)


def test_a_free_number_is_a_rebuild_that_starts(project, world):
    """Another vm_id makes the VM anew, with its user-data, and takes the old one away."""
    config = dict(project.config)
    project.write(virtual_machines=[VM | {"vm_id": 183}, VM | {"name": "mine2", "vm_id": 182}])
    project.up(now=NOW)
    assert _guests(world) == {183: "mine", 182: "mine2", 281: "box"}
    assert world.wait_for_guest("mine").disk.hostname == "mine"
    project.up("--expect-no-changes", now=NOW)
    project.write(**config)
    project.up(now=NOW)
    assert _guests(world) == WHOLE


def test_the_documented_rebuild_takes_one_guest(project, world):
    """The claim and its dependents are one guest, also where another one's name begins alike."""
    born = world.call(lambda: {vmid: id(world.pve.vm(vmid)) for vmid in (181, 182)})
    words = ("--refresh=false", "--target", "**::mine-vm-id", "--target-dependents")
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", project.stack, *words, now=NOW)
    assert _guests(world) == {182: "mine2", 281: "box"}
    project.up(now=NOW)
    assert _guests(world) == WHOLE
    assert world.call(lambda: id(world.pve.vm(182))) == born[182]
    project.up("--expect-no-changes", now=NOW)
