"""The day moves only when somebody asks, and what the engine stores of the provider is a contract."""

import base64
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.dynamic import dynamic

from ops.providers.expiry import ExpiryDate, ExpiryDateProvider

PROVIDER = ExpiryDateProvider()
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2100, 1, 1))
COUNTS = st.integers(min_value=1, max_value=3650)


def _props(today, days=None, on=None, renew=None):
    return {
        "guest": "web",
        "today": today.isoformat(),
        "expiration_days": days,
        "expires_on": on.isoformat() if on else None,
        "renew": renew,
    }


def test_the_state_holds_a_reference_to_the_module():
    """Moving the class would orphan every guest's day: path and token are pinned."""
    stored = base64.b64decode(dynamic.serialize_provider(PROVIDER))
    assert b"ops.providers.expiry" in stored
    assert len(stored) < 100
    assert ExpiryDate._resource_type_name == "dynamic/lifecycle:ExpiryDate"


@given(born=DAYS, days=COUNTS, later=st.integers(min_value=0, max_value=5000))
def test_time_alone_changes_nothing(born, days, later):
    """Whatever day it is, the same wish is no difference."""
    state = PROVIDER.create(_props(born, days)).outs
    assert not PROVIDER.diff("id", state, _props(born + timedelta(days=later), days)).changes


@given(born=DAYS, first=COUNTS, second=COUNTS, later=st.integers(min_value=0, max_value=5000))
def test_another_count_is_counted_from_the_first_day(born, first, second, later):
    """14 to 30 moves the day by 16, whenever it is changed."""
    state = PROVIDER.create(_props(born, first)).outs
    moved = PROVIDER.update("id", state, _props(born + timedelta(days=later), second)).outs
    assert date.fromisoformat(moved["day"]) - date.fromisoformat(state["day"]) == timedelta(
        days=second - first
    )


@given(born=DAYS, days=COUNTS, later=st.integers(min_value=0, max_value=5000))
def test_renewal_counts_from_that_day(born, days, later):
    """A change of `renew` is a new birth for the count, and is kept as such."""
    state = PROVIDER.create(_props(born, days)).outs
    today = born + timedelta(days=later)
    renewed = PROVIDER.update("id", state, _props(today, days, renew="once more")).outs
    assert date.fromisoformat(renewed["day"]) == today + timedelta(days=days)
    again = PROVIDER.update(
        "id", renewed, _props(today + timedelta(days=3), days + 1, renew="once more")
    ).outs
    assert again["first_day"] == today.isoformat()


def test_a_named_day_wins():
    """`expires_on` is taken as it stands, and going back counts from the first day again."""
    born = date(2026, 11, 23)
    state = PROVIDER.create(_props(born, 14, on=date(2027, 1, 31))).outs
    assert state["day"] == "2027-01-31"
    assert PROVIDER.update("id", state, _props(date(2026, 12, 1), 14)).outs["day"] == "2026-12-07"


@pytest.mark.parametrize(
    ("olds", "refused"),
    [
        ({}, True),
        ({"expiration_days": 14, "expires_on": "2026-11-22", "renew": None}, False),
        ({"expiration_days": 14, "expires_on": "2027-01-01", "renew": None}, True),
    ],
    ids=["at creation", "a guest that lives on", "moved into the past"],
)
def test_a_past_day_is_refused_when_it_is_set(olds, refused):
    """A guest whose day went by while it lived must not break every later `up`."""
    props = _props(date(2026, 11, 23), 14, on=date(2026, 11, 22))
    failures = PROVIDER.check(olds, props).failures
    assert [failure.property for failure in failures] == (["expires_on"] if refused else [])


def test_fewer_days_that_would_end_the_guest_at_once_are_refused():
    """Nobody stops a machine by correcting a number."""
    state = PROVIDER.create(_props(date(2026, 11, 1), 60)).outs
    (failure,) = PROVIDER.check(state, _props(date(2026, 11, 23), 14)).failures
    assert failure.property == "expiration_days"
    assert "2026-11-15" in failure.reason


def test_taking_renew_away_is_no_renewal():
    """Tidying the stack file extends nothing."""
    state = PROVIDER.create(_props(date(2026, 11, 1), 14, renew="once")).outs
    assert PROVIDER.update("id", state, _props(date(2026, 11, 9), 14)).outs["day"] == state["day"]
