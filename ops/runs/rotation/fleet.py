"""The fleet's order: canaries through all phases, then the others side by side, until too many fail."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ops.core.rotation import SETTLED, State, Verdict
from ops.runs.parallel import side_by_side
from ops.runs.rotation.host import Waits
from ops.runs.rotation.targets import Host

T = TypeVar("T")

THREADS = 256  # most of them wait: for their turn, or for a host that does not answer


class Slots:
    """How many hosts are worked on at once; a host that is waited for does not take a slot."""

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)

    def take(self) -> None:
        """Wait for a slot."""
        self._free.acquire()

    def free(self, count: int = 1) -> None:
        """Give slots back, or make new ones."""
        if count:
            self._free.release(count)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While a slot is taken: let another go ahead, and queue again at the end."""
        self.free()
        try:
            yield
        finally:
            self.take()


def everywhere(work: Callable[[Host, Waits], T], hosts: Sequence[Host], parallel: int) -> list[T]:
    """Do what changes nothing on all hosts, side by side."""
    slots = Slots(parallel)

    def one(host: Host) -> T:
        slots.take()
        try:
            return work(host, Waits(aside=slots.aside))
        finally:
            slots.free()

    return side_by_side(one, hosts, workers=min(len(hosts), THREADS) or 1)


@dataclass(frozen=True, kw_only=True)
class Result:
    """One host and what came of it. `seconds` is None where nothing was begun now."""

    host: Host
    state: State
    seconds: float | None = None


@dataclass(kw_only=True)
class Fleet:
    """A run over many hosts. `rotate` takes one to its end; `done` hears of each that ended."""

    rotate: Callable[[Host, Waits], State]
    parallel: int
    canaries: int
    max_failures: int
    done: Callable[[Result], None] = lambda _result: None
    _failures: int = 0
    _proven: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, hosts: Sequence[Host]) -> list[Result]:
        """Work on all: as many at once as there are canaries, until so many are rotated, and then on more.

        A host that is off, or left alone, is no canary, and holds up nobody: the next one is in its place.
        """
        slots = Slots(self._at_once())
        return side_by_side(
            lambda host: self._one(host, slots),
            hosts,
            workers=min(len(hosts), THREADS) or 1,
            ended=self._stopped,
        )

    def _one(self, host: Host, slots: Slots) -> Result:
        slots.take()
        freed = 1
        try:
            if self._stopped.is_set():
                result = Result(host=host, state=_held_back())
            else:
                begun = time.monotonic()
                state = self.rotate(host, Waits(aside=slots.aside))
                result = Result(host=host, state=state, seconds=time.monotonic() - begun)
            with self._lock:
                freed = self._judged(result.state.verdict)
                self.done(result)
        finally:
            slots.free(freed)
        return result

    def _judged(self, verdict: Verdict | None) -> int:
        """Count, and return how many slots are free now that this host is done."""
        testing = self._proven < self.canaries
        if verdict is Verdict.FAILED:
            self._failures += 1
            if testing or self._failures >= self.max_failures:
                self._stopped.set()
        before = self._at_once()
        self._proven += verdict in SETTLED
        return 1 + self._at_once() - before

    def _at_once(self) -> int:
        """How many hosts may be worked on: only canaries until all of them are done."""
        missing = self.canaries - self._proven
        return min(self.parallel, missing) if missing > 0 else self.parallel


def _held_back() -> State:
    words = "the fleet was stopped before it: a canary failed, or too many hosts did"
    return replace(State(), verdict=Verdict.NOT_STARTED, words=words)
