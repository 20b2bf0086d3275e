"""Exit codes and streams: the contract of every verb."""

import errno
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ops import cli, consoles
from ops.errors import AuthenticationError, LifecycleError


def _command(body) -> click.Command:
    return click.Command("verb", callback=body, params=[click.Option(["--count"], type=int)])


def _returning(value: int | None):
    return lambda **_: value


def _raising(error: BaseException):
    def body(**_):
        raise error

    return body


@pytest.mark.parametrize(
    ("body", "arguments", "code"),
    [
        (_returning(None), [], 0),
        (_returning(1), [], 1),
        (_returning(None), ["--help"], 0),
        (_raising(LifecycleError("no")), [], 1),
        (_raising(AuthenticationError("no")), [], 1),
        (_returning(None), ["--count", "many"], 2),
        (_returning(None), ["--unknown"], 2),
        (_raising(KeyboardInterrupt()), [], 130),
        (_raising(OSError(errno.ENOSPC, "No space left on device")), [], 1),
        (_raising(OSError(errno.ENOENT, "No such file")), [], 70),
        (_raising(ZeroDivisionError("bug")), [], 70),
    ],
)
def test_every_end_has_its_exit_code(body, arguments, code, capsys):
    """0 done, 1 expected failure, 2 usage, 130 interrupted, and 70 for a bug."""
    assert cli.run(_command(body), arguments) == code


def test_an_expected_failure_says_where_what_and_remedy_without_a_traceback(capsys):
    """Three parts, on stderr; stdout stays a result."""
    error = LifecycleError("the node is [offline]", where="pve1", remedy="Switch it on.")
    cli.run(_command(_raising(error)), [])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "pve1: the node is [offline]\nSwitch it on.\n"


def test_a_bug_shows_its_traceback(capsys):
    """What nobody expected is shown whole."""
    cli.run(_command(_raising(ZeroDivisionError("bug"))), [])
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "ZeroDivisionError: bug" in err


def test_a_closed_stdout_is_no_failure(monkeypatch):
    """Whoever closes it wants the exit code."""
    monkeypatch.setattr("sys.stdout", None)
    assert cli.run(_command(lambda **_: cli.print_json({})), []) == 0


def test_a_name_that_the_terminal_cannot_write_is_no_failure(monkeypatch):
    """It is written as Python writes it, which is JSON, too."""
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", narrow)
    assert cli.run(_command(lambda **_: cli.print_json({"name": "\u2192"})), []) == 0
    narrow.flush()
    assert json.loads(narrow.buffer.getvalue()) == {"name": "\u2192"}


def test_a_full_disk_under_stdout_is_said():
    """A person who saves a list finds no traceback there, and no exit code of success."""
    program = (
        "from ops import cli; import click, sys\nsys.exit(cli.run(click.Command('verb', callback=%s), []))"
    )
    for body in (
        "lambda: cli.print_json({})",
        "lambda: __import__('ops.consoles').consoles.result_console().print('x')",
    ):
        with Path("/dev/full").open("w") as full:
            ended = subprocess.run(
                [sys.executable, "-c", program % body], stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert (ended.returncode, ended.stderr) == (
            1,
            b"the output cannot be written: No space left on device\n",
        )


@pytest.mark.parametrize(("columns", "lines"), [(None, 1), ("80", 2)])
def test_a_row_in_a_pipe_is_one_line(monkeypatch, capsys, columns, lines):
    """So that it can be searched; COLUMNS says otherwise."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    consoles.result_console().print("word " * 30)
    assert len(capsys.readouterr().out.splitlines()) == lines


def test_a_sigterm_ends_a_run_as_ctrl_c_does(capsys):
    """Of systemd, or of a shutdown: what a run does at its end is done, and the handlers are given back."""
    before = signal.getsignal(signal.SIGTERM)
    ended = []

    def body(**_):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            ended.append(True)

    assert cli.run(_command(body), []) == cli.INTERRUPTED
    assert ended
    assert "what Proxmox has begun goes on" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_ends_it_at_once(tmp_path):
    """Threads that follow tasks for an hour keep nobody at the terminal."""
    program = (
        "import click, signal, sys, time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from ops import cli\n"
        "def body():\n"
        "    with ThreadPoolExecutor() as pool:\n"
        "        pool.submit(time.sleep, 60)\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))\n"
        "signal.setitimer(signal.ITIMER_REAL, 1)\n"
        "sys.exit(cli.run(click.Command('verb', callback=body), []))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    assert ended.returncode == cli.INTERRUPTED
    assert b"Traceback" not in ended.stderr
