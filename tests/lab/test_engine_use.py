"""How the program is driven besides `pulumi up`: plans, and drift seen from outside."""

from datetime import UTC, datetime

import pytest
from pulumi import automation

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_plan_holds_an_up_to_what_was_previewed(make_project, world, monkeypatch):
    """CI previews into a plan with the Automation API, and the up does that and nothing else."""
    project = make_project(virtual_machines=[{"name": "plan", "vm_id": 171, "distribution": "debian"}])
    monkeypatch.setenv("PATH", project.environ["PATH"])
    workspace = automation.LocalWorkspaceOptions(
        env_vars=project.environ | {"LIFECYCLE_NOW": NOW.isoformat()}
    )
    stack = automation.select_stack(project.stack, work_dir=str(project.directory), opts=workspace)
    plan = str(project.directory / "plan.json")
    stack.preview(plan=plan)
    assert world.call(lambda: world.pve.vm(171)) is None
    result = stack.up(plan=plan)
    assert result.summary.result == "succeeded"
    assert world.call(lambda: world.pve.vm(171).status) == "running"
    project.write(
        virtual_machines=[{"name": "plan", "vm_id": 171, "distribution": "debian", "tags": ["unplanned"]}]
    )
    with pytest.raises(automation.CommandError, match="violates plan"):
        stack.up(plan=plan)


def test_a_living_guest_that_was_stopped_from_outside_is_seen(make_project, world):
    """The preview says that an up would start it again: nothing is started behind anybody's back."""
    project = make_project(virtual_machines=[{"name": "down", "vm_id": 172, "distribution": "debian"}])
    project.up(now=NOW)
    world.call(lambda: setattr(world.pve.vm(172), "status", "stopped"))
    (step,) = [step for step in project.preview(now=NOW) if step["urn"].endswith("VmLegacy::down")]
    assert step["op"] == "update"
    assert "started" in step["diffReasons"]
