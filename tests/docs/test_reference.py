"""The reference tells of every exit code and every metric that there is, and of no other."""

import re
from pathlib import Path

import pytest

from ops import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference.md").read_text("utf-8")
WRITTEN = re.compile(r'"((?:pve_(?:guest|lab|lifecycle|snapshot)|ssh_retired)_[a-z_]+[a-z])"')
IN_THE_GUEST = "lifecycle_apt_lists_fetched_timestamp_seconds"
USED = re.compile(r"\b(?:pve|ssh_retired|lifecycle)_[a-z_]+[a-z]\b")


def _chapter(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _first_cells(title):
    """What stands in the first column of the chapter's table."""
    return re.findall(r"^\| `([^`]+)` \|", _chapter(title), re.MULTILINE)


def test_every_metric_that_is_written_is_listed_once():
    """Whoever makes a panel finds it here; a name that went from the code goes from the page."""
    sources = [path.read_text("utf-8") for path in (ROOT / "ops").rglob("*.py")]
    written = {name for text in sources for name in WRITTEN.findall(text)}
    listed = _first_cells("Metrics")
    assert sorted(listed) == sorted(written | {IN_THE_GUEST})
    assert IN_THE_GUEST in (ROOT / "templates" / "auto-upgrades.conf.j2").read_text("utf-8")


def test_every_metric_that_an_alert_asks_for_is_listed():
    """An alert on a name that nobody writes would never fire."""
    alerts = (ROOT / "monitoring" / "prometheus" / "alerts" / "default.yml").read_text("utf-8")
    ours = set(USED.findall(alerts))
    assert ours
    assert ours <= set(_first_cells("Metrics"))


@pytest.mark.parametrize("name", ["DONE", "FAILED", "USAGE", "BUG", "INTERRUPTED"])
def test_every_exit_code_is_listed(name):
    """A script may rely on the numbers."""
    assert str(getattr(cli, name)) in _first_cells("Exit codes")
