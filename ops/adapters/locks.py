"""Waiting, for a bounded time, until Proxmox lets go of a guest."""

import time
from collections.abc import Callable

from ops.adapters.proxmox import Proxmox
from ops.core.model import Guest

INTERVAL = 5.0  # seconds between two looks
# What holds a guest for a while and lets go by itself. The others (suspended, migrate, a broken rollback …)
# are waited for, too, but only as long as the caller says; nothing here ever unlocks (TRAPS E12).


def wait_until_unlocked(
    proxmox: Proxmox,
    guest: Guest,
    *,
    at_most: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str | None:
    """Return None as soon as the guest has no lock, or the lock that it still has after `at_most` seconds."""
    deadline = clock() + at_most
    while (lock := proxmox.guest_config(guest).get("lock")) is not None:
        left = deadline - clock()
        if left <= 0:
            return str(lock)
        sleep(min(INTERVAL, left))
    return None
