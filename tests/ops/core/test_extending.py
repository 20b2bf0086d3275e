"""Who may have more time, and until when."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.core.extending import ExtensionError, Wish, extension
from ops.core.model import Guest, GuestKind
from ops.core.tags import parse_tags

TODAY = date(2026, 12, 1)
LAB = "environment-lab"
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


def _guest(*, template=False):
    kind = GuestKind.VIRTUAL_MACHINE
    return Guest(vmid=101, name="web", node="pve1", kind=kind, status="running", template=template)


def _extended(tags, *, days=None, until=None, template=False):
    return extension(_guest(template=template), tags, Wish(days=days, until=until), today=TODAY)


@pytest.mark.parametrize(
    ("tags", "wish", "expected"),
    [
        (f"{LAB};expires-2026-12-07", {"days": 7}, date(2026, 12, 14)),  # from its last day
        (f"{LAB};expires-2026-11-01", {"days": 7}, date(2026, 12, 8)),  # that has passed: from today
        (LAB, {"days": 1}, date(2026, 12, 2)),  # there is none: from today
        (f"{LAB};expires-2026-12-07", {"until": date(2027, 1, 31)}, date(2027, 1, 31)),
        (f"{LAB};expires-2026-11-01", {"until": TODAY}, TODAY),  # valid through the end of today
        (f"{LAB};expires-2028-02-28", {"days": 1}, date(2028, 2, 29)),
    ],
)
def test_days_count_from_the_last_valid_day(tags, wish, expected):
    """And from today where that has passed, so that an extension never ends before it begins."""
    assert _extended(tags, **wish).day == expected


@pytest.mark.parametrize(
    ("tags", "wish", "words"),
    [
        ("environment-prod", {"days": 7}, "only guests in lab expire"),
        ("environment-prod;expires-2026-12-07", {"days": 7}, "only guests in lab expire"),
        ("environment-staging", {"days": 7}, "its environment is staging"),
        (f"{LAB};no-expire", {"days": 7}, "no-expire"),
        (f"{LAB};env-prod", {"days": 7}, "two environments"),
        ("expires-2026-12-07", {"days": 7}, "no environment tag"),
        (LAB, {"until": date(2026, 11, 30)}, "2026-11-30 is past; today is 2026-12-01"),
        (f"{LAB};expires-2026-12-07", {"until": date(2026, 12, 6)}, "takes no time away"),
        (f"{LAB};expires-2026-12-07;expires-2026-12-20", {"until": date(2026, 12, 8)}, "through 2026-12-20"),
        (f"{LAB};expires-9999-12-31", {"days": 1}, "no calendar"),
    ],
)
def test_a_refusal_says_why(tags, wish, words):
    """Prod, no-expire, no or two environments, a day in the past, a day that shortens."""
    with pytest.raises(ExtensionError, match=words):
        _extended(tags, **wish)


def test_a_template_is_refused():
    """It never runs."""
    with pytest.raises(ExtensionError, match="template"):
        _extended(LAB, days=7, template=True)


@given(
    others=st.lists(st.from_regex(r"[a-zA-Z0-9_][a-z0-9_+.-]{0,8}", fullmatch=True), max_size=5),
    expiries=st.lists(st.sampled_from(["expires-2026-12-05", "Expires_2026-11-01", "expires-soon"])),
    days=st.integers(1, 3650),
)
def test_one_expiry_is_left_and_every_other_tag_is_kept(others, expiries, days):
    """Whatever stood there: canonical, one day, and nothing of anybody else's lost."""
    kept = [tag for tag in others if set(parse_tags(tag).others)]
    done = _extended(";".join([LAB, *kept, *expiries]), days=days)
    read = parse_tags(done.tags)
    assert (read.expiries, read.malformed_expiries) == ((done.day,), ())
    assert {LAB, *kept} == {tag for tag in done.tags if "expires-" not in tag}  # as they are spelt
    assert done.tags == sorted(set(done.tags))
    assert done.day >= TODAY + timedelta(days=days)


@given(day=DAYS, until=DAYS)
def test_an_extension_never_takes_time_away(day, until):
    """Either it is refused, or the new day is neither before the old one nor before today."""
    try:
        done = _extended(f"{LAB};expires-{day}", until=until)
    except ExtensionError:
        assert until < max(day, TODAY)
    else:
        assert done.day == until >= max(day, TODAY)
