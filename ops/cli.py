"""The one boundary between the verbs and the shell: errors to exit codes, words to the right stream."""

import functools
import gc
import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ops.core.selection import Selection, SelectionError
from ops.core.tags import Environment
from ops.errors import LifecycleError

DONE = 0
FAILED = 1
USAGE = 2
BUG = 70  # EX_SOFTWARE of sysexits.h: no verb returns it
INTERRUPTED = 130
LONG = 240  # columns
COLLECT_AFTER = 100_000  # objects; at Python's 700 the collector takes a fifth of a scan of 5,000 guests

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def json_option() -> Decorator:
    """`--json`: the result as one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Write the result as JSON to stdout.")


def connection_option() -> Decorator:
    """`--connection FILE`: settings from a TOML file instead of the environment."""
    return click.option(
        "--connection",
        "connection_file",
        type=click.Path(path_type=Path),
        envvar="PVE_LIFECYCLE_CONNECTION",
        show_envvar=True,
        help="Connection settings from this TOML file (mode 0600) instead of the PROXMOX_VE_… environment.",
    )


def selection_options(*, by_default_all: bool = False) -> Decorator:
    """`GUEST…`, `--env` and `--all`: exactly one of the three; the command gets a `selection`.

    Where it is harmless, none of them may mean all.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def chosen(*, guests: tuple[str, ...], environment: str | None, everything: bool, **rest: Any) -> Any:
            none_given = not (guests or environment or everything)
            try:
                selection = Selection(
                    words=guests,
                    environment=Environment(environment) if environment else None,
                    everything=everything or (by_default_all and none_given),
                )
            except SelectionError as error:
                raise click.UsageError(str(error)) from None
            return function(selection=selection, **rest)

        add_arguments = click.argument("guests", metavar="[GUEST]...", nargs=-1)
        add_environment = click.option(
            "--env",
            "environment",
            type=click.Choice([each.value for each in Environment]),
            help="All guests with this environment tag.",
        )
        add_all = click.option("--all", "everything", is_flag=True, help="All guests of the cluster.")
        return add_arguments(add_environment(add_all(chosen)))

    return decorate


def dry_run_option() -> Decorator:
    """`--dry-run`: show the plan and write nothing, to nobody."""
    return click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")


def metrics_option() -> Decorator:
    """`--metrics DIRECTORY`: text files for node_exporter."""
    return click.option(
        "--metrics",
        "metrics_directory",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="PVE_LIFECYCLE_METRICS",
        show_envvar=True,
        help="Write metrics into this directory, which node_exporter reads.",
    )


def progress_console() -> Console:
    """Where progress and complaints go: stderr, so that stdout stays a result that can be piped."""
    return Console(stderr=True, highlight=False, markup=False)


def result_console() -> Console:
    """Where results go: stdout. In a pipe or a journal its lines are long, and not folded at 80 columns."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return Console(highlight=False, markup=False, width=None if terminal or "COLUMNS" in os.environ else LONG)


def print_json(document: object) -> None:
    """Write one JSON document to stdout, untouched by the terminal's width."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))  # also where stdout is closed


def run(command: click.Command, argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code.

    0 done, 1 an expected failure or a failed item of a batch, 2 usage, 130 interrupted.
    Anything else is a bug: its traceback is shown and the code is 70.
    """
    if argv is None:  # a process of its own, that ends soon
        gc.set_threshold(COLLECT_AFTER)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal's encoding lacks is no failure
            stream.reconfigure(errors="backslashreplace")
    try:
        with _signals():
            result = command.main(args=argv, standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.Abort:  # click makes this of a KeyboardInterrupt
        _complain("Interrupted.")
        return INTERRUPTED
    except (LifecycleError, click.ClickException) as error:
        _complain(str(error))
        return FAILED
    except Exception:  # noqa: BLE001 - the last boundary: whatever arrives here is a bug and is shown whole
        traceback.print_exc()
        return BUG
    return result if isinstance(result, int) else DONE


@contextmanager
def _signals() -> Iterator[None]:
    """Ctrl-C, and systemd's SIGTERM, end a run in order; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    came: list[int] = []

    def end(number: int, _frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            progress_console().show_cursor()
            os._exit(INTERRUPTED)
        _complain("\nEnding: no more is begun; what Proxmox has begun goes on. Once more ends this at once.")
        raise KeyboardInterrupt

    for number in handlers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _complain(words: str) -> None:
    progress_console().print(Text(words, style="red"), soft_wrap=True)
