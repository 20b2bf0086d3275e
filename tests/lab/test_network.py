"""A guest's network is changed in place, and what the provider reads back afterwards is what was declared."""

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CT = {"name": "files", "vm_id": 261, "distribution": "debian"}
CHANGES = {
    "an address": {"address": "127.64.9.7/8", "gateway": "127.64.0.1"},
    "another address": {"address": "127.64.9.8/8"},
    "DHCP again": {},
    "a bridge": {"bridge": "vmbr1"},
}


@pytest.fixture(scope="module")
def project(make_project):
    """A stack with one container, once up."""
    made = make_project(containers=[CT])
    made.up(now=NOW)
    return made


@pytest.mark.parametrize("change", CHANGES)
def test_a_container_s_network_changes_in_place(project, world, change):
    """The container is neither made anew nor left half changed, and the next plan is empty."""
    project.write(containers=[CT | CHANGES[change]])
    guest = world.call(lambda: world.pve.ct(261))
    project.up(now=NOW)
    net = world.call(lambda: guest.config["net0"])
    assert f"ip={CHANGES[change].get('address', 'dhcp')}" in net
    assert f"bridge={CHANGES[change].get('bridge', 'vmbr0')}" in net
    assert world.call(lambda: world.pve.ct(261)) is guest
    assert project.preview(now=NOW) == []
    project.up("--refresh", "--expect-no-changes", now=NOW)
