"""The time of a run: read once at its beginning, and passed on from there."""

from collections.abc import Mapping
from datetime import UTC, datetime

from ops.core.now import VARIABLE, named_time
from ops.errors import LifecycleError


def read_now(environment: Mapping[str, str]) -> datetime:
    """Return the present, or the time that LIFECYCLE_NOW names."""
    try:
        return named_time(environment) or datetime.now(UTC)
    except ValueError as error:
        raise LifecycleError(str(error), remedy=f"Unset {VARIABLE} for the present time.") from None
