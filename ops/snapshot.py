"""`python -m ops.snapshot`: snapshots taken before risk, rolled back safely, and kept only with a reason."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ops import cli, consoles
from ops import snapshot_options as options
from ops.clock import read_now
from ops.core.expiry import is_over
from ops.core.keeping import Kept
from ops.core.selection import Selection
from ops.core.visible import visible
from ops.errors import LifecycleError
from ops.snapshot_options import Manner, manner_options

if TYPE_CHECKING:  # what a verb does imports the API's library: time that --help spares
    from ops.core.outcomes import Outcome
    from ops.runs.snapshots.steps import Plan, Session, Step


@click.group(name="pve-snapshot")
def command() -> None:
    """Take, list, roll back, delete, keep and release snapshots of VMs and containers.

    Exit code 0: all was done. 1: something was refused or failed, or nobody knows whether it was done.
    """


@command.command()
@cli.selection_options()
@click.option("--name", callback=options.name, help="Its name; by default `manual-` and the time in UTC.")
@click.option("--description", default="", help="What for; shown in Proxmox VE.")
@click.option(
    "--keep-until", metavar="YYYY-MM-DD", callback=options.day, help="Cleanup leaves it until then."
)
@click.option("--reason", callback=options.reason, help="Why it must stay; goes with --keep-until.")
@click.option("--ram", is_flag=True, help="Save the RAM of running VMs, too: slow and large.")
@cli.metrics_option()
@manner_options
def create(
    *,
    selection: Selection,
    name: str | None,
    description: str,
    keep_until: date | None,
    reason: str | None,
    ram: bool,
    metrics_directory: Path | None,
    manner: Manner,
) -> int:
    """Take a snapshot of each guest.

    Every guest is looked at before anything is sent: a disk that cannot be snapshotted is named. Of --env and
    --all templates are left out.
    """
    from ops import snapshot_report as report  # noqa: PLC0415 - as above
    from ops.runs.snapshots import create as run  # noqa: PLC0415

    if (keep_until is None) != (reason is None):
        raise click.UsageError("give --keep-until and --reason together: nothing is kept without a reason")
    with _session(manner) as session:
        guests = session.chosen(selection)
        keep = _keep(session, keep_until, reason) if keep_until and reason else None
        wish = run.Wish(name=name, description=description, keep=keep, ram=ram)
        plan = run.plan(session, guests, wish)
        with report.progress("Taking snapshots", len(plan.steps)) as tell:
            outcomes = [] if manner.dry_run else run.apply(session, plan, tell)
    return _end(plan, outcomes, manner, timings=(metrics_directory, "create"))


@command.command(name="list")
@cli.selection_options(by_default_all=True)
@cli.connection_option()
@cli.json_option()
def list_(*, selection: Selection, connection_file: Path | None, as_json: bool) -> int:
    """List the snapshots of all guests or of some.

    With age, and until when and why one is kept.
    """
    from ops import snapshot_report as report  # noqa: PLC0415 - as above
    from ops.runs.cluster import observe, opened  # noqa: PLC0415
    from ops.runs.snapshots.listing import list_all  # noqa: PLC0415

    now = read_now(os.environ)
    with opened(connection_file) as (settings, proxmox), report.progress("Reading"):
        inventory = observe(proxmox)
        listing = list_all(proxmox, inventory.chosen(selection), inventory.offline_nodes)
    if as_json:
        cli.print_json(report.list_document(listing, inventory.offline_nodes, now, settings.zone))
    else:
        report.show_list(listing, now, settings.zone)
    return cli.DONE if listing.whole else cli.FAILED


@command.command()
@click.argument("guest")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@cli.metrics_option()
@manner_options
def rollback(*, guest: str, name: str, yes: bool, metrics_directory: Path | None, manner: Manner) -> int:
    """Take GUEST back to its snapshot NAME.

    Today's tags and start at boot stay. A guest that runs is switched off hard, and started again afterwards.
    """
    from ops import snapshot_report as report  # noqa: PLC0415 - as above
    from ops.runs.snapshots import rollback as run  # noqa: PLC0415

    asks = not yes and not manner.dry_run
    if asks and not (sys.stdin and sys.stdin.isatty()):  # None where it was closed
        raise click.UsageError("nobody can be asked here whether to go back; --yes says it beforehand")
    with _session(manner) as session:
        plan = run.plan(session, session.one(guest), name)
        (step,) = plan.steps
        if asks or not (manner.dry_run or manner.as_json):
            report.show_plan(plan, consoles.progress_console())
        if asks and not step.refusal:
            _ask(step.guest.name or str(step.guest.vmid))
        with report.progress("Rolling back"):
            outcomes = [] if manner.dry_run else run.apply(session, plan, report.say)
    return _end(plan, outcomes, manner, timings=(metrics_directory, "rollback"))


@command.command()
@click.argument("guest")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@cli.metrics_option()
@manner_options
def delete(*, guest: str, names: tuple[str, ...], metrics_directory: Path | None, manner: Manner) -> int:
    """Delete snapshots of GUEST by name.

    The oldest first, one after another. A kept one must be released before.
    """
    from ops import snapshot_report as report  # noqa: PLC0415 - as above
    from ops.runs.snapshots import delete as run  # noqa: PLC0415

    with _session(manner) as session:
        plan = run.plan(session, session.one(guest), names)
        with report.progress("Deleting", len(plan.steps)) as tell:
            outcomes = [] if manner.dry_run else run.apply(session, plan, tell)
    return _end(plan, outcomes, manner, timings=(metrics_directory, "delete"))


@command.command()
@click.argument("guest")
@click.argument("name")
@click.option("--until", metavar="YYYY-MM-DD", required=True, callback=options.day, help="Through this day.")
@click.option("--reason", required=True, callback=options.reason, help="Why; people will ask.")
@manner_options
def keep(*, guest: str, name: str, until: date, reason: str, manner: Manner) -> int:
    """Keep the snapshot NAME of GUEST until a day.

    Cleanup leaves it alone through that day. A line in its description says until when and why.
    """
    return _described(guest, name, lambda session: _keep(session, until, reason), manner)


@command.command()
@click.argument("guest")
@click.argument("name")
@manner_options
def release(*, guest: str, name: str, manner: Manner) -> int:
    """Release the kept snapshot NAME of GUEST."""
    return _described(guest, name, lambda _: None, manner)


def _described(guest: str, name: str, wanted: "Callable[[Session], Kept | None]", manner: Manner) -> int:
    from ops.runs.snapshots import keep as run  # noqa: PLC0415 - as above

    with _session(manner) as session:
        keep = wanted(session)
        plan = run.plan(session, session.one(guest), name, keep)
        outcomes = [] if manner.dry_run else run.apply(session, plan, keep)
    return _end(plan, outcomes, manner)


@contextmanager
def _session(manner: Manner) -> "Iterator[Session]":
    from ops.runs.cluster import observe, opened  # noqa: PLC0415 - as above
    from ops.runs.snapshots.steps import Session  # noqa: PLC0415

    now = read_now(os.environ)
    with opened(manner.connection_file) as (settings, proxmox):
        yield Session(
            proxmox=proxmox,
            inventory=observe(proxmox),
            now=now,
            zone=settings.zone,
            limits=manner.limits,
        )


def _keep(session: "Session", until: date, reason: str) -> Kept:
    if is_over(until, session.now, session.zone):
        raise click.UsageError(f"{until} is over already in {session.zone}; write a later day")
    return Kept(until=until, reason=reason)


def _ask(called: str) -> None:
    typed = click.prompt(f"Type the guest's name ({visible(called)}) to go back", err=True)
    if typed.strip() != called:
        raise LifecycleError("that is not the guest's name", remedy="Nothing was done.")


def _end(
    plan: "Plan[Step]",
    outcomes: "Sequence[Outcome]",
    manner: Manner,
    *,
    timings: tuple[Path | None, str] = (None, ""),
) -> int:
    from ops import snapshot_report as report  # noqa: PLC0415 - as above

    code = report.show(plan, outcomes, dry_run=manner.dry_run, as_json=manner.as_json)
    directory, verb = timings
    if directory is not None and not manner.dry_run:
        from ops.runs.snapshots import timings as snapshot_timings  # noqa: PLC0415 - as above

        try:
            snapshot_timings.write(directory, verb, outcomes, plan.now)
        except LifecycleError as error:  # beside the report, which is out already
            report.say(str(error))
            code = cli.FAILED
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return cli.run(command, argv)


if __name__ == "__main__":
    sys.exit(main())
