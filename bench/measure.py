"""What every benchmark needs: a server, a child's time and memory, a table, a line about the machine."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Words = Sequence[str | Path]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A child that ended. `megabytes` is the most that it, or a child of its own, had in memory at once."""

    status: int
    seconds: float
    megabytes: float
    output: str


def run(argv: Words, *, env: Mapping[str, str] | None = None, stdin: str = "") -> Run:
    """Run to the end; both streams come back as one text."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(stdin.encode())
        given.seek(0)
        begin = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603  the contestants' own command lines
            argv, env=env, stdin=given, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        return Run(
            status=child.returncode,
            seconds=seconds,
            megabytes=used.ru_maxrss / 1024,
            output=said.read().decode(errors="replace"),
        )


@contextmanager
def server(module: str, *words: str) -> Iterator[Mapping[str, str]]:
    """Run one of the servers; what is given is the environment in which a client reaches it."""
    argv = [sys.executable, "-m", module, *words]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        if process.stdin is None or process.stdout is None:
            raise SystemExit("the server has no pipes")
        yield os.environ | json.loads(process.stdout.readline())
        process.stdin.close()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    texts = [
        " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines
    ]
    texts.insert(1, "-|-".join("-" * width for width in widths))
    return "".join(f"| {text} |\n" for text in texts).replace("| -", "|--").replace("- |", "--|")


def machine() -> str:
    """Where the figures are from."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} cores, {gigabytes:.0f} GB, {system}, Python {platform.python_version()}"
