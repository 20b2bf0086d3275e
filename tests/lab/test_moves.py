"""A cluster of two nodes: a VM moves to the node that is declared, and is made from a template elsewhere."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lab.world import World

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEB = {"name": "web", "vm_id": 101, "distribution": "debian"}
SHOP = {"name": "shop", "vm_id": 141, "distribution": "debian"}
CLONE = {"name": "build", "vm_id": 102, "distribution": "debian", "clone_from": 9000, "clone_node": "pve1"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Two nodes, and a storage for snippets that both see."""
    with World(nodes=("pve1", "pve2")) as running:
        yield running


def _snippets(world, name):
    return sorted(path.name for path in world.directory.rglob(f"lifecycle-*-{name}-*"))


@pytest.mark.parametrize(("environment", "vm"), [("lab", WEB), ("prod", SHOP)])
def test_another_node_is_a_migration(make_project, world, environment, vm):
    """The machine is the same one, it was never down, and its snippets are there for its next start."""
    project = make_project(environment, environment=environment, virtual_machines=[vm])
    project.up(now=NOW)
    machine, before = world.call(lambda: world.pve.vm(vm["vm_id"])), _snippets(world, vm["name"])
    seen = len(world.writes())
    project.write(virtual_machines=[vm | {"node": "pve2"}])
    project.up(now=NOW)
    assert world.call(lambda: world.pve.vm(vm["vm_id"])) is machine
    assert machine.node == "pve2"
    assert _snippets(world, vm["name"]) == before != []
    assert not [each.path for each in world.writes()[seen:] if "/status/" in each.path]
    project.up("--refresh", "--expect-no-changes", now=NOW)


def test_a_template_of_another_node_is_cloned_and_moved(make_project, world):
    """And where the template is later is nothing that changes what was made from it."""
    project = make_project(virtual_machines=[CLONE | {"node": "pve2"}])
    project.up(now=NOW)
    machine = world.call(lambda: world.pve.vm(CLONE["vm_id"]))
    assert (machine.node, machine.status) == ("pve2", "running")
    project.write(virtual_machines=[CLONE | {"node": "pve2", "clone_node": "pve2"}])
    project.up("--expect-no-changes", now=NOW)
