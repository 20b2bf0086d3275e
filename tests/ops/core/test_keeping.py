"""The keep line: written for people, read whatever people make of it."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.core.keeping import Kept, Malformed, kept, reason_of, with_keep, without_keep

REASONS = st.text().filter(str.strip).map(lambda text: "".join(c for c in text if c.isprintable()))
KEEPS = st.builds(
    Kept, until=st.dates(min_value=date(1000, 1, 1)), reason=REASONS.map(lambda text: " ".join(text.split()))
)
KEEP_LINES = st.sampled_from(["keep until 2026-12-31: why", "Keep until the end of time", "keep until"])
LINES = st.text() | KEEP_LINES
DESCRIPTIONS = st.lists(LINES, max_size=5).map("\n".join)


@given(DESCRIPTIONS, KEEPS)
@example("", Kept(until=date(2026, 12, 31), reason=": keep until"))
@example("", Kept(until=date(2026, 12, 31), reason=""))
def test_what_is_written_is_read(description, keep):
    """Formatting and parsing are inverses, whatever else stands in the description."""
    assert kept(with_keep(description, keep)) == keep


@given(DESCRIPTIONS, KEEPS)
def test_the_other_lines_stay_as_they_are(description, keep):
    """Keeping and releasing leave what was there without a keep line."""
    rest = without_keep(description)
    assert without_keep(with_keep(description, keep)) == rest
    assert with_keep(description, keep).startswith(rest)
    assert kept(rest) is None


@given(DESCRIPTIONS)
def test_any_description_is_read(description):
    """A person's text is never an error, and a description without the words is not kept."""
    found = kept(description)
    assert found is None or isinstance(found, Kept | Malformed)
    if "keep" not in description.lower():
        assert found is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("keep until 2026-12-31: audit", "audit"),
        ("Keep until: 2026-12-31 audit", "audit"),
        ("  KEEP  UNTIL  2026-12-31 :\taudit \r", "audit"),
        ("keep until 2026-12-31: of: two\tparts", "of: two parts"),
        ("keep until 2026-12-31", ""),
    ],
)
def test_reading_is_liberal(line, reason):
    """The line may have been typed in Proxmox VE's interface."""
    assert kept(f"before the upgrade\n{line}\nby anna") == Kept(until=date(2026, 12, 31), reason=reason)


@pytest.mark.parametrize(
    "line",
    [
        "keep until",
        "keep until: reason",
        "keep until tomorrow",
        "keep until 2026-02-30: reason",
        "keep until 31.12.2026: reason",
        "keep until 2026-12-311: reason",
    ],
)
def test_a_line_without_a_day_is_reported_and_not_read_as_nothing(line):
    """A typing error in the day must not let the snapshot go."""
    assert kept(f"before the upgrade\n{line}") == Malformed(line=line)


def test_of_several_lines_the_last_day_counts_and_a_malformed_one_outweighs_all():
    """When in doubt it stays longer."""
    two = "keep until 2027-01-31: long\nkeep until 2026-12-31: short"
    assert kept(two) == Kept(until=date(2027, 1, 31), reason="long")
    assert kept(f"{two}\nkeep until later") == Malformed(line="keep until later")


def test_a_reason_is_asked_for_and_put_on_one_line():
    """A second line of a reason would be another line of the description."""
    assert reason_of(" the audit\nof  spring ") == "the audit of spring"
    with pytest.raises(ValueError, match="reason"):
        reason_of(" \n ")
    with pytest.raises(ValueError, match="one line"):
        Kept(until=date(2026, 12, 31), reason="two\nlines")
