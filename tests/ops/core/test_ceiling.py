"""How much a run may do is a number or a share, and nothing is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.core.ceiling import Ceiling, parse_ceiling


@pytest.mark.parametrize(
    ("ceiling", "of", "allowed"),
    [("20", 1000, 20), ("0", 9, 0), ("50%", 9, 4), ("100 %", 9, 9), ("0%", 9, 0)],
)
def test_a_ceiling_is_a_number_or_a_share(ceiling, of, allowed):
    """A share is rounded down."""
    assert parse_ceiling(ceiling).allowed(of) == allowed


@pytest.mark.parametrize("text", ["", "ten", "-1", "101%", "5.5", "%", "1e3", "٣"])
def test_what_is_no_ceiling_is_refused(text):
    """Nothing is guessed where a mistake would be expensive."""
    with pytest.raises(ValueError, match="is no ceiling"):
        parse_ceiling(text)


@given(count=st.none() | st.integers(0, 999), share=st.integers(1, 100))
def test_a_ceiling_is_read_as_it_is_written(count, share):
    """Format and parse are inverses."""
    ceiling = Ceiling(share=share) if count is None else Ceiling(count=count)
    assert parse_ceiling(str(ceiling)) == ceiling
