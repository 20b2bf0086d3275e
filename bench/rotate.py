"""SSH key rotation beside other tools, in one run, on a farm of real sshd processes.

Each contestant rotates the same hosts with as many at once; before each the files hold the old key alone, and
after each every file must hold the new key alone. Then ours once more with one host in twenty dead: half of
them refuse connections, half answer nobody. Needs root on Debian. README.md has the last figures.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from bench import measure, peers
from bench.rotation_peers import CONTESTANTS, Task
from tests.rotation import machine
from tests.rotation.farm import Farm, new_key, open_farm, public
from tests.rotation.host import Host
from tests.rotation.stand_ins import black_hole

FLOOR, OURS, SLOWEST = "bare paramiko threads", "ops.rotate_keys", "ansible-playbook"
HEAD = ("hosts", "contestant", "seconds", "to the floor", "peak MB")
DEAD_SHARE = 20
TIME_OUT = 15  # seconds: what one that never answers may cost


@dataclass(kw_only=True)
class Field:
    """A farm, two keys, and the runs so far by contestant."""

    farm: Farm
    folder: Path
    old: Path
    new: Path
    forks: int
    runs: dict[str, list[measure.Run]]

    def run(self, name: str, label: str, hosts: Sequence[Host], dead: Sequence[Host] = ()) -> None:
        """Let a contestant rotate these hosts, of which some may be dead, and look what it left behind."""
        for host in hosts:
            host.write_keys(f"{public(self.old)}\n")
        before = self.runs.setdefault(label, [])
        own = self.folder / f"{label} {len(before)}".replace(" ", "-")
        own.mkdir()
        task = Task(
            folder=own,
            inventory=self.farm.inventory(hosts=hosts),
            known_hosts=self.farm.known_hosts(),
            old=self.old,
            new=self.new,
            forks=self.forks,
        )
        run = CONTESTANTS[name](task)
        changed = {
            host.name for host in hosts if host.key_file().read_text("utf-8") == f"{public(self.new)}\n"
        }
        wrong = changed ^ {host.name for host in hosts if host not in dead}
        if wrong or bool(run.status) != bool(dead):
            raise SystemExit(f"{name} ended with {run.status}; wrong: {wrong}\n{run.output[-4000:]}")
        click.echo(f"{label}: {run.seconds:.1f} s", err=True)
        before.append(run)

    def seconds(self, label: str) -> float:
        """The median."""
        return (
            statistics.median(run.seconds for run in self.runs[label]) if label in self.runs else float("nan")
        )

    def row(self, label: str, count: int) -> tuple[str, ...]:
        """Of the table."""
        megabytes = max(run.megabytes for run in self.runs[label])
        ratio = self.seconds(label) / self.seconds(FLOOR)
        return str(count), label, f"{self.seconds(label):.1f}", f"{ratio:.2f}", f"{megabytes:.0f}"


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.rotate", description="SSH key rotation beside others"
    )
    parser.add_argument("--hosts", type=int, action="append", help="how many; may be repeated (60 and 200)")
    parser.add_argument("--runs", type=int, default=3, help="of each; the median counts (%(default)s)")
    parser.add_argument("--forks", type=int, default=16, help="hosts at once (%(default)s)")
    parser.add_argument("--only", action="append", choices=CONTESTANTS, help="leave the others out")
    options = parser.parse_args()
    if reason := machine.missing():
        parser.error(reason)
    peers.directory()
    click.echo(f"{measure.machine()}; {options.forks} hosts at once, median of {options.runs}\n")
    for count in options.hosts or (60, 200):
        with tempfile.TemporaryDirectory() as folder, open_farm(Path(folder) / "farm") as farm:
            place = Path(folder)
            old, new = new_key(place / "old"), new_key(place / "new")
            field = Field(farm=farm, folder=place, old=old, new=new, forks=options.forks, runs={})
            _compare(field, count, options.runs, options.only or list(CONTESTANTS))


def _compare(field: Field, count: int, rounds: int, names: Sequence[str]) -> None:
    """Round by round, so that a slow minute hits all."""
    hosts = field.farm.grow(count, keys=[field.old])
    for _ in range(rounds):
        for name in names:
            field.run(name, name, hosts)
    rows = [field.row(label, count) for label in field.runs]
    dead = hosts[: count // DEAD_SHARE]
    if OURS in names and dead:
        rows += _with_dead(field, hosts, dead)
    click.echo(measure.table(HEAD, rows))
    to_floor = field.seconds(OURS) / field.seconds(FLOOR)
    to_ansible = field.seconds(SLOWEST) / field.seconds(OURS)
    click.echo(f"Ours to the floor: {to_floor:.2f}, goal at most 1.15.")
    click.echo(f"ansible-playbook to ours: {to_ansible:.1f}, goal at least 6.\n")


def _with_dead(field: Field, hosts: Sequence[Host], dead: Sequence[Host]) -> list[tuple[str, ...]]:
    """The living alone, then all of them: the difference is at most one time-out."""
    living = hosts[len(dead) :]
    alone, together = f"{OURS}, the living alone", f"{OURS}, {len(dead)} dead among them"
    field.run(OURS, alone, living)
    with ExitStack() as holes:
        for number, host in enumerate(dead):
            host.stop()
            if number % 2:
                holes.enter_context(black_hole(host.address, host.port))
        field.run(OURS, together, hosts, dead)
    click.echo(
        f"The dead cost {field.seconds(together) - field.seconds(alone):.1f} s, goal at most {TIME_OUT}.\n"
    )
    return [field.row(alone, len(living)), field.row(together, len(hosts))]


if __name__ == "__main__":
    main()
