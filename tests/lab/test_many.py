"""A fleet of the size that this is for, on the real engine."""

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MANY = 100


def test_a_hundred_guests_come_up_and_are_quiet(make_project, world):
    """All of them run, and a second `up` finds nothing to do."""
    guests = [{"name": f"vm{n}", "vm_id": 1000 + n, "distribution": "debian"} for n in range(MANY)]
    project = make_project(virtual_machines=guests)
    # The engine writes the whole state after each step: its own time, squared, and no concern of this test.
    project.environ |= {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
    project.up(now=NOW)
    assert (
        world.call(
            lambda: sum(1000 <= vm.vmid < 1000 + MANY and vm.status == "running" for vm in world.pve.vms)
        )
        == MANY
    )
    project.up("--expect-no-changes", now=NOW)
