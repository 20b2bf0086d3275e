"""How a clean-up looks: while it runs, at its end, and as a document."""

from dataclasses import asdict
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from ops import cli
from ops.core.model import Guest
from ops.core.outcomes import GOOD, Outcome
from ops.core.retention import Decision, Plan, Verdict
from ops.runs.cleanup import Report, Screen

WOULD = "would be done"
TOMORROW = "tomorrow"
STYLES = {WOULD: "yellow", TOMORROW: "yellow", **{result.value: "green" for result in GOOD}}


class Watch:
    """Progress on stderr: a bar on a terminal, and a line for each end, also in a journal."""

    def __init__(self) -> None:
        self._console = cli.progress_console()
        self._bar = Progress(
            TextColumn("deleting snapshots"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def screen(self) -> Screen:
        """What the run calls."""
        return Screen(warn=self._warn, planned=self._planned, ended=self._ended)

    def _warn(self, words: str) -> None:
        self._console.print(Text(f"warning: {words}", style="yellow"), soft_wrap=True)

    def _planned(self, plan: Plan) -> None:
        self._task = self._bar.add_task("", total=len(plan.of(Verdict.DELETE)))

    def _ended(self, outcome: Outcome) -> None:
        took = "" if outcome.seconds is None else f" ({outcome.seconds:.1f} s)"
        line = f"{_named(outcome.guest)}: {outcome.action}: {outcome.result.value}{took}"
        self._console.print(Text(line), soft_wrap=True)
        self._bar.advance(self._task)


def document(report: Report) -> dict[str, Any]:
    """The report for `--json`."""
    return {
        "plan": [_planned(each) for each in report.plan.decisions],
        "ceiling": {"due": report.plan.due, "allowed": report.plan.allowed},
        "outcomes": [_outcome(each) for each in report.outcomes],
        "offline_nodes": list(report.offline_nodes),
        "notices": [asdict(each) for each in report.deliveries],
        "troubles": list(report.troubles),
    }


def show(report: Report, *, dry_run: bool) -> None:
    """The report for people: what is done or would be, what comes next, and what was not possible."""
    console = cli.result_console()
    table = Table(box=None, pad_edge=False)
    for heading in ("guest", "node", "what", "result", "why"):
        table.add_column(heading, overflow="fold")
    if dry_run:
        for each in report.plan.of(Verdict.DELETE):
            _row(table, each.guest, f"delete snapshot {each.snapshot.name}", WOULD, each.reason)
    for outcome in report.outcomes:
        _row(table, outcome.guest, outcome.action, outcome.result.value, outcome.words)
    for each in report.plan.of(Verdict.ANNOUNCE):
        _row(table, each.guest, f"delete snapshot {each.snapshot.name}", TOMORROW, each.reason)
    if table.row_count:
        console.print(table)
    for trouble in report.troubles:
        console.print(Text(trouble, style="bold red"), soft_wrap=True)
    console.print(Text(_verdict(report, dry_run=dry_run), style="bold"), soft_wrap=True)


def _row(table: Table, guest: Guest, what: str, result: str, why: str) -> None:
    style = STYLES.get(result, "bold red")
    table.add_row(
        Text(_named(guest)),
        Text(guest.node),
        Text(what),
        Text(result, style=style),
        Text(why),
    )


def _verdict(report: Report, *, dry_run: bool) -> str:
    plan = report.plan
    begun = [each for each in report.outcomes if each.seconds is not None]  # others were gone before
    done = plan.of(Verdict.DELETE) if dry_run else [each for each in begun if each.result in GOOD]
    bad = [each for each in report.outcomes if each.result not in GOOD]
    words = [
        f"{len(done)} would be deleted" if dry_run else f"{len(done)} deleted",
        f"{len(plan.of(Verdict.ANNOUNCE))} tomorrow",
        f"{len(plan.of(Verdict.LEAVE))} left as they are",
        f"{len(bad)} not possible",
    ]
    held_back = (
        f"\nNothing is deleted: {plan.due} snapshots are due, and a run deletes {plan.allowed} at most. "
        f"If that is right, say so: --max-deletions {plan.due}"
    )
    return ", ".join(words) + "." + (held_back if plan.over_the_ceiling else "")


def _named(guest: Guest) -> str:
    return f"{guest.name} ({guest.vmid})"


def _about(guest: Guest) -> dict[str, Any]:
    return {"vmid": guest.vmid, "name": guest.name, "node": guest.node, "kind": guest.kind.value}


def _planned(decision: Decision) -> dict[str, Any]:
    taken = decision.snapshot.taken
    return {
        **_about(decision.guest),
        "snapshot": decision.snapshot.name,
        "taken": taken.isoformat() if taken else None,
        "action": decision.verdict.value,
        "reason": decision.reason,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        **_about(outcome.guest),
        "action": outcome.action,
        "result": outcome.result.value,
        "words": outcome.words,
        "seconds": outcome.seconds,
        "slow": outcome.slow,
    }
