"""`python -m ops.cleanup_snapshots`: deletes snapshots that are older than the limit, and kept by nobody."""

import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from ops import cli
from ops.clock import read_now
from ops.core.ceiling import Ceiling, parse_ceiling
from ops.core.retention import parse_age
from ops.core.selection import Selection
from ops.core.waiting import Limits

T = TypeVar("T")

# With a snapshot of each guest a day an eighth is due every day, a third after a missed weekend, and most of
# them at the first run in a cluster's life. More than three quarters is likelier a clock that jumped; but ten
# may well be everything that a small cluster has.
DEFAULT_CEILING = Ceiling(count=10, share=75)


def _parsed(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """Read an option's text by a rule of ours, and let click say where it was wrong."""

    def read(_context: click.Context, _parameter: click.Parameter, value: str | None) -> T | None:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read


@click.command(name="pve-cleanup-snapshots")
@cli.selection_options()
@click.option(
    "--max-age",
    default="7d",
    show_default=True,
    callback=_parsed(parse_age),
    help="Older ones go: 12h, 7d, 2w.",
)
@click.option(
    "--max-deletions",
    "ceiling",
    metavar="N|P%",
    callback=_parsed(parse_ceiling),
    help="Delete none at all where more are due: a number, or a share of all snapshots seen. "
    "[default: 10, or 75% where that is more]",
)
@click.option(
    "--lock-wait",
    type=cli.Seconds(),
    default=300,
    show_default=True,
    help="Seconds to wait for the locks of guests, once all others are done.",
)
@click.option(
    "--timeout",
    type=cli.Seconds(1),
    default=3600,
    show_default=True,
    help="Seconds that one deletion may take.",
)
@cli.metrics_option()
@cli.dry_run_option()
@cli.connection_option()
@cli.json_option()
def command(
    *,
    selection: Selection,
    max_age: timedelta,
    ceiling: Ceiling | None,
    lock_wait: float,
    timeout: float,
    metrics_directory: Path | None,
    dry_run: bool,
    connection_file: Path | None,
    as_json: bool,
) -> int:
    """Delete the snapshots that are older than the limit.

    One that is kept (see pve-snapshot keep), that has no time or one in the future, that is broken, or whose
    guest is locked or away stays, and the report says why. Metrics are written with --all only.

    Exit code 0: whatever was due is gone. 1: something could not be done, seen or told.
    """
    # proxmoxer, requests and pydantic: half a second that --help spares
    from ops.runs.cleanup.run import Request, clean_up  # noqa: PLC0415
    from ops.runs.cleanup.view import Watch, document, show  # noqa: PLC0415

    now = read_now(os.environ)
    request = Request(
        selection=selection,
        max_age=max_age,
        ceiling=ceiling or DEFAULT_CEILING,
        limits=Limits(lock_wait=lock_wait, timeout=timeout),
        now=now,
        dry_run=dry_run,
        metrics=metrics_directory,
    )
    with Watch() as watch:
        report = clean_up(request, connection_file=connection_file, screen=watch.screen())
    if as_json:
        cli.print_json({"dry_run": dry_run, "now": now.isoformat(), **document(report)})
    else:
        show(report, dry_run=dry_run)
    return cli.DONE if report.succeeded else cli.FAILED


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return cli.run(command, argv)


if __name__ == "__main__":
    sys.exit(main())
