"""How an expiry run looks: while it runs, at its end, and as a document."""

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from ops import consoles, tables
from ops.core.expiring import Decision, Verdict, environment_of
from ops.core.outcomes import GOOD, Outcome
from ops.runs.expiry.plan import Plan
from ops.runs.expiry.run import Report, Screen
from ops.runs.watching import Watching

STYLES = {
    Decision.STOP: "bold red",
    Decision.KEEP_DOWN: "red",
    Decision.WARN: "yellow",
    Decision.REFUSE: "magenta",
    Decision.LEAVE: "",
}


class Watch(Watching):
    """The plan on stdout before anything is done, and on stderr the progress."""

    def __init__(self, *, as_json: bool, show_all: bool) -> None:
        super().__init__("stopping guests")
        self._as_json = as_json
        self._show_all = show_all

    def screen(self) -> Screen:
        """What the run calls."""
        return Screen(
            warn=self.warn,
            planned=self._planned,
            begun=self.begun,
            ended=lambda ending: self.ended(ending.outcomes),
        )

    def _planned(self, plan: Plan) -> None:
        if not self._as_json:
            _show_plan(plan, show_all=self._show_all)


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
        "kept_down": sorted(report.kept_down),
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
    console = consoles.result_console()
    headings = ("vmid", "name", "node", "action", "result", "seconds", "words")
    tables.show(console, headings, [_outcome_row(outcome) for outcome in report.outcomes])
    console.print(Text(_verdict(report, dry_run=dry_run), style="bold"), soft_wrap=True)


def complain(report: Report) -> None:
    """Print on stderr what is wrong beside the guests themselves."""
    if report.interrupted:
        consoles.progress_console().print(Text("Interrupted.", style="red"))
    for complaint in report.complaints:
        consoles.progress_console().print(Text(complaint, style="red"), soft_wrap=True)


def _outcome_row(outcome: Outcome) -> list[Text]:
    guest, style = outcome.guest, "green" if outcome.result in GOOD else "bold red"
    seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
    row = (str(guest.vmid), guest.name, guest.node, outcome.action, outcome.result.value, seconds)
    return [Text(word, style=style) for word in (*row, outcome.words)]


def _show_plan(plan: Plan, *, show_all: bool) -> None:
    headings = ("vmid", "name", "node", "env", "last day", "decision", "why")
    rows = [_plan_row(verdict) for verdict in _shown(plan.meant, show_all=show_all)]
    tables.show(consoles.result_console(), headings, rows)


def _plan_row(verdict: Verdict) -> list[Text]:
    guest, style = verdict.guest, STYLES[verdict.decision]
    about = (str(guest.vmid), guest.name, guest.node, environment_of(guest))
    what = (str(verdict.expires_on or ""), verdict.decision.value, verdict.words)
    return [Text(word, style=style) for word in (*about, *what)]


def _shown(verdicts: Iterable[Verdict], *, show_all: bool) -> list[Verdict]:
    return [verdict for verdict in verdicts if show_all or verdict.decision is not Decision.LEAVE]


def _verdict(report: Report, *, dry_run: bool) -> str:
    counts = {decision: len(report.plan.of(decision)) for decision in Decision}
    rare = {Decision.KEEP_DOWN}  # is said where there is one
    parts = [f"{counts[each]} to {each}" for each in Decision if counts[each] or each not in rare]
    scanned = f"{len(report.plan.meant)} guests: {', '.join(parts)}."
    if dry_run:
        return f"{scanned} A dry run: nothing was done, nobody was told."
    again = f", {len(report.restopped)} of them again" if report.restopped else ""
    kept = f" Kept down: {len(report.kept_down)}." if report.kept_down else ""
    return f"{scanned} Stopped: {len(report.stopped)}{again}.{kept}"
