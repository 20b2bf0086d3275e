"""What every benchmark needs: a child's time and memory, a table, a line about the machine."""

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Run:
    """A child that ended. `megabytes` is the most that it, or a child of its own, had in memory at once."""

    status: int
    seconds: float
    megabytes: float
    output: str


def run(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stdin: str = "") -> Run:
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
