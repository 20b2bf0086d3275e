"""Rows are readable on every terminal."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from ops import tables

HEADINGS = ("guest", "node", "snapshot", "taken (UTC)", "age", "kept until", "RAM", "why")
ROW = (
    "100 web",
    "pve1",
    "before-upgrade-20261123",
    "2026-11-18 10:26",
    "5 days",
    "",
    "",
    "the upgrade to 13",
)
WIDE = "客户门户" * 6


def shown(rows, width, headings=HEADINGS):
    """The lines on a terminal of that width."""
    file = io.StringIO()
    tables.show(Console(file=file, width=width, markup=False), headings, rows)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 200])
def test_a_table_that_fits_has_a_line_for_each_row(width):
    """Empty columns are what it can do without."""
    head, *lines = shown([ROW, ROW], width)
    assert len(lines) == (2 if width == 200 else 4)
    assert ("kept until" in head) == (width == 200)


def test_where_words_would_break_each_row_is_a_block():
    """The first cell, and a line for each other one that says something."""
    assert shown([ROW], 40) == [
        "100 web",
        "  node: pve1",
        "  snapshot: before-upgrade-20261123",
        "  taken (UTC): 2026-11-18 10:26",
        "  age: 5 days",
        "  why: the upgrade to 13",
    ]


def test_nothing_is_printed_of_no_rows():
    """The verdict below says it."""
    assert shown([], 80) == []


WORDS = st.text(st.sampled_from("aé漢😀-."), min_size=1, max_size=70)


@given(
    rows=st.lists(st.lists(WORDS | st.just(""), min_size=3, max_size=3), min_size=1, max_size=4),
    width=st.sampled_from([40, 60, 80]),
)
def test_nothing_is_lost_or_sticks_out_on_a_narrow_terminal(rows, width):
    """Folded perhaps, with every character there and in its order."""
    lines = shown(rows, width, ("guest", "node", "why"))
    assert all(cell_len(line) <= width for line in lines)
    text = "".join("".join(lines).split())
    for row in rows:
        for word in row:
            assert all(text.count(character) >= word.count(character) for character in set(word))


def test_a_word_keeps_its_order_in_a_block():
    """Also one of wide characters that no line holds."""
    lines = shown([("100 web", "pve1", WIDE * 2)], 40, ("guest", "node", "why"))
    assert "".join(line.strip() for line in lines[2:]) == f"why:{WIDE * 2}"
