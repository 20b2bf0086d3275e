"""A rotation, a plan of one and an audit as tables for a terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

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


def table(results: Sequence[Result]) -> Table:
    """What went otherwise than planned, first of all; of many hosts that are done, the count will do."""
    shown = _titled("host", "verdict", "why")
    for result in results:
        words = "\n".join(filter(None, (result.state.words, *result.state.notes)))
        verdict = Text(verdict_of(result), style=STYLES.get(result.state.verdict or Verdict.FAILED, ""))
        shown.add_row(Text(str(result.host)), verdict, Text(words))
    return shown


def plan_table(results: Sequence[Result], order: Order) -> Table:
    """What would be done, host by host."""
    shown = _titled("host", "plan", "why")
    for result in results:
        words = [*edits(result, order), result.state.words, *result.state.notes]
        shown.add_row(Text(str(result.host)), Text(intent(result)), Text("\n".join(filter(None, words))))
    return shown


def audit_table(findings: Sequence[Finding]) -> Table:
    """Where a retired key was found, and where nobody could look."""
    shown = _titled("host", "retired keys")
    for finding in findings:
        marks = "\n".join(f"{fingerprint(key.blob)} {key.comment}" for key in finding.present)
        style = "bold red" if finding.present else "yellow" if finding.words else "green"
        shown.add_row(Text(str(finding.host)), Text(marks or finding.words or "none", style=style))
    return shown


def _titled(*headings: str) -> Table:
    shown = Table(box=None, pad_edge=False)
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    return shown
