"""Typed calls: what the cluster says becomes plain values, and a wrong shape becomes an error."""

import pytest

from ops.adapters.proxmox import Proxmox
from ops.core.model import Guest, GuestKind
from ops.errors import LifecycleError


@pytest.fixture
def proxmox(fake_api) -> Proxmox:
    """The fake's cluster, read with a token that may see everything."""
    return Proxmox(fake_api)


def test_the_inventory_holds_virtual_machines_and_containers(proxmox, fakepve):
    """One call for the cluster, with what the rules ask for: tags, template, lock, HA."""
    fakepve.add_vm(100, "web", status="running", config={"tags": "environment-lab;expires-2026-02-15"})
    fakepve.add_vm(101, "golden", template=True)
    fakepve.add_ct(102, "cache", node="pve2")
    fakepve.vm(101).lock = "backup"
    fakepve.vm(100).ha_state = "started"
    assert proxmox.guests() == [
        Guest(
            vmid=100,
            name="web",
            node="pve1",
            kind=GuestKind.VIRTUAL_MACHINE,
            status="running",
            tags="environment-lab;expires-2026-02-15",
            ha_state="started",
        ),
        Guest(
            vmid=101,
            name="golden",
            node="pve1",
            kind=GuestKind.VIRTUAL_MACHINE,
            status="stopped",
            template=True,
            lock="backup",
        ),
        Guest(vmid=102, name="cache", node="pve2", kind=GuestKind.CONTAINER, status="stopped"),
    ]
    assert [path for _, path, _ in fakepve.requests] == ["/api2/json/cluster/resources"]


def test_a_guest_of_an_offline_node_is_not_taken_for_stopped(proxmox, fakepve):
    """PVE says `unknown`, and so do we (TRAPS A21)."""
    fakepve.add_vm(100, "web", node="pve2", status="running")
    fakepve.set_node_offline("pve2")
    assert [guest.status for guest in proxmox.guests()] == ["unknown"]
    assert [(node.name, node.online) for node in proxmox.nodes()] == [("pve1", True), ("pve2", False)]


def test_a_token_that_sees_nothing_gets_an_empty_inventory(proxmox, fakepve):
    """Which is why the caller must not take it for 'nothing to do'."""
    fakepve.add_vm(100, "web")
    fakepve.grant("somebody@pve", "/", "VM.Audit")
    assert proxmox.guests() == []


@pytest.mark.parametrize("kind", list(GuestKind))
def test_a_configuration_is_that_of_now(kind, proxmox, fakepve):
    """What waits for the next start is not in force and is left out."""
    added = (fakepve.add_vm if kind is GuestKind.VIRTUAL_MACHINE else fakepve.add_ct)(
        100, "web", status="running"
    )
    added.config["memory"] = 1024
    added.pending["memory"] = 2048
    (guest,) = proxmox.guests()
    assert int(proxmox.guest_config(guest)["memory"]) == 1024


@pytest.mark.parametrize("body", [None, {}, [], [{}], [1], "text"])
def test_a_wrong_shape_is_an_error_with_words(body, script, api):
    """An answer that is not PVE's does not end in a traceback."""
    script.answers = [(200, '{"data": "text"}' if body == "text" else body)]
    with pytest.raises(LifecycleError, match="not Proxmox VE's"):
        Proxmox(api).version()


@pytest.mark.parametrize(("kind", "name"), [("qemu", "VM 100"), ("lxc", "CT100")])
def test_a_row_without_its_details_is_called_as_pve_calls_it(kind, name, script, api):
    """As for a node that is away: no name, no tags, no status."""
    script.answers = [(200, [{"vmid": 100, "node": "pve2", "type": kind, "tags": None}])]
    (guest,) = Proxmox(api).guests()
    assert (guest.name, guest.status, guest.tags) == (name, "unknown", "")


def test_a_time_that_no_calendar_has_is_an_error_with_words(script, api):
    """A clock that is broken beyond a date."""
    script.answers = [(200, {"time": 10**20})]
    with pytest.raises(LifecycleError, match="not Proxmox VE's"):
        Proxmox(api).clock("pve1")
