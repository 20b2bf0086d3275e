"""The day is fixed at birth; a guest whose day is over stays down until it is extended."""

from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.lab

BIRTH = datetime(2026, 11, 23, 12, tzinfo=UTC)
VM = {"name": "short", "vm_id": 131, "distribution": "debian"}
CT = {"name": "brief", "vm_id": 231, "distribution": "debian"}


@pytest.fixture(scope="module")
def project(make_project):
    """A stack with one VM and one container, born on the 23rd of November."""
    made = make_project(virtual_machines=[VM], containers=[CT])
    made.up(now=BIRTH)
    return made


def _days(project):
    return {guest["name"]: guest["expires_on"] for guest in project.outputs()["guests"]}


def _power(world):
    return world.call(lambda: {vmid: world.pve.guest(vmid).status for vmid in (131, 231)})


def test_the_life_of_a_guest(project, world):
    """One story, in order: two weeks, an extension, the end, and a second extension."""
    assert _days(project) == {"short": "2026-12-07", "brief": "2026-12-07"}

    for later in (1, 13):
        project.up("--expect-no-changes", now=BIRTH + timedelta(days=later))
    assert _days(project) == {"short": "2026-12-07", "brief": "2026-12-07"}

    project.write(virtual_machines=[VM | {"expiration_days": 30}])
    project.up(now=BIRTH + timedelta(days=13))
    assert _days(project) == {"short": "2026-12-23", "brief": "2026-12-07"}
    assert "expires-2026-12-23" in world.call(lambda: world.pve.vm(131).config["tags"])

    over = datetime(2026, 12, 24, 8, tzinfo=UTC)
    world.call(lambda: _stop(world))
    before = len(world.writes())
    project.write(
        virtual_machines=[VM | {"expiration_days": 30, "description": "said anew"}],
        containers=[CT | {"description": "said anew"}],
    )
    project.up(now=over)
    assert "said anew" in world.call(lambda: world.pve.vm(131).config["description"])
    assert _power(world) == {131: "stopped", 231: "stopped"}
    assert not [r for r in world.writes()[before:] if r.path.endswith("/status/start")]
    project.up("--expect-no-changes", now=over)

    project.write(
        virtual_machines=[VM | {"expires_on": "2027-01-31"}],
        containers=[CT | {"renew": "asked by the team"}],
    )
    project.up(now=over)
    assert _days(project) == {"short": "2027-01-31", "brief": "2027-01-07"}
    assert _power(world) == {131: "running", 231: "running"}
    project.up("--expect-no-changes", now=over)


def _stop(world):
    for guest in (world.pve.vm(131), world.pve.ct(231)):
        guest.status = "stopped"


def test_a_day_that_is_past_is_refused_at_creation(make_project, world):
    """Before any resource: nothing reaches the API."""
    project = make_project(virtual_machines=[VM | {"vm_id": 139, "name": "late", "expires_on": "2026-11-22"}])
    before = len(world.writes())
    result = project.pulumi("up", "--yes", "--stack", project.stack, now=BIRTH, check=False)
    assert result.status != 0
    assert "the last day would be 2026-11-22, and today is 2026-11-23" in result.output
    assert world.writes()[before:] == []
