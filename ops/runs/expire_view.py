"""How an expiry run looks: while it runs, at its end, and as a document."""

from collections.abc import Iterable
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from ops import cli
from ops.core.expiring import Decision, Verdict, environment_of
from ops.core.outcomes import GOOD, Outcome
from ops.expire_commands import STYLES
from ops.runs.expire import Report, Screen
from ops.runs.expire_plan import Plan
from ops.runs.stopping import Ending


class Watch:
    """The plan on stdout before anything is done; on stderr a bar, on a terminal, and a line for each end."""

    def __init__(self, *, as_json: bool, show_all: bool) -> None:
        self._as_json = as_json
        self._show_all = show_all
        self._console = cli.progress_console()
        self._bar = Progress(
            TextColumn("stopping guests"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def screen(self) -> Screen:
        """What the run calls."""
        return Screen(warn=self._warn, planned=self._planned, begun=self._begun, ended=self._ended)

    def _warn(self, words: str) -> None:
        self._console.print(Text(f"warning: {words}", style="yellow"), soft_wrap=True)

    def _planned(self, plan: Plan) -> None:
        if not self._as_json:
            _show_plan(plan, show_all=self._show_all)

    def _begun(self, count: int) -> None:
        self._bar.start()
        self._task = self._bar.add_task("", total=count)

    def _ended(self, ending: Ending) -> None:
        for outcome in ending.outcomes:
            guest, took = outcome.guest, "" if outcome.seconds is None else f" ({outcome.seconds:.1f} s)"
            line = f"{guest.name} ({guest.vmid}): {outcome.action}: {outcome.result}{took}"
            self._console.print(Text(line), soft_wrap=True)
        self._bar.advance(self._task)


def document(report: Report, *, show_all: bool) -> dict[str, Any]:
    """What `--json` writes of the run."""
    return {
        "plan": [_planned(verdict) for verdict in _shown(report.plan.meant, show_all=show_all)],
        "outcomes": [_came_of(outcome) for outcome in report.outcomes],
        "offline_nodes": list(report.plan.offline_nodes),
        "notices": [
            {"channel": each.channel, "accepted": each.accepted, "words": each.words}
            for each in report.deliveries
        ],
        "stopped": sorted(report.stopped),
        "stopped_again": sorted(report.restopped),
        "withheld": len(report.withheld),
        "complaints": report.complaints,
    }


def _planned(verdict: Verdict) -> dict[str, object]:
    guest = verdict.guest
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node,
        "kind": guest.kind.value,
        "action": verdict.decision.value,
        "reason": verdict.reason.value,
        "words": verdict.words,
        "environment": environment_of(guest),
        "expires_on": verdict.expires_on.isoformat() if verdict.expires_on else None,
    }


def _came_of(outcome: Outcome) -> dict[str, object]:
    guest = outcome.guest
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node,
        "kind": guest.kind.value,
        "action": outcome.action,
        "result": outcome.result.value,
        "words": outcome.words,
        "seconds": None if outcome.seconds is None else round(outcome.seconds, 2),
        "slow": outcome.slow,
    }


def show(report: Report, *, dry_run: bool) -> None:
    """Print what came of the plan, the verdict below it."""
    console = cli.result_console()
    table = _table("vmid", "name", "node", "action", "result", "seconds", "words")
    for outcome in report.outcomes:
        guest, style = outcome.guest, "green" if outcome.result in GOOD else "bold red"
        seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
        row = (str(guest.vmid), guest.name, guest.node, outcome.action, outcome.result.value, seconds)
        table.add_row(*(Text(word, style=style) for word in (*row, outcome.words)))
    if table.row_count:
        console.print(table)
    console.print(Text(_verdict(report, dry_run=dry_run), style="bold"), soft_wrap=True)


def complain(report: Report) -> None:
    """Print on stderr what is wrong beside the guests themselves."""
    if report.interrupted:
        cli.progress_console().print(Text("Interrupted.", style="red"))
    for complaint in report.complaints:
        cli.progress_console().print(Text(complaint, style="red"), soft_wrap=True)


def _show_plan(plan: Plan, *, show_all: bool) -> None:
    table = _table("vmid", "name", "node", "environment", "last day", "decision", "why")
    for verdict in _shown(plan.meant, show_all=show_all):
        guest, style = verdict.guest, STYLES[verdict.decision]
        about = (str(guest.vmid), guest.name, guest.node, environment_of(guest))
        what = (str(verdict.expires_on or ""), verdict.decision.value, verdict.words)
        table.add_row(*(Text(word, style=style) for word in (*about, *what)))
    if table.row_count:
        cli.result_console().print(table)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _shown(verdicts: Iterable[Verdict], *, show_all: bool) -> list[Verdict]:
    return [verdict for verdict in verdicts if show_all or verdict.decision is not Decision.LEAVE]


def _verdict(report: Report, *, dry_run: bool) -> str:
    counts = {decision: len(report.plan.of(decision)) for decision in Decision}
    parts = [f"{counts[decision]} to {decision}" for decision in Decision]
    scanned = f"{len(report.plan.meant)} guests: {', '.join(parts)}."
    if dry_run:
        return f"{scanned} A dry run: nothing was done, nobody was told."
    again = f", {len(report.restopped)} of them again" if report.restopped else ""
    return f"{scanned} Stopped: {len(report.stopped)}{again}."
