"""The options of the snapshot verbs, and what they are read into."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from ops import cli
from ops.core.keeping import reason_of
from ops.core.snapshots import problem_with_name
from ops.core.tags import parse_day
from ops.core.waiting import Limits

LOCK_WAIT = 300.0  # seconds; a backup of a small guest ends in that time
TIMEOUT = 1800.0  # seconds; freezing a file system alone may take many minutes (TRAPS E6)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a verb goes about it, whichever it is."""

    limits: Limits
    dry_run: bool
    as_json: bool
    connection_file: Path | None


def manner_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What every verb that writes takes; the command gets a `manner`."""

    @functools.wraps(function)
    def gathered(*, lock_wait: float, timeout: float, **given: Any) -> Any:
        names = ("dry_run", "as_json", "connection_file")
        manner = Manner(
            limits=Limits(lock_wait=lock_wait, timeout=timeout), **{name: given.pop(name) for name in names}
        )
        return function(manner=manner, **given)

    wait = "Seconds to wait until Proxmox lets go of a locked guest."
    patience = "Seconds to wait for a task's end; it is neither repeated nor stopped afterwards."
    seconds = cli.Seconds()
    decorated: Callable[..., Any] = gathered
    for option in (
        cli.json_option(),
        cli.connection_option(),
        cli.dry_run_option(),
        click.option("--timeout", type=seconds, default=TIMEOUT, show_default=True, help=patience),
        click.option("--lock-wait", type=seconds, default=LOCK_WAIT, show_default=True, help=wait),
    ):
        decorated = option(decorated)
    return decorated


def name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a name that Proxmox VE would not take."""
    if value is not None and (problem := problem_with_name(value)):
        raise click.BadParameter(problem)
    return value


def day(_context: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    """Read a calendar day."""
    found = parse_day(value) if value else None
    if value is not None and found is None:
        raise click.BadParameter("write a day as 2027-01-31")
    return found


def reason(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Put a reason on one line, and refuse an empty one."""
    try:
        return None if value is None else reason_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
