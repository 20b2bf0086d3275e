"""Which snapshots go, at the second; and that nothing else ever does."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.core.ceiling import Ceiling
from ops.core.keeping import Kept, with_keep
from ops.core.model import Guest, GuestKind
from ops.core.retention import (
    AHEAD,
    LONGEST_AGE,
    Policy,
    Verdict,
    age_in_words,
    decide,
    decide_all,
    format_age,
    parse_age,
)
from ops.core.snapshots import Snapshot

PARIS = ZoneInfo("Europe/Paris")
WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)
NOW = datetime(2026, 11, 23, 4, 0, 30, tzinfo=UTC)
POLICY = Policy(max_age=WEEK, ceiling=Ceiling(share=100), zone=PARIS)
WEB = Guest(vmid=101, name="web", node="pve1", kind=GuestKind.VIRTUAL_MACHINE, status="running")
OLD = Snapshot(name="before-upgrade", taken=NOW - timedelta(days=30))


def verdict(snapshot, guest=WEB, now=NOW, policy=POLICY):
    """What becomes of one snapshot."""
    return decide(guest, snapshot, policy, now).verdict


def aged(age, now=NOW, **more):
    """A snapshot of that age."""
    return replace(OLD, taken=now - age, **more)


def test_exactly_seven_days_is_kept_and_a_second_more_is_deleted():
    """The limit is what may be reached and not passed."""
    assert verdict(aged(WEEK)) is not Verdict.DELETE
    assert verdict(aged(WEEK + SECOND)) is Verdict.DELETE


def test_proxmox_counts_whole_seconds_and_so_does_the_rule():
    """A run half a second later does not find a snapshot older than it can be known to be."""
    assert verdict(aged(WEEK), now=NOW + timedelta(microseconds=900_000)) is not Verdict.DELETE


@pytest.mark.parametrize("change", ["2026-03-29T01:00:00", "2026-10-25T01:00:00"])
@pytest.mark.parametrize("hours", [-30, -1, 0, 1, 100])
def test_the_clock_changes_of_a_year_move_nothing(change, hours):
    """A week is 168 hours by every clock, also where the local one skips or repeats an hour of them."""
    now = (datetime.fromisoformat(change).replace(tzinfo=UTC) + timedelta(hours=hours)).astimezone(PARIS)
    taken = now.astimezone(UTC) - WEEK
    local = Snapshot(name="local", taken=taken.astimezone(PARIS))
    assert verdict(local, now=now) is not Verdict.DELETE
    assert verdict(replace(local, taken=(taken - SECOND).astimezone(PARIS)), now=now) is Verdict.DELETE


def test_the_running_state_is_never_deleted():
    """Proxmox lists it under the name `current`."""
    assert verdict(replace(OLD, name="current")) is Verdict.LEAVE


def test_without_a_time_nothing_is_known_and_nothing_deleted():
    """A person has to look, at any limit."""
    assert verdict(replace(OLD, taken=None)) is Verdict.REFUSE


def test_a_snapshot_from_far_in_the_future_needs_a_look():
    """Some clock was wrong by more than any time zone."""
    assert verdict(aged(-timedelta(days=1) - SECOND)) is Verdict.REFUSE


def test_a_snapshot_from_a_little_in_the_future_is_young():
    """A node's clock is an hour ahead, or it was taken while this run was reading."""
    assert verdict(aged(-timedelta(hours=1))) is Verdict.LEAVE
    assert verdict(aged(-SECOND)) is Verdict.LEAVE


def test_a_broken_snapshot_is_never_deleted():
    """`snapstate` is set while PVE works on it, and for ever where that broke."""
    for state in ("prepare", "delete", "rollback"):
        assert verdict(replace(OLD, state=state)) is Verdict.REFUSE
    assert verdict(aged(timedelta(minutes=1), state="prepare")) is Verdict.LEAVE


def test_a_templates_snapshot_is_never_deleted():
    """Proxmox would not do it either."""
    assert verdict(OLD, guest=replace(WEB, template=True)) is Verdict.LEAVE


def test_a_kept_snapshot_stays_through_the_end_of_its_day_in_the_zone():
    """Until midnight in Paris, which is 23:00 UTC in winter; then its age counts again."""
    snapshot = replace(OLD, description=with_keep("by Ada", Kept(until=date(2026, 11, 24), reason="audit")))
    assert decide(WEB, snapshot, POLICY, NOW).reason.startswith("kept until 2026-11-24: audit")
    last = datetime(2026, 11, 24, 22, 59, 59, tzinfo=UTC)
    assert verdict(snapshot, now=last) is not Verdict.DELETE
    assert verdict(snapshot, now=last + SECOND) is Verdict.DELETE


def test_a_keep_line_without_a_day_keeps_and_asks_for_a_look_once_it_matters():
    """Somebody wanted to keep it and nobody knows until when."""
    assert verdict(replace(OLD, description="keep until next year")) is Verdict.REFUSE
    assert verdict(aged(timedelta(days=1), description="keep until next year")) is Verdict.LEAVE


def test_what_will_be_deleted_within_a_day_is_announced_and_nothing_later():
    """The notice comes a day ahead; runs are up to 25 hours and the timer's delay apart."""
    assert verdict(aged(WEEK + SECOND - AHEAD)) is Verdict.ANNOUNCE
    assert verdict(aged(WEEK - AHEAD)) is Verdict.LEAVE
    ends_tonight = with_keep("", Kept(until=date(2026, 11, 23), reason="audit"))
    assert verdict(replace(OLD, description=ends_tonight)) is Verdict.ANNOUNCE
    assert verdict(aged(WEEK - AHEAD + timedelta(hours=1), state="prepare")) is Verdict.LEAVE


def test_over_the_ceiling_none_is_deleted():
    """Not even as many as are allowed: a mistake would be done in daily slices."""
    held = [(WEB, aged(WEEK + number * SECOND, name=f"old{number}")) for number in range(1, 6)]
    held += [(WEB, aged(SECOND, name=f"new{number}")) for number in range(5)]
    at_it = decide_all(held, replace(POLICY, ceiling=Ceiling(count=5)), NOW)
    over_it = decide_all(held, replace(POLICY, ceiling=Ceiling(count=4)), NOW)
    assert (len(at_it.of(Verdict.DELETE)), at_it.over_the_ceiling) == (5, False)
    assert (len(over_it.of(Verdict.DELETE)), over_it.over_the_ceiling) == (0, True)
    assert [each.snapshot.name for each in over_it.of(Verdict.REFUSE)] == [
        "old5",
        "old4",
        "old3",
        "old2",
        "old1",
    ]
    assert "over the ceiling: 5 are due" in over_it.of(Verdict.REFUSE)[0].reason
    assert not decide_all(held, replace(POLICY, ceiling=Ceiling(share=50)), NOW).over_the_ceiling
    assert decide_all(held, replace(POLICY, ceiling=Ceiling(share=49)), NOW).over_the_ceiling


snapshots = st.builds(
    Snapshot,
    name=st.sampled_from(["a1", "b2", "current"]),
    taken=st.none() | st.integers(-864_000, 4_000_000).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    description=st.sampled_from(
        [
            "",
            "text",
            "keep until 2026-11-22: x",
            "keep until 2026-11-23",
            "keep until soon",
            "keep until 2026-12-01",
        ]
    ),
    state=st.sampled_from([None, None, "delete", "prepare"]),
)
guests = st.builds(
    lambda vmid, template: replace(WEB, vmid=vmid, template=template),
    st.integers(100, 105),
    st.booleans(),
)


@given(st.lists(st.tuples(guests, snapshots)), st.integers(0, 100))
def test_each_snapshot_has_one_decision_and_only_the_provably_old_are_deleted(held, share):
    """Total; oldest first; and by a second wording of the rule, written only here."""
    plan = decide_all(held, replace(POLICY, ceiling=Ceiling(share=share)), NOW)
    key = lambda guest, snapshot: (guest.vmid, guest.template, repr(snapshot))  # noqa: E731
    assert sorted(key(each.guest, each.snapshot) for each in plan.decisions) == sorted(
        key(*pair) for pair in held
    )
    assert all(each.reason for each in plan.decisions)
    due = {
        key(guest, snapshot)
        for guest, snapshot in held
        if not guest.template
        and snapshot.name != "current"
        and snapshot.state is None
        and snapshot.taken is not None
        and (NOW - snapshot.taken).total_seconds() > 604_800
        and snapshot.description in {"", "text", "keep until 2026-11-22: x"}
    }
    deleted = plan.of(Verdict.DELETE)
    assert {key(each.guest, each.snapshot) for each in deleted} in ({*due}, set())
    assert len(deleted) <= len(held) * share // 100
    assert [each.snapshot.taken for each in deleted] == sorted(each.snapshot.taken for each in deleted)


def test_a_time_without_a_zone_is_refused():
    """Nobody could say how old anything is."""
    with pytest.raises(ValueError, match="no time zone"):
        verdict(OLD, now=NOW.replace(tzinfo=None))


@pytest.mark.parametrize(("text", "age"), [("12h", timedelta(hours=12)), ("7d", WEEK), ("2w", 2 * WEEK)])
def test_ages_are_written_in_hours_days_or_weeks(text, age):
    """As people say them."""
    assert parse_age(text) == age


@pytest.mark.parametrize(
    "text", ["", "7", "0d", "-7d", "7 d", "7D", "1.5d", "7m", "\u0667d", "9999w", "3651d"]
)
def test_what_is_no_age_is_refused(text):
    """A zero above all: it would be every snapshot that there is."""
    with pytest.raises(ValueError, match=r"write hours"):
        parse_age(text)


@given(st.integers(1, LONGEST_AGE // timedelta(hours=1)))
def test_ages_are_read_as_they_are_written(hours):
    """Format and parse are inverses."""
    age = timedelta(hours=hours)
    assert parse_age(format_age(age)) == age


def test_an_age_in_words():
    """Days where there are any, else hours and minutes."""
    assert age_in_words(timedelta(days=8, hours=3, minutes=5)) == "8 d 3 h"
    assert age_in_words(timedelta(hours=3, minutes=20)) == "3 h 20 min"
    assert age_in_words(-timedelta(hours=1)) == "-1 h 0 min"
    assert age_in_words(-timedelta(seconds=1)) == "0 h 0 min"
