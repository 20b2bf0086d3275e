"""Exit codes and streams: the contract of every verb."""

import errno
import io
import json
import os
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


NAME = "f\u00fcr sp\u00e4ter \u2192 \U0001f680"


def test_a_name_that_the_terminal_cannot_write_is_no_failure(monkeypatch):
    """A table has it as Python writes it."""
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", narrow)
    assert cli.run(_command(lambda **_: consoles.result_console().print(NAME)), []) == 0
    narrow.flush()
    assert narrow.buffer.getvalue() == "f\u00fcr sp\u00e4ter \\u2192 \\U0001f680\n".encode("latin-1")


@pytest.mark.parametrize("name", [NAME, "a file's name, not UTF-8: \udce9"])
def test_a_document_is_utf_8_whatever_the_terminal_speaks(monkeypatch, name):
    """A script reads it, and readers of JSON take nothing else."""
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", narrow)
    assert cli.run(_command(lambda **_: cli.print_json({"name": name})), []) == 0
    narrow.flush()
    assert json.loads(narrow.buffer.getvalue().decode("utf-8")) == {"name": name}


PROGRAM = """\
import click, os, sys
from ops import cli, consoles
from ops.errors import LifecycleError
def fail(*, as_json):
    raise LifecycleError("no")
def elsewhere(*, as_json):
    os.write(os.open("/dev/full", os.O_WRONLY), b"a line")
bodies = {
    "document": lambda as_json: cli.print_json({}),
    "table": lambda as_json: consoles.result_console().print("x"),
    "fail": fail,
    "elsewhere": elsewhere,
}
command = cli.json_option()(click.Command("verb", callback=bodies[sys.argv[1]]))
sys.exit(cli.run(command, sys.argv[2:]))
"""
FULL = b"the output cannot be written: No space left on device\n"


def _as_a_process(*words, stdout):
    """Run a command as a shell does: with a buffer before stdout, which Python empties at its end."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env=environ,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["document", "--json"], FULL),
        (["table"], FULL),
        (["document", "--help"], FULL),
        (["fail", "--json"], b"no\n"),
        (["elsewhere", "--json"], FULL),
    ],
)
def test_a_full_disk_under_stdout_is_said(words, said):
    """A person who saves a list finds no traceback there, and no exit code of success."""
    with Path("/dev/full").open("w") as full:
        ended = _as_a_process(*words, stdout=full)
    assert (ended.returncode, ended.stderr) == (cli.FAILED, said)


def test_a_reader_that_has_gone_is_no_bug():
    """`| head` closes the pipe before the document that says why there is no other."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ended = _as_a_process("fail", "--json", stdout=pipe)
    assert (ended.returncode, ended.stderr) == (cli.FAILED, b"no\n")


def test_another_full_disk_is_in_the_document():
    """Stdout has room for it."""
    ended = _as_a_process("elsewhere", "--json", stdout=subprocess.PIPE)
    assert (ended.returncode, ended.stderr) == (cli.FAILED, FULL)
    assert json.loads(ended.stdout)["error"]["what"] == FULL.decode().strip()


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
