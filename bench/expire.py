"""The scan of expiry beside the one call that it needs at least, and beside asking guest by guest.

Each contestant is a process of its own against one server: its work, and the whole of it with the start
of the interpreter. README.md has the last figures.
"""

import argparse
import json
import sys

import click

from bench import measure

FLOOR, OURS = "bare GET /cluster/resources", "the scan, every guest decided"
SLOWEST = "asking guest by guest"
CONTESTANTS = {
    FLOOR: "bare",
    OURS: "scan",
    "the whole dry run, with nodes and clocks": "whole",
    SLOWEST: "one_by_one",
}
HEAD = ("guests", "contestant", "the work", "to the floor", "own CPU", "with the process's start", "peak MB")
GOAL, MEGABYTES = 1.3, 150


def _compare(guests: int, rounds: int) -> tuple[list[tuple[str, ...]], float, float]:
    """Round by round; what else runs on the machine only adds, so the quickest counts.

    Returns the rows, our ratio to the floor, and our peak.
    """
    runs: dict[str, list[measure.Run]] = {name: [] for name in CONTESTANTS}
    works: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    own: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    with measure.server("bench.expire_server", str(guests)) as environment:
        for turn in range(rounds):
            for name, word in CONTESTANTS.items():
                if name == SLOWEST and turn:
                    continue  # minutes, and once is enough to see it
                run = measure.run([sys.executable, "-m", "bench.expire_clients", word], env=environment)
                if run.status:
                    raise SystemExit(f"{name} ended with {run.status}\n{run.output[-4000:]}")
                said = json.loads(run.output.splitlines()[-1])  # warnings stand before it
                if said["found"] != guests:
                    raise SystemExit(f"{name} found {said['found']} of {guests} guests")
                runs[name].append(run)
                works[name].append(said["seconds"])
                own[name].append(said["cpu"])
    best = {name: min(seconds) for name, seconds in works.items()}
    rows: list[tuple[str, ...]] = [
        (
            str(guests),
            name,
            f"{best[name] * 1000:.0f} ms",
            f"{best[name] / best[FLOOR]:.2f}",
            f"{min(own[name]) * 1000:.0f} ms",
            f"{min(run.seconds for run in runs[name]):.2f} s",
            f"{max(run.megabytes for run in runs[name]):.0f}",
        )
        for name in CONTESTANTS
    ]
    return rows, best[OURS] / best[FLOOR], max(run.megabytes for run in runs[OURS])


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guests", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    rows, verdicts = [], []
    for guests in options.guests:
        click.echo(f"{guests} guests", err=True)
        more, ratio, megabytes = _compare(guests, options.rounds)
        rows += more
        met = "met" if ratio <= GOAL and megabytes < MEGABYTES else "missed"
        verdicts.append(f"{guests} guests: {ratio:.2f} times the floor, {megabytes:.0f} MB: {met}")
    click.echo(measure.table(HEAD, rows))
    click.echo(f"Goal: at most {GOAL} times the floor, under {MEGABYTES} MB.\n" + "\n".join(verdicts))
    click.echo(measure.machine())


if __name__ == "__main__":
    main()
