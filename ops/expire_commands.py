"""`python -m ops.expire extend` and `list`: what people do with expiry, beside what the timer does."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from ops import cli, consoles
from ops.clock import read_now
from ops.core.expiring import STOPPED
from ops.core.extending import Wish
from ops.core.tags import expiry_tag, parse_day

if TYPE_CHECKING:
    from ops.runs.expiry.extend import Extended


def _day(_context: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    day = parse_day(value) if value else None
    if value and day is None:
        raise click.BadParameter("write a day as 2027-01-31")
    return day


def _reason(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    words = value.strip()
    if not words or not words.isprintable():
        raise click.BadParameter("write one line of plain text")
    return words


@click.command(name="extend")
@click.argument("guest", metavar="GUEST")
@click.option("--days", type=click.IntRange(1, 3650), help="This many days more.")
@click.option("--until", metavar="YYYY-MM-DD", callback=_day, help="The new last day.")
@click.option("--reason", required=True, callback=_reason, help="Why; people will ask.")
@click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=".",
    show_default="here",
    help="The directory of the stack files, for a guest that the program owns.",
)
@click.option("--stack", help="The stack that has the guest, where several have its number.")
@cli.dry_run_option()
@cli.connection_option()
@cli.json_option()
def extend_command(
    *,
    guest: str,
    days: int | None,
    until: date | None,
    reason: str,
    project: Path,
    stack: str | None,
    dry_run: bool,
    connection_file: Path | None,
    as_json: bool,
) -> int:
    """Give one lab guest more time: on its tag at once, and in the stack's file where it is declared.

    Days count from the last valid day, or from today where that has passed. The reason is left in a remark
    above `expires_on` in the stack's file; for a guest that no stack declares, in its notes in Proxmox VE.
    """
    from ops.runs.expiry.extend import Request, extend  # noqa: PLC0415 - the API's library: time that --help spares

    if (days is None) == (until is None):
        raise click.UsageError("give --days or --until, one of the two")
    request = Request(
        guest=guest, wish=Wish(days=days, until=until), reason=reason, project=project, stack=stack
    )
    now = read_now(os.environ)
    done = extend(request, connection_file, now=now, dry_run=dry_run)
    if as_json:
        cli.print_json(_document(done, now=now, reason=reason, dry_run=dry_run))
    else:
        _tell(done, dry_run=dry_run)
    return cli.DONE


def _document(done: "Extended", *, now: datetime, reason: str, dry_run: bool) -> dict[str, object]:
    extension = done.extension
    guest = extension.guest
    item: dict[str, object] = {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node,
        "kind": guest.kind.value,
        "action": f"extend to {extension.day}",
    }
    details = {
        "expires_on": extension.day.isoformat(),
        "was": extension.was.isoformat() if extension.was else None,
        "tags": extension.tags,
        "stack_file": str(done.stack_file) if done.stack_file else None,
        "reason": reason,
    }
    outcome = {"result": "done", "words": "", "seconds": None, "slow": False}
    return {
        "dry_run": dry_run,
        "now": now.isoformat(),
        "plan": [item | details],
        "outcomes": [] if dry_run else [item | outcome],
        "offline_nodes": [],
    }


def _tell(done: "Extended", *, dry_run: bool) -> None:
    extension = done.extension
    guest = extension.guest
    will, is_ = ("would be", "would be") if dry_run else ("is", "was")
    before = f"it was {extension.was}" if extension.was else "it had none"
    lines = [f"{guest.name} ({guest.vmid}) {will} valid through {extension.day}; {before}."]
    reason_is_in = f"{done.stack_file}, above expires_on" if done.stack_file else "its notes in Proxmox VE"
    lines.append(f"The tag {expiry_tag(extension.day)} {is_} written, the reason into {reason_is_in}.")
    if guest.status == STOPPED and not dry_run:
        lines.append("It is stopped. " + _start(managed=extension.managed))
    for line in lines:
        consoles.result_console().print(Text(line), soft_wrap=True)


def _start(*, managed: bool) -> str:
    if managed:
        return "`pulumi up` starts it."
    return "Start it in Proxmox VE, and let it start with its node again (Options, Start at boot) if it did."


@click.command(name="list")
@cli.connection_option()
@cli.json_option()
def list_command(*, connection_file: Path | None, as_json: bool) -> int:
    """Show each guest's last day, the days left, and what the next run would do with it."""
    from ops.runs.expiry.listing import document, list_all, show  # noqa: PLC0415 - the API's library

    listing = list_all(connection_file, read_now(os.environ))
    if as_json:
        cli.print_json(document(listing))
    else:
        show(listing)
    for node in listing.offline_nodes:
        words = Text(f"The node {node} is offline; what runs there is not known.")
        consoles.progress_console().print(words, soft_wrap=True)
    return cli.FAILED if listing.offline_nodes else cli.DONE
