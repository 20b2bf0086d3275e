"""How long a person lets a command wait."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """In seconds: `lock_wait` for a guest that another task holds, `timeout` for the end of an own task."""

    lock_wait: float
    timeout: float
