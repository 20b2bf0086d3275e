"""The one boundary between the verbs and the shell: errors to exit codes, words to the right stream."""

import errno
import functools
import gc
import io
import json
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from ops.consoles import progress_console
from ops.core.selection import Selection, SelectionError
from ops.core.tags import Environment
from ops.core.visible import escaped, visible
from ops.errors import LifecycleError

DONE = 0
FAILED = 1
USAGE = 2
BUG = 70  # EX_SOFTWARE of sysexits.h: no verb returns it
INTERRUPTED = 130
WEEK = 604_800  # seconds
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # a disk on which stdout lies
COLLECT_AFTER = 100_000  # objects; at Python's 700 the collector takes a fifth of a scan of 5,000 guests

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass
class _Answer:
    """Whether the command was asked for a JSON document, and whether it has written one."""

    wanted: bool = False
    given: bool = False


def json_option() -> Decorator:
    """`--json`: the result, or why there is none, as one JSON document on stdout."""

    def note(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's
        context.ensure_object(_Answer).wanted = value
        return value

    words = "Write the result as JSON to stdout."
    return click.option("--json", "as_json", is_flag=True, callback=note, help=words)


class Seconds(click.FloatRange):
    """A time to wait: a number, and no longer than a week, which no timer or sleep stumbles over."""

    def __init__(self, minimum: float = 0, maximum: float = WEEK) -> None:
        super().__init__(minimum, maximum)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuse also what is no number, for it is neither below nor above a limit."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no time in seconds.", param, ctx)
        return number


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


def print_json(document: object) -> None:
    """Write one JSON document to stdout: UTF-8, whatever the terminal speaks, and untouched by its width."""
    if context := click.get_current_context(silent=True):
        context.ensure_object(_Answer).given = True
    text = escaped(json.dumps(document, indent=2, ensure_ascii=False))
    click.echo(text.encode("utf-8", "backslashreplace"))  # also where stdout is closed


def run(command: click.Command, argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code.

    0 done, 1 an expected failure or a failed item of a batch, 2 usage, 130 interrupted.
    Anything else is a bug: its traceback is shown and the code is 70. With `--json` stdout gets one document
    however it ends, but for a command line that is wrong.
    """
    if argv is None:  # a process of its own, that ends soon
        gc.set_threshold(COLLECT_AFTER)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal's encoding lacks is no failure
            stream.reconfigure(errors="backslashreplace")
    answer = _Answer()
    try:
        with _signals():
            result = command.main(args=argv, standalone_mode=False, obj=answer)
    except click.UsageError as error:
        error.show()
        return USAGE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last boundary
        code, problem = _judged(error)
        if answer.wanted and not answer.given:
            _print_problem(problem)
        return code
    return result if isinstance(result, int) else DONE


def _print_problem(problem: LifecycleError) -> None:
    """The document that says why there is no other; where nobody can read it, the words on stderr remain."""
    words = {"what": problem.what, "where": problem.where, "remedy": problem.remedy}
    try:
        print_json({"ok": False, "error": words})
    except OSError as error:
        if error.errno not in FULL | {errno.EPIPE}:
            raise
        _give_up_stdout()


def _give_up_stdout() -> None:
    """Let what stdout cannot take go nowhere: Python would fail on it once more at its end, with 120."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()  # works where the full disk is another one
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _judged(error: BaseException) -> tuple[int, LifecycleError]:
    """Say on stderr what went wrong; what nobody expected is a bug, and is shown whole."""
    if isinstance(error, LifecycleError):
        code, problem = FAILED, error
    elif isinstance(error, click.ClickException):
        code, problem = FAILED, LifecycleError(error.format_message())
    elif isinstance(error, click.Abort | KeyboardInterrupt):  # click makes the one of the other
        code, problem = INTERRUPTED, LifecycleError("Interrupted.")
    elif isinstance(error, OSError) and error.errno in FULL:
        _give_up_stdout()
        code, problem = FAILED, LifecycleError(f"the output cannot be written: {error.strerror}")
    else:
        click.echo(visible("".join(traceback.format_exception(error))), err=True, nl=False)
        return BUG, LifecycleError(
            f"a bug of this program ({type(error).__name__}); stderr has its traceback"
        )
    _complain(str(problem))
    return code, problem


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
