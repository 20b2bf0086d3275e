"""Snapshots over the API: what is read, and what exactly is sent."""

from datetime import UTC, datetime

import pytest

from ops.adapters.proxmox import Proxmox
from ops.adapters.snapshots import Snapshots
from ops.errors import LifecycleError


@pytest.fixture
def guests(fake_api, fakepve):
    """A VM and a container, as the inventory gives them."""
    fakepve.add_vm(100, "web", status="running")
    fakepve.add_ct(101, "cache")
    return Proxmox(fake_api).guests()


def test_what_was_taken_is_read_back_oldest_first(guests, fake_api, fakepve):
    """`current` is none; a snapshot without a time comes first and has none."""
    snapshots = Snapshots(Proxmox(fake_api))
    for guest in guests:
        snapshots.take(guest, "second", "")
        snapshots.take(guest, "first", "before the update\nof May")
        stored = fakepve.guest(guest.vmid).snapshots
        stored["first"]["snaptime"], stored["second"]["snaptime"] = 1_700_000_000, 1_700_000_001
        stored["odd"] = {"snaptime": 0, "description": "", "snapstate": "delete"}
        odd, first, second = snapshots.of(guest)
        assert (odd.name, odd.taken, odd.state) == ("odd", None, "delete")
        assert first.taken == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
        assert first.description == "before the update\nof May"
        assert (second.name, second.ram, second.state) == ("second", False, None)


def test_ram_is_asked_for_only_where_pve_knows_the_word(guests, fake_api, fakepve):
    """The container's call would be refused with 400."""
    for guest in guests:
        Snapshots(Proxmox(fake_api)).take(guest, "with-ram", "", ram=True)
    sent = {path.split("/")[5]: body for method, path, body in fakepve.requests if method == "POST"}
    assert b"vmstate=1" in sent["qemu"]
    assert b"vmstate" not in sent["lxc"]


def test_a_rollback_starts_the_guest_only_when_told(guests, fake_api, fakepve):
    """PVE stops it; whether it ran before is the caller's knowledge."""
    snapshots = Snapshots(Proxmox(fake_api))
    for guest in guests:
        snapshots.take(guest, "here", "")
        snapshots.roll_back(guest, "here", start=False)
        assert fakepve.guest(guest.vmid).status == "stopped"
        snapshots.roll_back(guest, "here", start=True)
        assert fakepve.guest(guest.vmid).status == "running"


def test_deleting_and_describing(guests, fake_api, fakepve):
    """Each names its snapshot and nothing else."""
    snapshots = Snapshots(Proxmox(fake_api))
    for guest in guests:
        snapshots.take(guest, "here", "old")
        snapshots.describe(guest, "here", "new")
        assert snapshots.of(guest)[0].description == "new"
        snapshots.delete(guest, "here")
        assert snapshots.of(guest) == []


def test_whether_it_is_possible_is_pves_own_word(guests, fake_api, monkeypatch):
    """It looks at every disk; the question goes to the guest's own place."""
    asked = []
    proxmox = Proxmox(fake_api)
    monkeypatch.setattr(
        proxmox.api,
        "read",
        lambda path, **given: (asked.append((path, given)), {"hasFeature": "lxc" in path})[1],
    )
    assert [Snapshots(proxmox).possible(guest) for guest in guests] == [False, True]
    assert asked[0] == ("nodes/pve1/qemu/100/feature", {"feature": "snapshot"})


def test_an_answer_of_another_shape_is_an_error(guests, fake_api, fakepve, monkeypatch):
    """Rather than a guest without snapshots."""
    proxmox = Proxmox(fake_api)
    monkeypatch.setattr(proxmox.api, "read", lambda *_, **__: [{"snaptime": 1}])
    with pytest.raises(LifecycleError, match="not Proxmox VE's"):
        Snapshots(proxmox).of(guests[0])


def test_the_settings_of_that_day_are_read_and_nothing_else_is_taken_for_them(
    guests, fake_api, fakepve, monkeypatch
):
    """What a rollback would bring back."""
    proxmox = Proxmox(fake_api)
    for guest in guests:
        Snapshots(proxmox).take(guest, "here", "")
        fakepve.guest(guest.vmid).config["memory"] = 4096
        assert Snapshots(proxmox).config(guest, "here").get("memory") != 4096
    monkeypatch.setattr(proxmox.api, "read", lambda *_, **__: None)
    with pytest.raises(LifecycleError, match="not Proxmox VE's"):
        Snapshots(proxmox).config(guests[0], "here")
