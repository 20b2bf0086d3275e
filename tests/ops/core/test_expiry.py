"""A day ends at its last second, in the zone that was configured."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.core.expiry import day_in_zone, expiry_day, is_over

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("day", "last_second"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC)),
        (date(2026, 10, 24), datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)),
        (date(2028, 2, 29), datetime(2028, 2, 29, 22, 59, 59, tzinfo=UTC)),
    ],
)
def test_valid_through_the_last_second_of_the_day(day, last_second):
    """Through both clock changes and a leap day, on a server in UTC."""
    assert not is_over(day, last_second, PARIS)
    assert is_over(day, last_second + timedelta(seconds=1), PARIS)


def test_a_time_without_zone_is_refused():
    """A naive time would be off by hours without anybody noticing."""
    with pytest.raises(ValueError, match="no time zone"):
        day_in_zone(datetime(2026, 1, 1), PARIS)  # noqa: DTZ001  the point of the test


@given(first=st.dates(max_value=date(2500, 1, 1)), days=st.integers(min_value=1, max_value=3650))
def test_days_are_counted_from_the_first(first, days):
    """The last valid day is the first one plus the count."""
    assert (expiry_day(first, days) - first).days == days


@pytest.mark.parametrize("days", [0, -1])
def test_no_days_are_no_life(days):
    """A count of zero or less is refused."""
    with pytest.raises(ValueError, match="above 0"):
        expiry_day(date(2026, 1, 1), days)
