"""When a guest's time is over. One rule for the declaration and for the operations."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=8)  # a run asks for each of its thousands of guests, always with the same time
def day_in_zone(now: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day that it is in the zone. ``now`` must know its own zone."""
    if now.tzinfo is None:
        raise ValueError(f"{now.isoformat()} has no time zone; pass a time that knows its zone")
    return now.astimezone(zone).date()


def is_over(expires_on: date, now: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the expiry day has ended: it is valid through its last second in the zone."""
    return day_in_zone(now, zone) > expires_on


def first_second_after(expires_on: date, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, from which the day is over in the zone; after 9999 nothing is."""
    if expires_on == date.max:
        return datetime.max.replace(tzinfo=UTC)
    morning = expires_on + timedelta(days=1)
    return datetime(morning.year, morning.month, morning.day, tzinfo=zone).astimezone(UTC)


def expiry_day(first_day: date, expiration_days: int) -> date:
    """Return the last valid day of a guest that was born on ``first_day``."""
    if expiration_days <= 0:
        raise ValueError(f"expiration_days is {expiration_days}; it must be a whole number above 0")
    return first_day + timedelta(days=expiration_days)
