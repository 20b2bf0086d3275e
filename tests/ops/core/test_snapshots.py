"""The names that Proxmox VE takes for a snapshot."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ops.core.snapshots import problem_with_name, timed_name


@pytest.mark.parametrize("name", ["ab", "Before_update-2", "a" * 40])
def test_names_that_pve_takes(name):
    """A letter, then letters, digits, _ and -."""
    assert problem_with_name(name) is None


@pytest.mark.parametrize(
    "name", ["a", "a" * 41, "2nd", "-ab", "a b", "a.b", "2026-11-23T10:00", "a/b", "..", "", "ab\n", "äb"]
)
def test_names_that_pve_refuses(name):
    """Said before the call, with what would be right."""
    assert "2 to 40 letters" in problem_with_name(name)


@pytest.mark.parametrize("name", ["current", "PENDING", "vzdump"])
def test_reserved_names(name):
    """In any case, for both kinds of guest."""
    assert "reserved" in problem_with_name(name)


def test_a_timed_name_is_in_utc_and_legal():
    """Names sort by time, also through a change of the clocks."""
    there = datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=2)))
    assert timed_name("auto", there) == "auto-20261025-003000"
    assert problem_with_name(timed_name("auto", datetime(2026, 1, 1, tzinfo=UTC))) is None
