"""What others wrote, on a terminal: shown as it is, and never obeyed."""

import pytest
from rich.table import Table
from rich.text import Text

from ops import consoles, tables
from ops.errors import LifecycleError

NASTY = "up\x1b[2K\x1b[1A\x9b31m[bold]:smile:[/bold][link=http://x]y[/link]\x07"
SHOWN = "up␛[2K␛[1A\N{REPLACEMENT CHARACTER}31m[bold]:smile:[/bold][link=http://x]y[/link]"


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.parametrize("console", [consoles.result_console, consoles.progress_console])
@pytest.mark.parametrize("words", [NASTY, Text(NASTY), Text.assemble(NASTY)])
def test_a_console_obeys_nobody(console, words, capsys):
    """No escape sequence, no markup, no link, no emoji."""
    console().print(words, soft_wrap=True)
    said = capsys.readouterr()
    assert (said.out + said.err).rstrip("\n").rstrip("␇") == SHOWN


def test_a_cell_of_a_table_obeys_nobody(capsys):
    """Nor is a column too narrow for what is shown there."""
    tables.show(consoles.result_console(), ("guest", "why"), [("web", NASTY)])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["guest", "why"]
    assert row.split() == ["web", SHOWN]


def test_words_that_are_no_text_yet_are_shown_too(capsys):
    """As a cell of rich's own tables."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_row(NASTY)
    consoles.result_console().print(table)
    assert "".join(capsys.readouterr().out.split()).rstrip("␇") == SHOWN


def test_a_style_stays_where_it_was(monkeypatch, capsys):
    """The signs are as long as what they stand for."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    consoles.result_console().print(Text.assemble("\x1b[2K ", ("red", "red")), soft_wrap=True)
    assert capsys.readouterr().out == "␛[2K \x1b[31mred\x1b[0m\n"


def test_a_server_s_words_in_an_error_are_shown(capsys):
    """The one way of all errors to the terminal."""
    import click  # noqa: PLC0415 - of this test alone

    from ops import cli  # noqa: PLC0415

    def body():
        raise LifecycleError(f"500 {NASTY}")

    cli.run(click.Command("verb", callback=body), [])
    assert "\x1b" not in (err := capsys.readouterr().err)
    assert SHOWN in err
