"""Rows with headings, as wide as the terminal: a table where it fits, else a block of lines for each row."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.core.visible import visible

Cell = str | Text
Rows = Sequence[Sequence[Text]]
GAP = 2  # between two columns
INDENT = 2
READABLE = 12  # columns, below which a text of several words is a ladder


def show(console: Console, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print the rows; nothing where there are none.

    Where a table would break words, the columns that are empty go first. Where it still would, each row is a
    block: the first cell, and below it a line for each other one that is not empty.
    """
    if not rows:
        return
    cells = [[_text(cell) for cell in row] for row in rows]
    filled = [place for place in range(len(headings)) if any(row[place].plain for row in cells)]
    for places in (range(len(headings)), filled):
        named, kept = (
            [headings[place] for place in places],
            [[row[place] for place in places] for row in cells],
        )
        if widths := _widths(named, kept, console.width):
            console.print(_table(named, kept, widths))
            return
    for row in cells:
        _print_block(console, headings, row)


def _text(cell: Cell) -> Text:
    """A copy in which every character has its width."""
    text = cell.copy() if isinstance(cell, Text) else Text(cell)
    text.plain = visible(text.plain).replace("\t", " ")
    return text


def _widths(headings: Sequence[str], rows: Rows, width: int) -> list[int]:
    """The width of each column, the narrow ones' wishes first; none where that would not be readable."""
    columns = zip(headings, zip(*rows, strict=True), strict=True)
    wishes = [_wishes(heading, [cell.plain for cell in cells]) for heading, cells in columns]
    widths = [least for least, _ in wishes]
    left = width - sum(widths) - GAP * (len(widths) - 1)
    if left < 0:
        return []
    for place in sorted(range(len(widths)), key=lambda place: wishes[place][1]):
        more = min(left, wishes[place][1] - widths[place])
        widths[place] += more
        left -= more
    return widths


def _wishes(heading: str, cells: Sequence[str]) -> tuple[int, int]:
    """Return the width that a column needs to be readable, and the one in which no line of it is folded."""
    word = _longest(" ".join([heading, *cells]).split())
    line = _longest("\n".join(cells).splitlines())
    return max(word, min(line, READABLE)), max(cell_len(heading), word, line)


def _longest(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts), default=0)


def _table(headings: Sequence[str], rows: Rows, widths: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP // 2))
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, overflow="fold", width=width)
    for row in rows:
        table.add_row(*row)
    return table


def _print_block(console: Console, headings: Sequence[str], row: Sequence[Text]) -> None:
    first, *rest = row
    console.print(Text.assemble(first, style="bold"), overflow="fold")
    for heading, cell in zip(headings[1:], rest, strict=True):
        if cell.plain:
            line = Text.assemble((f"{heading}: " if heading else "", "dim"), cell)
            for each in line.wrap(console, console.width - INDENT, overflow="fold"):
                console.print(Text.assemble(" " * INDENT, each))
