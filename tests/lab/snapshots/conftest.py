"""One stack for each module, and each test begins with it as it was made."""

import pytest

from tests.lab.snapshots.guests import CT, NOW, VM


@pytest.fixture(scope="module")
def project(make_project):
    """A stack with a VM and a container, once up."""
    made = make_project(virtual_machines=[VM], containers=[CT])
    made.up(now=NOW)
    return made


@pytest.fixture(autouse=True)
def _as_at_first(project, world):
    """Each test begins with the guests as they were made, and without snapshots."""
    before = dict(project.config)
    yield
    world.call(world.pve.failures.clear)
    if project.config != before:
        project.write(**{"mail_to": "", "mail_relay": {}} | before)
        project.up(now=NOW)
    world.call(lambda: [world.pve.guest(vmid).snapshots.clear() for vmid in (151, 251)])
