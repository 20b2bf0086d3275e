"""A rotation, a plan of one and an audit as tables for a terminal."""

from collections.abc import Sequence

from rich.text import Text

from ops import consoles, tables
from ops.core.keys import fingerprint
from ops.core.rotation import Verdict
from ops.runs.rotation.audit import Finding
from ops.runs.rotation.fleet import Result
from ops.runs.rotation.host import Order
from ops.runs.rotation.report import edits, intent, verdict_of

STYLES = {
    Verdict.ROTATED: "green",
    Verdict.UNPROVEN: "yellow",
    Verdict.PENDING: "yellow",
    Verdict.REFUSED: "red",
    Verdict.FAILED: "bold red",
    Verdict.NOT_STARTED: "dim",
}


def show(results: Sequence[Result]) -> None:
    """What became of each host, and why."""
    rows = [
        (
            str(result.host),
            Text(verdict_of(result), style=STYLES.get(result.state.verdict or Verdict.FAILED, "")),
            _lines(result.state.words, *result.state.notes),
        )
        for result in results
    ]
    _show(("host", "verdict", "why"), rows)


def show_plan(results: Sequence[Result], order: Order) -> None:
    """What would be done, host by host."""
    rows = [
        (
            str(result.host),
            intent(result),
            _lines(*edits(result, order), result.state.words, *result.state.notes),
        )
        for result in results
    ]
    _show(("host", "plan", "why"), rows)


def show_findings(findings: Sequence[Finding]) -> None:
    """Where a retired key was found, and where nobody could look."""
    _show(("host", "retired keys"), [(str(finding.host), _found(finding)) for finding in findings])


def _found(finding: Finding) -> Text:
    marks = (f"{fingerprint(key.blob)} {key.comment}" for key in finding.present)
    style = "bold red" if finding.present else "yellow" if finding.words else "green"
    return Text(_lines(*marks, finding.words) or "none", style=style)


def _lines(*words: str) -> str:
    return "\n".join(filter(None, words))


def _show(headings: Sequence[str], rows: Sequence[Sequence[tables.Cell]]) -> None:
    tables.show(consoles.result_console(), headings, rows)
