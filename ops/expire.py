"""`python -m ops.expire`: stops lab guests whose last day is over, after telling people; deletes none."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ops import cli
from ops.clock import read_now
from ops.core.ceiling import Ceiling, parse_ceiling
from ops.core.expiring import DEFAULT_CEILING
from ops.expire_commands import extend_command, list_command

# No guest can have this name, so that every name can be given as a guest's.
RUN = "[run]"


class _RunUnlessNamed(click.Group):
    """A group whose command is the run, unless the first word names another one.

    A guest that is named like a command is given by its number, or after an option or `--`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [RUN, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, chosen, rest = super().resolve_command(ctx, args)
        return "" if name == RUN else name, chosen, rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return self.commands[RUN].collect_usage_pieces(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.commands[RUN].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def _days(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    words = [word.strip() for word in value.split(",") if word.strip()]
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise click.BadParameter("write days with commas between them, such as 2,1")
    return tuple(map(int, words))


def _ceiling(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Ceiling:
    try:
        return DEFAULT_CEILING if value is None else parse_ceiling(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group(name="pve-expire", cls=_RunUnlessNamed)
def command() -> None:
    """Stop the lab guests whose last day is over, and warn of those whose last day is near.

    Without GUEST it is about all guests. One is stopped only if exactly one environment tag says lab, exactly
    one valid expiry tag names a day that is over, there is no no-expire, and it is neither protected nor a
    template; tags are read again just before. Nothing is ever deleted. One that is down stays down: where no
    stack declares it, its start at boot is taken away.

    Exit code 0: all is done that was due. 1: a guest that is due was not stopped, a node is offline, or a
    notice was not accepted. Odd tags are shown and counted, and do not change the code.
    """


@click.command(hidden=True)
@click.argument("guests", metavar="[GUEST]...", nargs=-1)
@click.option(
    "--warn-days", default="2,1", show_default=True, callback=_days, help="Warn so many days before the stop."
)
@click.option(
    "--max-stops",
    "ceiling",
    metavar="N|P%",
    callback=_ceiling,
    show_default=str(DEFAULT_CEILING),
    help="With more stops due, or more than this share of the running lab guests, stop none.",
)
@click.option("--stop-without-notice", is_flag=True, help="Stop also where no channel accepts a notice.")
@click.option(
    "--shutdown-timeout",
    type=click.IntRange(1, 3600),
    default=180,
    show_default=True,
    help="Seconds until a guest that does not shut down is ended hard.",
)
@click.option(
    "--lock-wait",
    type=cli.Seconds(maximum=3600),
    default=300,
    show_default=True,
    help="Seconds to wait for a guest that is locked.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 32),
    default=8,
    show_default=True,
    help="So many guests at a time: a shutdown costs a node little, and a hanging one takes minutes.",
)
@click.option("--show-all", is_flag=True, help="Show also the guests that are left as they are.")
@cli.dry_run_option()
@cli.metrics_option()
@cli.connection_option()
@cli.json_option()
def run_command(
    *,
    guests: tuple[str, ...],
    warn_days: tuple[int, ...],
    ceiling: Ceiling,
    stop_without_notice: bool,
    shutdown_timeout: int,
    lock_wait: float,
    parallel: int,
    show_all: bool,
    dry_run: bool,
    metrics_directory: Path | None,
    connection_file: Path | None,
    as_json: bool,
) -> int:
    """Scan, decide, tell, stop; the group's own words are the help."""
    # proxmoxer, requests and pydantic: half a second that --help spares
    from ops.runs.expiry.run import Request, expire  # noqa: PLC0415
    from ops.runs.expiry.view import Watch, complain, document, show  # noqa: PLC0415

    now = read_now(os.environ)
    request = Request(
        words=guests,
        warn_days=warn_days,
        ceiling=ceiling,
        lock_wait=lock_wait,
        shutdown_timeout=shutdown_timeout,
        workers=parallel,
        without_notice=stop_without_notice,
        now=now,
        dry_run=dry_run,
        metrics=metrics_directory,
    )
    with Watch(as_json=as_json, show_all=show_all) as watch:
        report = expire(request, connection_file=connection_file, screen=watch.screen())
    if as_json:
        cli.print_json({"dry_run": dry_run, "now": now.isoformat(), **document(report, show_all=show_all)})
    else:
        show(report, dry_run=dry_run)
    complain(report)
    if report.interrupted:
        return cli.INTERRUPTED
    return cli.DONE if report.succeeded else cli.FAILED


command.add_command(run_command, RUN)
command.add_command(extend_command)
command.add_command(list_command)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return cli.run(command, argv)


if __name__ == "__main__":
    sys.exit(main())
