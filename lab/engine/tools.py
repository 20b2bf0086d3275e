"""Running other programs: quietly, held to a time, and with a sign of life while they take long."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

Version = tuple[int, ...]
Report = Callable[[str], None]

SIGN_OF_LIFE = 30.0
LAST_WORDS = 2000


class ToolError(Exception):
    """A program could not be started, failed or took too long; the message ends with what it said last."""

    code: int | None = None
    """What it ended with, where it ended by itself."""


def version_in(text: str) -> Version:
    """Give the first version in a text, as numbers: 'go1.26' is (1, 26); () where there is none."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def version_text(version: Version) -> str:
    """Write a version; the other way of `version_in`."""
    return ".".join(map(str, version))


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    seconds: float,
    directory: Path | None = None,
    report: Report = lambda _line: None,
) -> str:
    """Run a program and give its standard output; it and its children are gone when this returns."""
    words = [str(word) for word in command]
    try:
        process = subprocess.Popen(
            words,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"{words[0]} does not start: {error}") from error
    with process:
        try:
            output, complaints = _wait(process, seconds, report)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        said = (complaints.strip() or output.strip())[-LAST_WORDS:]
        failure = ToolError(f"{' '.join(words[:3])} ended with {process.returncode}: {said}")
        failure.code = process.returncode
        raise failure
    return output


def _wait(process: subprocess.Popen[str], seconds: float, report: Report) -> tuple[str, str]:
    started = time.monotonic()
    while True:
        left = started + seconds - time.monotonic()
        try:
            return process.communicate(timeout=max(0.0, min(left, SIGN_OF_LIFE)))
        except subprocess.TimeoutExpired as error:
            if left <= SIGN_OF_LIFE:
                raise ToolError(f"{error.cmd[0]} took longer than {seconds:.0f} s") from error
        report(f"  … {time.monotonic() - started:.0f} s")
