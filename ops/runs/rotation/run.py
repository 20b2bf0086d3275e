"""A rotation: what it is about, what it would do, and the doing, noted host by host."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ops.adapters import guest_ssh
from ops.adapters.rotation_journal import Journal
from ops.core.key_files import Edit, edited, removals
from ops.core.keys import fingerprint
from ops.core.rotation import SETTLED, Phase, State, Verdict
from ops.runs.rotation.fleet import Fleet, Result, everywhere
from ops.runs.rotation.host import Door, HostRun, Order, Waits
from ops.runs.rotation.targets import Host

LASTING = frozenset({Phase.REMOVE, Phase.END})  # noted before a key goes, and when a host is done


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How the fleet is gone through."""

    parallel: int
    canaries: int
    max_failures: int


def over_ssh(host: Host, waits: Waits) -> Door:
    """The way into a host that has a target."""
    if host.target is None:
        raise AssertionError("a host without a target is pending")
    return guest_ssh.Door(target=host.target, waiting=waits.aside)


def rotate_one(host: Host, order: Order, journal: Journal, door: Door, waits: Waits) -> State:
    """Rotate the keys of one host, each step noted before it is done."""

    def note(state: State) -> None:
        verdict = state.verdict if state.phase is Phase.END else None
        lasting = state.phase in LASTING
        journal.note(host.id, phase=state.phase, verdict=verdict, words=state.words, lasting=lasting)

    return _told(HostRun(door=door, order=order, waits=waits, note=note).run(), order)


def apply(
    hosts: Sequence[Host],
    order: Order,
    policy: Policy,
    journal: Journal,
    *,
    done: Callable[[Result], None] = lambda _result: None,
) -> list[Result]:
    """Rotate the keys of every host; one that a run was done with may have been set back since."""

    def rotate(host: Host, waits: Waits) -> State:
        if host.target is None:
            return State(phase=Phase.END, verdict=Verdict.PENDING, words=host.obstacle)
        return rotate_one(host, order, journal, over_ssh(host, waits), waits)

    fleet = Fleet(
        rotate=rotate,
        parallel=policy.parallel,
        canaries=policy.canaries,
        max_failures=policy.max_failures,
        done=done,
    )
    results = fleet.run(hosts)
    if succeeded(results):
        journal.close()
    return results


def _told(state: State, order: Order) -> State:
    """Say which new keys no login could be tried with."""
    if state.verdict not in SETTLED:
        return state
    held = {key.asbytes() for key in order.held}
    marks = [fingerprint(key.blob) for key in order.wish.added if key.blob not in held]
    if not marks:
        return state
    words = "added, and no login tried with it, for its private half is not at hand"
    return replace(state, notes=(*state.notes, f"{words}: {', '.join(marks)}"))


def plan(hosts: Sequence[Host], order: Order, parallel: int) -> list[Result]:
    """Log in everywhere, look, and return the states as they are before the first write."""

    def look(host: Host, waits: Waits) -> Result:
        if host.target is None:
            state = State(phase=Phase.END, verdict=Verdict.PENDING, words=host.obstacle)
            return Result(host=host, state=state)
        run = HostRun(door=over_ssh(host, waits), order=order, waits=waits)
        with ExitStack() as rooms:
            return Result(host=host, state=run.step(State(), rooms))

    return everywhere(look, hosts, parallel)


def edits_to_come(state: State, order: Order) -> tuple[Edit, ...]:
    """Everything that would be written on a host that was looked at."""
    if state.phase not in {Phase.ADD, Phase.VERIFY}:
        return ()
    return (*state.edits, *removals(edited(state.files, state.edits), order.wish.retired))


def succeeded(results: Sequence[Result]) -> bool:
    """Whether every host was rotated; a pending one is not, and the old private key must be kept for it."""
    return all(result.state.verdict is Verdict.ROTATED for result in results)
