"""How a clean-up looks: while it runs, at its end, and as a document."""

from dataclasses import asdict
from typing import Any

from rich.text import Text

from ops import consoles, tables
from ops.core.model import Guest
from ops.core.outcomes import GOOD, Outcome
from ops.core.retention import Decision, Verdict
from ops.runs.cleanup.run import Report, Screen
from ops.runs.snapshots.delete import action_on
from ops.runs.watching import Watching, called
from ops.tables import Cell

WOULD = "would be done"
TOMORROW = "tomorrow"
STYLES = {WOULD: "yellow", TOMORROW: "yellow", **{result.value: "green" for result in GOOD}}


class Watch(Watching):
    """Progress on stderr while snapshots are deleted."""

    def __init__(self) -> None:
        super().__init__("deleting snapshots")

    def screen(self) -> Screen:
        """What the run calls."""
        return Screen(
            warn=self.warn,
            planned=lambda plan: self.begun(len(plan.of(Verdict.DELETE))),
            ended=lambda outcome: self.ended([outcome]),
        )


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
    console = consoles.result_console()
    rows = [
        *(_due(each, WOULD) for each in report.plan.of(Verdict.DELETE) if dry_run),
        *(_row(each.guest, each.action, each.result.value, each.words) for each in report.outcomes),
        *(_due(each, TOMORROW) for each in report.plan.of(Verdict.ANNOUNCE)),
    ]
    tables.show(console, ("guest", "node", "what", "result", "why"), rows)
    for trouble in report.troubles:
        console.print(Text(trouble, style="bold red"), soft_wrap=True)
    console.print(Text(_verdict(report, dry_run=dry_run), style="bold"), soft_wrap=True)


def _due(decision: Decision, result: str) -> list[Cell]:
    return _row(decision.guest, action_on(decision.snapshot.name), result, decision.reason)


def _row(guest: Guest, what: str, result: str, why: str) -> list[Cell]:
    return [called(guest), guest.node, what, Text(result, STYLES.get(result, "bold red")), why]


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
