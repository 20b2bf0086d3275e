"""The edges of a day, seen from a server whose clock is in UTC."""

from datetime import datetime, timedelta

import pytest

EDGES = [
    ("Europe/Paris", "2026-02-15", "2026-02-15T22:59:59+00:00"),
    ("Europe/Paris", "2026-03-28", "2026-03-28T22:59:59+00:00"),
    ("Europe/Paris", "2026-03-29", "2026-03-29T21:59:59+00:00"),
    ("Europe/Paris", "2026-10-24", "2026-10-24T21:59:59+00:00"),
    ("Europe/Paris", "2026-10-25", "2026-10-25T22:59:59+00:00"),
    ("Europe/Paris", "2028-02-29", "2028-02-29T22:59:59+00:00"),
    ("UTC", "2026-02-15", "2026-02-15T23:59:59+00:00"),
    ("America/New_York", "2026-11-01", "2026-11-02T04:59:59+00:00"),
]


@pytest.mark.parametrize(("zone", "day", "last_second"), EDGES)
def test_a_guest_lives_through_the_last_second_of_its_day(guest, expire, monkeypatch, zone, day, last_second):
    """Through both clock changes and a leap day; in the first second of the next day it is stopped."""
    vm = guest(101, f"environment-lab;expires-{day}")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("PVE_LIFECYCLE_TIME_ZONE", zone)
    monkeypatch.setenv("LIFECYCLE_NOW", last_second)
    assert (expire().document["stopped"], vm.status) == ([], "running")
    after = datetime.fromisoformat(last_second) + timedelta(seconds=1)
    monkeypatch.setenv("LIFECYCLE_NOW", after.isoformat())
    assert (expire().document["stopped"], vm.status) == ([101], "stopped")
