"""Tags are the only database: what is written is read back, however it was spelt."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.core.tags import (
    LEGAL_TAG,
    Environment,
    canonical_tags,
    expiry_tag,
    parse_tags,
    problem_with_tag,
    split_tags,
)

DAYS = st.dates(min_value=date(1000, 1, 1))
SEPARATORS = st.sampled_from([":", "=", "-", "_"])
EXTRA = st.lists(
    st.from_regex(r"[a-z0-9_][a-z0-9_\-+.]{0,12}", fullmatch=True).filter(lambda t: not problem_with_tag(t))
)


@given(environment=st.sampled_from(Environment), day=st.none() | DAYS, no_expire=st.booleans(), extra=EXTRA)
def test_what_is_written_is_read_back(environment, day, no_expire, extra):
    """Writing and reading are inverses."""
    tags = canonical_tags(environment, expires_on=day, no_expire=no_expire, extra=extra)
    read = parse_tags(";".join(tags))
    assert read.environments == (environment.value,)
    assert read.expiries == (() if day is None else (day,))
    assert read.no_expire == no_expire
    assert read.managed
    assert set(read.others) == set(extra)
    assert all(LEGAL_TAG.fullmatch(tag) for tag in tags)
    assert tags == sorted(set(tags))


@given(day=DAYS, one=SEPARATORS, two=SEPARATORS, long=st.booleans(), upper=st.booleans(), order=st.randoms())
def test_every_spelling_is_understood(day, one, two, long, upper, order):
    """Separator, length, case and order of a person's tags make no difference."""
    words = [f"{'environment' if long else 'env'}{one}lab", f"expires{two}{day.isoformat()}"]
    order.shuffle(words)
    text = ";".join(words)
    read = parse_tags(text.upper() if upper else text)
    assert (read.environments, read.expiries) == (("lab",), (day,))


@pytest.mark.parametrize("separator", [";", ",", " ", ", "])
def test_the_list_is_split_as_proxmox_does(separator):
    """A stored list may hold any of the separators that Proxmox VE reads."""
    assert split_tags(separator.join(["b", "A", "b"])) == ("a", "b")


@pytest.mark.parametrize(
    "tag", ["expires-2026-02-30", "expires-soon", "expires-20260215", "expires-", "expires-2026-2-5"]
)
def test_a_broken_expiry_is_no_expiry(tag):
    """A day that is none is kept visible as malformed, and never guessed."""
    read = parse_tags(tag)
    assert (read.expiries, read.malformed_expiries) == ((), (tag,))


def test_contradictions_stay_visible():
    """Two environments and two days are both reported, for whoever must refuse."""
    read = parse_tags("environment-lab;env-prod;expires-2026-01-01;expires-2026-01-02")
    assert read.environments == ("lab", "prod")
    assert read.expiries == (date(2026, 1, 1), date(2026, 1, 2))


@pytest.mark.parametrize(
    "tag",
    ["a:b", "with space", "", "-x", "é", "expires-2026-01-01", "env-lab", "no-expire", "managed-by-pulumi"],
)
def test_a_tag_that_may_not_be_given_is_refused(tag):
    """Illegal tags, and those that the program writes itself, are refused with a remedy."""
    assert problem_with_tag(tag)


def test_the_canonical_day():
    """The spelling that everything writes is pinned."""
    assert expiry_tag(date(2026, 2, 15)) == "expires-2026-02-15"
