"""Production: protected in Pulumi and in Proxmox VE, and no expiry."""

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VM = {"name": "shop", "vm_id": 141, "distribution": "debian"}
CT = {"name": "proxy", "vm_id": 241, "distribution": "debian"}


@pytest.fixture(scope="module")
def project(make_project):
    """A production stack that is up."""
    made = make_project(environment_name := "prod", virtual_machines=[VM], containers=[CT])
    made.write(environment=environment_name)
    made.up(now=NOW)
    return made


def test_the_second_up_changes_nothing(project):
    """Protection is no perpetual difference."""
    project.up("--expect-no-changes", now=NOW)


def test_a_plan_that_would_destroy_a_guest_is_refused(project, world):
    """Whether the guest leaves the file or the whole stack is to go."""
    before = len(world.writes())
    project.write(virtual_machines=[])
    result = project.up(now=NOW, check=False)
    assert result.status != 0
    assert "protect" in result.output
    result = project.pulumi("destroy", "--yes", "--stack", project.stack, now=NOW, check=False)
    assert result.status != 0
    assert "protect" in result.output
    assert not [r for r in world.writes()[before:] if r.method == "DELETE"]
    assert world.call(lambda: [world.pve.guest(vmid).status for vmid in (141, 241)]) == ["running", "running"]
    project.write(virtual_machines=[VM])


def test_an_expiry_is_refused_before_any_resource(project, world):
    """expiration_days has no place in production."""
    before = len(world.writes())
    project.write(virtual_machines=[VM | {"expiration_days": 14}])
    result = project.up(now=NOW, check=False)
    project.write(virtual_machines=[VM])
    assert result.status != 0
    assert "virtual_machines[0]: a guest in prod never expires" in result.output
    assert world.writes()[before:] == []


def test_more_memory_reboots_nothing(project, world):
    """A change that needs a restart waits for a person to restart the guest."""
    before = len(world.writes())
    project.write(virtual_machines=[VM | {"memory": 2048}])
    project.up(now=NOW)
    assert not [r for r in world.writes()[before:] if "/status/" in r.path]
    project.up("--expect-no-changes", now=NOW)


def test_a_change_that_would_restart_a_container_is_refused(project, world):
    """The provider would restart it; made on its node, the same change is found done."""
    before = len(world.writes())
    project.write(containers=[CT | {"memory": 3072}])
    for command in ("preview", "up"):
        words = ("--yes", "--skip-preview") if command == "up" else ()
        result = project.pulumi(command, *words, "--stack", project.stack, now=NOW, check=False)
        assert result.status != 0, result.output
        assert "would restart a container in prod (memory)" in result.output
        assert "pct set 241 --memory 3072" in result.output
    assert not [r for r in world.writes()[before:] if "/lxc/241" in r.path]
    world.call(lambda: world.pve.guest(241).config.update(memory=3072))
    project.up("--expect-no-changes", now=NOW)
    project.write(containers=[CT | {"memory": 3072, "bridge": "vmbr1"}])
    result = project.up(now=NOW, check=False)
    project.write(containers=[CT | {"memory": 3072}])
    assert "would restart a container in prod (net0)" in result.output
    project.write(containers=[CT | {"memory": 3072, "cores": 2, "description": "the way in"}])
    assert project.up(now=NOW).status == 0
    assert world.call(lambda: world.pve.guest(241).config["cores"]) in {2, "2"}
    assert not [r for r in world.writes()[before:] if "/lxc/241/status/" in r.path]
