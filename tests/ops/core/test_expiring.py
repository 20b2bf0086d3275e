"""Who is stopped, warned of, left and refused, case by case."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.core.expiring import (
    DEFAULT_CEILING,
    Decision,
    Policy,
    Reason,
    count_running_lab,
    decide,
    decide_all,
    depends_on_flags,
    environment_of,
    within,
)
from ops.core.expiry import first_second_after, is_over
from ops.core.model import Guest, GuestKind

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 2, 16, 11, tzinfo=UTC)
TODAY = date(2026, 2, 16)
POLICY = Policy(now=NOON, zone=PARIS)
OVER = "env-lab;expires-2026-02-15"


def guest(tags: str = OVER, **about) -> Guest:
    """A running lab guest whose day is over, unless something else is said."""
    plain = {
        "vmid": 100,
        "name": "web",
        "node": "pve1",
        "kind": GuestKind.VIRTUAL_MACHINE,
        "status": "running",
    }
    return Guest(**(plain | about), tags=tags)


@pytest.mark.parametrize(
    ("about", "decision", "reason"),
    [
        ({}, "stop", "over"),
        ({"status": "paused"}, "stop", "over"),
        ({"status": "stopped"}, "leave", "not_running"),
        ({"status": "stopped", "lock": "suspended"}, "leave", "not_running"),
        ({"status": "unknown"}, "refuse", "unseen"),
        ({"template": True}, "leave", "template"),
        ({"tags": "env-lab;expires-2026-02-16"}, "warn", "ends_soon"),
        ({"tags": "env-lab;expires-2026-02-17"}, "warn", "ends_soon"),
        ({"tags": "env-lab;expires-2026-02-18"}, "leave", "not_yet"),
        ({"tags": "env-lab;expires-2026-02-17", "status": "stopped"}, "leave", "not_yet"),
        ({"tags": "env-lab;expires-9999-12-31"}, "leave", "not_yet"),
        ({"tags": f"{OVER};no-expire"}, "leave", "no_expire"),
        ({"tags": "env-prod"}, "leave", "prod"),
        ({"tags": "env-prod;expires-2026-02-15"}, "refuse", "expiry_in_prod"),
        ({"tags": "env-prod;expires-soon"}, "refuse", "expiry_in_prod"),
        ({"tags": "expires-2026-02-15"}, "refuse", "no_environment"),
        ({"tags": ""}, "refuse", "no_environment"),
        ({"tags": f"{OVER};env-prod"}, "refuse", "several_environments"),
        ({"tags": f"{OVER};environment-lab"}, "refuse", "several_environments"),
        ({"tags": "env-staging;expires-2026-02-15"}, "refuse", "unknown_environment"),
        ({"tags": "env-lab"}, "refuse", "no_expiry"),
        ({"tags": f"{OVER};expires-2026-02-14"}, "refuse", "several_expiries"),
        ({"tags": f"{OVER};expires_2026-02-15"}, "refuse", "several_expiries"),
        ({"tags": "env-lab;expires-2026-02-30"}, "refuse", "malformed_expiry"),
        ({"tags": f"{OVER};expires-soon"}, "refuse", "malformed_expiry"),
    ],
)
def test_each_case_has_its_decision_and_its_reason(about, decision, reason):
    """The table of the manual."""
    verdict = decide(guest(**about), POLICY)
    assert (verdict.decision.value, verdict.reason.value) == (decision, reason)


def test_a_protected_guest_is_refused_only_where_it_would_be_stopped():
    """The flag speaks against a stop; it is no news about a guest that nobody would stop."""
    assert decide(guest(), POLICY, protected=True).reason is Reason.PROTECTED
    assert decide(guest(status="stopped"), POLICY, protected=True).reason is Reason.NOT_RUNNING


@pytest.mark.parametrize(
    ("about", "flags", "decision"),
    [
        ({}, {}, "keep down"),
        ({}, {"protected": True}, "leave"),
        ({}, {"starts_at_boot": False}, "leave"),
        ({"lock": "suspended"}, {}, "leave"),
        ({"tags": f"{OVER};managed-by-pulumi"}, {}, "leave"),
        ({"tags": f"{OVER};no-expire"}, {}, "leave"),
        ({"tags": "env-lab;expires-2026-02-16"}, {}, "leave"),
        ({"tags": "env-lab"}, {}, "refuse"),
        ({"tags": "env-prod;expires-2026-02-15"}, {}, "refuse"),
        ({"status": "unknown"}, {}, "refuse"),
        ({"status": "running"}, {}, "stop"),
        ({"template": True}, {}, "leave"),
    ],
)
def test_a_guest_whose_day_is_over_is_kept_down(about, flags, decision):
    """Only one that is down, starts at boot and might be stopped, and that nobody else declares."""
    chosen = guest(**({"status": "stopped"} | about))
    verdict = decide(chosen, POLICY, **({"starts_at_boot": True} | flags))
    assert verdict.decision.value == decision
    assert decision not in {"keep down", "stop"} or depends_on_flags(decide(chosen, POLICY))


@pytest.mark.parametrize(
    ("day", "last_second"),
    [
        ("2026-03-28", "2026-03-28T23:59:59+01:00"),
        ("2026-03-29", "2026-03-29T23:59:59+02:00"),
        ("2026-10-24", "2026-10-24T23:59:59+02:00"),
        ("2026-10-25", "2026-10-25T23:59:59+01:00"),
        ("2028-02-29", "2028-02-29T23:59:59+01:00"),
        ("2026-12-31", "2026-12-31T23:59:59+01:00"),
    ],
)
def test_a_day_ends_after_its_last_second_in_the_zone(day, last_second):
    """Through both clock changes of Paris, a leap day and a year's end, for a server in UTC."""
    last = datetime.fromisoformat(last_second).astimezone(UTC)
    before = decide(guest(f"env-lab;expires-{day}"), Policy(now=last, zone=PARIS))
    after = decide(guest(f"env-lab;expires-{day}"), Policy(now=last + timedelta(seconds=1), zone=PARIS))
    assert (before.decision, after.decision) == (Decision.WARN, Decision.STOP)


@given(
    day=st.dates(date(1970, 1, 2), date(2100, 1, 1)),
    zone=st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})),
)
def test_the_first_second_after_a_day_is_where_it_is_over(day, zone):
    """The time that the metrics give and the rule agree in every zone, also where midnight is left out."""
    first = first_second_after(day, ZoneInfo(zone))
    assert is_over(day, first, ZoneInfo(zone))
    assert not is_over(day, first - timedelta(seconds=1), ZoneInfo(zone))


@pytest.mark.parametrize(("days", "warned"), [((), []), ((1,), [0]), ((2, 1), [0, 1]), ((7, 1), [0, 6])])
def test_warnings_come_on_the_days_that_were_asked_for(days, warned):
    """Counted to the stop: on its last day a guest is one day ahead of it."""
    policy = replace(POLICY, warn_days=days)
    tags = [f"env-lab;expires-{TODAY + timedelta(days=ahead)}" for ahead in range(10)]
    found = [ahead for ahead in range(10) if decide(guest(tags[ahead]), policy).decision is Decision.WARN]
    assert found == warned


@pytest.mark.parametrize(
    ("due", "others", "stopped"), [(10, 0, 10), (11, 10, 0), (11, 11, 11), (40, 39, 0), (1, 0, 1)]
)
def test_over_the_ceiling_nothing_is_stopped(due, others, stopped):
    """By default ten, or half of the running lab guests; a mistake is not done by halves."""
    lab = [guest(vmid=100 + number) for number in range(due)]
    lab += [guest("env-lab;expires-2026-03-15", vmid=300 + number) for number in range(others)]
    rest = [guest("env-prod", vmid=500 + number) for number in range(50)]
    verdicts = decide_all([*lab, *rest, guest(vmid=900, status="stopped")], POLICY)
    judged = within(DEFAULT_CEILING, verdicts, running_lab=count_running_lab([*lab, *rest]))
    assert sum(each.decision is Decision.STOP for each in judged) == stopped
    assert sum(each.reason is Reason.OVER_CEILING for each in judged) == due - stopped


@pytest.mark.parametrize(
    ("tags", "environment"),
    [("env-lab", "lab"), ("ENVIRONMENT:PROD", "prod"), ("", "unclear"), ("env-x", "unclear")],
)
def test_an_environment_is_clear_or_unclear(tags, environment):
    """For tables and metrics there are three words."""
    assert environment_of(guest(tags)) == environment
