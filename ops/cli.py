"""The one boundary between the verbs and the shell: errors to exit codes, words to the right stream."""

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ops.errors import LifecycleError

DONE = 0
FAILED = 1
USAGE = 2
BUG = 70  # EX_SOFTWARE of sysexits.h: no verb returns it
INTERRUPTED = 130

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


def progress_console() -> Console:
    """Where progress and complaints go: stderr, so that stdout stays a result that can be piped."""
    return Console(stderr=True, highlight=False, markup=False)


def result_console() -> Console:
    """Where results go: stdout."""
    return Console(highlight=False, markup=False)


def print_json(document: object) -> None:
    """Write one JSON document to stdout, untouched by the terminal's width."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def run(command: click.Command, argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code.

    0 done, 1 an expected failure or a failed item of a batch, 2 usage, 130 interrupted.
    Anything else is a bug: its traceback is shown and the code is 70.
    """
    try:
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


def _complain(words: str) -> None:
    progress_console().print(Text(words, style="red"), soft_wrap=True)
