"""Listing snapshots beside other ways, and what create and rollback add to the server's own task.

Each contestant is a process of its own against one server with latency: its work, and all of it with the
interpreter's start. README.md has the last figures.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence

import click

from bench import measure

SERVER = "bench.snapshot_server"
EACH = 5  # snapshots of a guest
TASK_SECONDS = 2.0  # of a snapshot and of a rollback
OURS, FLOOR, SLOWEST = "pve-snapshot list", "bare threads, requests", "one at a time, proxmoxer"
LISTERS = {
    FLOOR: "bare",
    OURS: "ours",
    SLOWEST: "one_at_a_time",
}
HEAD = ("guests", "contestant", "the work", "to the floor", "with the process's start", "peak MB")


def _client(words: Sequence[str], environment: Mapping[str, str]) -> measure.Run:
    run = measure.run([sys.executable, *words], env=environment)
    if run.status:
        raise SystemExit(f"{' '.join(words)} ended with {run.status}\n{run.output[-4000:]}")
    return run


def _compare(guests: int, rounds: int, latency: float) -> None:
    """Round by round, so that a slow minute hits all."""
    runs: dict[str, list[measure.Run]] = {name: [] for name in LISTERS}
    works: dict[str, list[float]] = {name: [] for name in LISTERS}
    with measure.server(SERVER, str(guests), str(latency)) as environment:
        for _ in range(rounds):
            for name, word in LISTERS.items():
                run = _client(["-m", "bench.snapshot_clients", word], environment)
                said = json.loads(run.output)
                if said["found"] != guests * EACH:
                    raise SystemExit(f"{name} found {said['found']} of {guests * EACH}")
                runs[name].append(run)
                works[name].append(said["seconds"])
    work = {name: statistics.median(each) for name, each in works.items()}
    rows = [
        (
            str(guests),
            name,
            f"{work[name]:.2f}",
            f"{work[name] / work[FLOOR]:.2f}",
            f"{statistics.median(run.seconds for run in runs[name]):.2f}",
            f"{max(run.megabytes for run in runs[name]):.0f}",
        )
        for name in LISTERS
    ]
    click.echo(measure.table(HEAD, rows))
    click.echo(f"One at a time to ours: {work[SLOWEST] / work[OURS]:.1f}, goal at least 5.")
    click.echo(f"Ours to the floor: {work[OURS] / work[FLOOR]:.2f}, goal at most 1.25.\n")


def _overhead(rounds: int, latency: float) -> None:
    """What the command adds to the task, from its start to its end."""
    verbs = {
        "create": ("create", "guest101", "--name", "bench"),
        "rollback": ("rollback", "guest101", "bench", "--yes"),
        "delete": ("delete", "guest101", "bench"),
    }
    runs: dict[str, list[tuple[float, float]]] = {verb: [] for verb in verbs}
    with measure.server(SERVER, "2", str(latency)) as environment:
        for _ in range(rounds):
            for verb, words in verbs.items():
                run = _client(["-m", "ops.snapshot", *words, "--json"], environment)
                report = json.loads(run.output[run.output.index("{") :])
                runs[verb].append((run.seconds, report["outcomes"][0]["seconds"]))
    rows = []
    for verb, each in runs.items():
        whole, reported = (statistics.median(column) - TASK_SECONDS for column in zip(*each, strict=True))
        rows.append((verb, f"{TASK_SECONDS:.1f}", f"{reported:.2f}", f"{whole:.2f}"))
    click.echo(measure.table(("command", "task", "added to the task", "added in all"), rows))
    click.echo("Seconds; added in all, from the process's start to its end: goal under 1.\n")


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.snapshots", description="Snapshots beside others")
    parser.add_argument(
        "--guests", type=int, action="append", help="how many; may be repeated (100 and 1000)"
    )
    parser.add_argument("--runs", type=int, default=5, help="of each; the median counts (%(default)s)")
    parser.add_argument("--latency", type=float, default=0.02, help="of the server, seconds (%(default)s)")
    options = parser.parse_args()
    click.echo(f"{measure.machine()}; {options.latency * 1000:.0f} ms latency, median of {options.runs}\n")
    for guests in options.guests or (100, 1000):
        _compare(guests, options.runs, options.latency)
    _overhead(options.runs, options.latency)


if __name__ == "__main__":
    main()
