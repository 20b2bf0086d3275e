"""The time that a run is told to take for the present, for previews of another day and for tests."""

import ipaddress
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

VARIABLE = "LIFECYCLE_NOW"
HOPELESS = timedelta(days=1)  # a clock that is off by more is on another day, whatever the zone


def named_time(environment: Mapping[str, str]) -> datetime | None:
    """Return the time that LIFECYCLE_NOW names, None where it is not set; ValueError where it is no time."""
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        named = None
    # In the first and the last year of the calendar, the same moment has no date in every zone.
    if named is None or named.tzinfo is None or not date.min.year < named.year < date.max.year:
        raise ValueError(f"{VARIABLE}: this is no time with a zone; write 2026-12-31T12:00:00+00:00")
    return named


def is_for_trials(endpoint: str) -> bool:
    """Whether a cluster is one to try other days on: it answers at this machine's own address, as the lab."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
