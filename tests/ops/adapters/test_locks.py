"""Waiting for a guest's lock, with a bound."""

from ops.adapters import locks
from ops.adapters.proxmox import Proxmox


def _wait(proxmox, *, at_most, then=lambda _: None):
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        then(len(waited))

    guest = proxmox.guests()[0]
    lock = locks.wait_until_unlocked(proxmox, guest, at_most=at_most, clock=lambda: sum(waited), sleep=sleep)
    return lock, sum(waited)


def test_a_free_guest_is_not_waited_for(fake_api, fakepve):
    """One question, no pause."""
    fakepve.add_vm(100, "web")
    assert _wait(Proxmox(fake_api), at_most=60) == (None, 0)


def test_a_lock_that_ends_is_waited_out(fake_api, fakepve):
    """As a backup does."""
    fakepve.add_vm(100, "web")
    fakepve.snapshot_lock(100, "backup")
    lock, waited = _wait(Proxmox(fake_api), at_most=60, then=lambda looks: looks == 2 and fakepve.unlock(100))
    assert lock is None
    assert waited == 2 * locks.INTERVAL


def test_a_lock_that_stays_is_named_after_the_bound(fake_api, fakepve):
    """A container's lock stands in the same place; nothing is unlocked."""
    fakepve.add_ct(100, "web").lock = "snapshot-delete"
    assert _wait(Proxmox(fake_api), at_most=12) == ("snapshot-delete", 12)
    assert fakepve.ct(100).lock == "snapshot-delete"
    assert {method for method, _, _ in fakepve.requests} == {"GET"}
