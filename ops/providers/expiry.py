"""The day on which a guest expires, fixed at its birth.

A date of "today plus 14" that is computed at every ``pulumi up`` moves with the days and never comes.
This dynamic provider computes it once and keeps it in the state.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from ops.core.expiry import expiry_day

DECISIVE = ("expires_on", "expiration_days", "renew")


class ExpiryDateProvider(ResourceProvider):
    """Computes the day at creation; afterwards only a change of what was asked moves it."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse a day that is past, but only when the day is set, never for a guest that lives on."""
        changed = [name for name in DECISIVE if olds.get(name) != news.get(name)]
        day, today = _last_day(news, first_day=_first_day(olds, news)), news["today"]
        if changed and day < today:
            reason = f"the last day would be {day}, and today is {today}; give a day that is still to come"
            return CheckResult(news, [CheckFailure(changed[0], reason)])
        return CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare what decides; that a day has gone by is no change."""
        return DiffResult(changes=any(olds.get(name) != news.get(name) for name in DECISIVE))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Fix the first day and the last."""
        return CreateResult(f"expiry-{props['guest']}", _outputs(props, first_day=props["today"]))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Count again from the first day; from today where ``renew`` was changed."""
        return UpdateResult(_outputs(news, first_day=_first_day(olds, news)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Return the state: there is nothing outside that could have changed it."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Forget the day."""


def _first_day(olds: dict[str, Any], news: dict[str, Any]) -> str:
    """Return the day that is counted from: today at birth and where `renew` has a new text."""
    renewed = news.get("renew") and olds.get("renew") != news.get("renew")
    first_day: str = news["today"] if renewed or not olds.get("first_day") else olds["first_day"]
    return first_day


def _last_day(props: dict[str, Any], *, first_day: str) -> str:
    if props.get("expires_on"):
        return str(props["expires_on"])
    return expiry_day(date.fromisoformat(first_day), int(props["expiration_days"])).isoformat()


def _outputs(props: dict[str, Any], *, first_day: str) -> dict[str, Any]:
    return {**props, "first_day": first_day, "day": _last_day(props, first_day=first_day)}


@dataclass(frozen=True, kw_only=True)
class ExpiryDateArgs:
    """What was asked for.

    Attributes:
        guest: the guest's name.
        today: the day that it is in the configured time zone, ``YYYY-MM-DD``.
        expiration_days: whole days from the first one, above 0; None where ``expires_on`` is given.
        expires_on: the last valid day, which wins over the count.
        renew: any text; a change of it starts the count anew.
    """

    guest: str
    today: str
    expiration_days: int | None = None
    expires_on: str | None = None
    renew: str | None = None


class ExpiryDate(Resource, module="lifecycle", name="ExpiryDate"):
    """The last valid day of one guest."""

    day: pulumi.Output[str]
    first_day: pulumi.Output[str]

    def __init__(self, name: str, args: ExpiryDateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = {**vars(args), "day": None, "first_day": None}
        super().__init__(ExpiryDateProvider(), name, props, opts)
