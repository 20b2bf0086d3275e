"""What the snapshot verbs show: a plan, what came of it, and the list; as tables or as JSON."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from ops import cli, consoles, tables
from ops.core.expiry import is_over
from ops.core.keeping import Kept, Malformed, kept
from ops.core.model import Guest
from ops.core.outcomes import Outcome, Result, all_good
from ops.core.retention import age_in_words
from ops.core.snapshots import Snapshot
from ops.tables import Cell

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ops.runs.snapshots.listing import Listing
    from ops.runs.snapshots.steps import Plan, Step

STYLES = {
    Result.DONE: "green",
    Result.WARNINGS: "yellow",
    Result.REFUSED: "magenta",
    Result.FAILED: "bold red",
    Result.UNKNOWN: "bold red",
}


@contextmanager
def progress(words: str, total: int = 1) -> Iterator[Callable[[object], None]]:
    """Show on a terminal how many of `total` have ended; call what it gives for each."""
    console = consoles.progress_console()
    if not console.is_terminal:  # not even rich's spinners are imported
        yield lambda _: None
        return
    ended: list[object] = []
    with console.status(f"{words} …") as status:

        def tell(outcome: object) -> None:
            ended.append(outcome)
            status.update(f"{words}: {len(ended)} of {total} …")

        yield tell


def show(plan: "Plan[Step]", outcomes: Sequence[Outcome], *, dry_run: bool, as_json: bool) -> int:
    """Show the end of a verb and give its exit code: a step that is refused is no success."""
    if as_json:
        cli.print_json(
            {
                "dry_run": dry_run,
                "now": plan.now.isoformat(),
                "plan": [plan_item(step) for step in plan.steps],
                "outcomes": [outcome_item(outcome) for outcome in outcomes],
                "offline_nodes": list(plan.offline_nodes),
            }
        )
    elif dry_run:
        show_plan(plan, consoles.result_console())
        consoles.result_console().print("Nothing was changed.")
    else:
        _show_outcomes(outcomes)
    good = not any(step.refusal for step in plan.steps) if dry_run else all_good(outcomes)
    return cli.DONE if good else cli.FAILED


def show_plan(plan: "Plan[Step]", console: Console) -> None:
    """One line a step, and below it what a person should know before it is done."""
    for step in plan.steps:
        refusal = (f", refused: {step.refusal}" if step.refusal else "", "magenta")
        console.print(Text.assemble(f"{_called(step.guest)}: {step.action}", refusal), soft_wrap=True)
        for note in step.notes:
            console.print(Text(f"  {note}"), soft_wrap=True)


def say(words: str) -> None:
    """One line for the person at the terminal, beside the result."""
    consoles.progress_console().print(Text(words), soft_wrap=True)


def _show_outcomes(outcomes: Sequence[Outcome]) -> None:
    headings = ("guest", "node", "action", "result", "seconds", "")
    tables.show(consoles.result_console(), headings, [_outcome_row(outcome) for outcome in outcomes])


def _outcome_row(outcome: Outcome) -> list[Cell]:
    seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
    return [
        _called(outcome.guest),
        outcome.guest.node,
        outcome.action,
        Text(outcome.result.value, STYLES[outcome.result]),
        Text(f"{seconds} (slow)", "yellow") if outcome.slow else seconds,
        outcome.words,
    ]


def list_document(
    listing: "Listing", offline: Sequence[str], now: datetime, zone: "ZoneInfo"
) -> dict[str, Any]:
    """The list for `--json`; `outcomes` are the guests that could not be read."""
    return {
        "now": now.isoformat(),
        "snapshots": [_list_item(guest, each, now, zone) for guest, each in listing.held],
        "outcomes": [outcome_item(outcome) for outcome in listing.unread],
        "offline_nodes": list(offline),
    }


def show_list(listing: "Listing", now: datetime, zone: "ZoneInfo") -> None:
    """Every snapshot with its age; the guests that could not be read on stderr."""
    headings = (
        "guest",
        "node",
        "snapshot",
        "taken (UTC)",
        "age",
        "kept until",
        "state",
        "RAM",
        "after",
        "why",
    )
    rows = [
        [_called(guest), guest.node, *_row(_list_item(guest, each, now, zone), now, each)]
        for guest, each in listing.held
    ]
    tables.show(consoles.result_console(), headings, rows)
    if not rows:
        consoles.result_console().print("There is no snapshot.")
    for outcome in listing.unread:
        consoles.progress_console().print(
            Text(f"{_called(outcome.guest)}: {outcome.words}", "red"), soft_wrap=True
        )


def _row(item: dict[str, Any], now: datetime, snapshot: Snapshot) -> list[str]:
    taken = snapshot.taken
    return [
        snapshot.name,
        f"{taken:%Y-%m-%d %H:%M}" if taken else "unknown",
        age_in_words(now - taken) if taken else "",
        item["kept_until"] or "",
        item["state"] or "",
        "yes" if snapshot.ram else "",
        snapshot.parent or "",
        item["reason"] or "".join(filter(str.isprintable, snapshot.description.partition("\n")[0])),
    ]


def _list_item(guest: Guest, snapshot: Snapshot, now: datetime, zone: "ZoneInfo") -> dict[str, Any]:
    keep = kept(snapshot.description)
    until, reason = None, None
    if isinstance(keep, Kept):
        until, reason = keep.until, keep.reason
    elif isinstance(keep, Malformed):
        reason = f"names no day: {keep.line}"
    return _guest_item(guest) | {
        "snapshot": snapshot.name,
        "taken": snapshot.taken.isoformat() if snapshot.taken else None,
        "age_seconds": int((now - snapshot.taken).total_seconds()) if snapshot.taken else None,
        "description": snapshot.description,
        "kept": until is not None and not is_over(until, now, zone),
        "kept_until": until.isoformat() if until else None,
        "reason": reason,
        "state": snapshot.state,
        "ram": snapshot.ram,
        "parent": snapshot.parent,
    }


def plan_item(step: "Step") -> dict[str, Any]:
    """A step for `--json`; `reason` says why it is refused."""
    return _guest_item(step.guest) | {
        "snapshot": step.snapshot,
        "action": step.action,
        "refused": bool(step.refusal),
        "reason": step.refusal,
        "notes": list(step.notes),
    }


def outcome_item(outcome: Outcome) -> dict[str, Any]:
    """An outcome for `--json`."""
    return _guest_item(outcome.guest) | {
        "action": outcome.action,
        "result": outcome.result.value,
        "words": outcome.words,
        "seconds": None if outcome.seconds is None else round(outcome.seconds, 3),
        "slow": outcome.slow,
    }


def _guest_item(guest: Guest) -> dict[str, Any]:
    return {"vmid": guest.vmid, "name": guest.name, "node": guest.node, "kind": guest.kind.value}


def _called(guest: Guest) -> str:
    return f"{guest.vmid} {guest.name}".strip()
