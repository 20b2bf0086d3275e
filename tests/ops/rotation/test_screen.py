"""What a rotation shows on a terminal."""

import pytest
from rich.cells import cell_len

from ops.core.keys import fingerprint, parse_public_key
from tests.ops.rotation.model import FIRST, ModelHost

NAMES = ("[bold]web", "web\x1b[2J", ":boom:", "[/red]")


@pytest.fixture
def odd(fleet, old, tmp_path):
    """Hosts whose names are anybody's; their words come from an inventory."""
    fleet.hosts.update({name: ModelHost(files={FIRST: old.line.encode()}) for name in NAMES})
    lines = (f"{name} 192.0.2.{number}\n" for number, name in enumerate(fleet.hosts, 1))
    (tmp_path / "hosts").write_text("".join(lines))
    return fleet


def test_a_hosts_name_is_no_markup_on_a_terminal(odd, run, old, new, monkeypatch):
    """Neither in the bar nor in the table: an error there would leave the rest of the fleet undone."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = run(*odd.options, "--add-key", new.public, "--remove-key", old.public, "--parallel", "1")
    assert done.code == 0, done.err
    assert all(host.files == {FIRST: new.line.encode()} for host in odd.hosts.values())
    assert "Rotating" in done.err
    assert all(name.replace("\x1b", "\u241b") in done.out for name in NAMES)
    assert "\x1b[2J" not in done.out + done.err


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_narrow_terminal_shows_the_whole_plan(fleet, run, old, new, monkeypatch, columns):
    """No row sticks out; a fingerprint, which one compares, is whole where it fits."""
    monkeypatch.setenv("COLUMNS", str(columns))
    done = run(*fleet.options, "--add-key", new.public, "--remove-key", old.public, "--dry-run")
    rows = [line.rstrip() for line in done.out.splitlines()]
    assert all(cell_len(row) <= columns for row in rows)
    shown = " ".join(done.out.split()) if columns > len(" +SHA256:") + 43 else "".join(done.out.split())
    assert all(shown.count(fingerprint(parse_public_key(key.line).blob)) == 3 for key in (old, new))
