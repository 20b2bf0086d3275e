"""When a guest's time is over. One rule for the declaration and for the operations."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def day_in_zone(now: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day that it is in the zone. ``now`` must know its own zone."""
    if now.tzinfo is None:
        raise ValueError(f"{now.isoformat()} has no time zone; pass a time that knows its zone")
    return now.astimezone(zone).date()


def is_over(expires_on: date, now: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the expiry day has ended: it is valid through its last second in the zone."""
    return day_in_zone(now, zone) > expires_on


def expiry_day(first_day: date, expiration_days: int) -> date:
    """Return the last valid day of a guest that was born on ``first_day``."""
    if expiration_days <= 0:
        raise ValueError(f"expiration_days is {expiration_days}; it must be a whole number above 0")
    return first_day + timedelta(days=expiration_days)
