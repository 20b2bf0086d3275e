"""One host from its check to its end: each step is noted, done through a door, and judged by the rule."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, TypeVar

from paramiko import PKey

from ops.core.key_files import Edit, KeyFile, Seen, Wish
from ops.core.rotation import (
    Away,
    Barred,
    Failed,
    Looked,
    Observation,
    Phase,
    Proved,
    State,
    Succeeded,
    after,
)
from ops.errors import AuthenticationError, DroppedError, HostKeyError, LifecycleError, UnreachableError

T = TypeVar("T")

FIRST_PATIENCE = 12.0  # seconds for a host that refuses every connection from the start: it may be off
PATIENCE = 90.0  # seconds for one that hangs up on us, or was there before: it limits us, or reboots
FORWARD = frozenset({Phase.CHECK, Phase.ADD, Phase.VERIFY, Phase.REMOVE})  # steps that are noted or not begun
DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 20.0)  # between attempts; the last one again and again


class Room(Protocol):
    """A session on a host; see `ops.adapters.guest_ssh.Room`."""

    def look(self, tag: str) -> Seen: ...  # noqa: D102
    def answers(self) -> None: ...  # noqa: D102
    def replace(self, edit: Edit, tag: str) -> None: ...  # noqa: D102
    def discard(self, files: Sequence[KeyFile], tag: str) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Door(Protocol):
    """The way into a host; see `ops.adapters.guest_ssh.Door`."""

    def enter(self, keys: Sequence[PKey]) -> tuple[Room, bytes]: ...  # noqa: D102
    def prove(  # noqa: D102
        self, retired: Sequence[PKey], key: PKey
    ) -> tuple[Room, frozenset[bytes], frozenset[bytes]]: ...


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done on every host, and with which private keys.

    `entry` are tried for the first login, in this order; `held` shall log in afterwards, each is verified;
    `retired` are those of the removed keys whose private halves are at hand. `tag` names the run's backups.
    """

    wish: Wish
    entry: tuple[PKey, ...]
    held: tuple[PKey, ...]
    retired: tuple[PKey, ...]
    tag: str


@dataclass(frozen=True, kw_only=True)
class Waits:
    """How time passes: `aside()` is where a host is waited for while others go on."""

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    aside: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(kw_only=True)
class HostRun:
    """One host's rotation."""

    door: Door
    order: Order
    waits: Waits = field(default_factory=Waits)
    note: Callable[[State], None] = lambda _state: None
    room: Room | None = None

    def run(self) -> State:
        """Walk from the check to the end; the session that came in stays open until then."""
        state = State()
        with ExitStack() as rooms:
            while state.phase is not Phase.END:
                trouble = self._trouble(state)
                if trouble and state.phase in FORWARD:
                    state = after(state, Failed(words=trouble), self.order.wish)
                else:
                    state = self.step(state, rooms)
        trouble = self._trouble(state)
        return replace(state, notes=(*state.notes, trouble)) if trouble else state

    def _trouble(self, state: State) -> str:
        """Note the step, and say why that failed: what is not noted is not begun, but for the way back."""
        try:
            self.note(state)
        except LifecycleError as error:
            return error.what
        return ""

    def step(self, state: State, rooms: ExitStack) -> State:
        """Do the step that comes next and return where that leads; `rooms` holds the session."""
        return after(state, self.observed(state, rooms), self.order.wish)

    def observed(self, state: State, rooms: ExitStack) -> Observation:
        """Do the step that comes next and return what was seen; expected failures are observations."""
        try:
            return self._step(state, rooms)
        except AuthenticationError as error:
            return Failed(words=error.what)
        except UnreachableError as error:
            return Away(words=error.what)
        except HostKeyError as error:
            return Failed(words=str(error))
        except LifecycleError as error:
            return Barred(words=error.what) if state.phase is Phase.CHECK else Failed(words=error.what)
        except Exception as error:
            if state.phase is Phase.CHECK:
                raise
            return Failed(
                words=f"a bug, please report it: {error!r}"
            )  # the way back comes before the traceback

    def _step(self, state: State, rooms: ExitStack) -> Observation:
        match state.phase:
            case Phase.CHECK:
                return self._check(rooms)
            case Phase.VERIFY:
                return self._verify()
            case Phase.PROVE:
                return self._prove(state.files)
            case Phase.CLEAN:
                self._room().discard(state.files, self.order.tag)
                return Succeeded()
            case _:
                return self._write(state.edits)

    def _check(self, rooms: ExitStack) -> Observation:
        self.room, entered_with = self._patiently(lambda: self.door.enter(self.order.entry), FIRST_PATIENCE)
        rooms.callback(self.room.close)
        return Looked(seen=self.room.look(self.order.tag), entered_with=entered_with)

    def _write(self, edits: Sequence[Edit]) -> Observation:
        for number, edit in enumerate(edits):
            try:
                self._room().replace(edit, self.order.tag)
            except UnreachableError:
                raise
            except LifecycleError as error:
                return Failed(words=str(error), written=tuple(edits[:number]))
        return Succeeded()

    def _verify(self) -> Observation:
        """A fresh login with each held key alone, and a command in it."""
        for key in self.order.held:
            self._patiently(partial(self._alive, key))
        return Succeeded()

    def _alive(self, key: PKey) -> None:
        room, _ = self.door.enter([key])
        with closing(room):
            room.answers()

    def _prove(self, files: Sequence[KeyFile]) -> Observation:
        """Offer what was removed, log in with a key that stays; the command that runs there cleans up."""
        absent = self.order.wish.retired - {key.asbytes() for key in self.order.retired}

        def attempt() -> Proved:
            room, accepted, untried = self.door.prove(self.order.retired, self.order.held[0])
            with closing(room):
                cleaned = self._cleaned(room, files)
            return Proved(accepted=accepted, cleaned=cleaned, untried=untried, absent=absent)

        return self._patiently(attempt)

    def _cleaned(self, room: Room, files: Sequence[KeyFile]) -> bool:
        try:
            room.discard(files, self.order.tag)
        except UnreachableError:
            raise
        except LifecycleError:
            room.answers()  # whether it was the command that failed, or that no command runs
            return False
        return True

    def _patiently(self, login: Callable[[], T], first: float = PATIENCE) -> T:
        """Log in; where the connection is refused or ended, wait and try again. A rejected key is final."""
        begun, attempt = self.waits.clock(), 0
        while True:
            try:
                return login()
            except UnreachableError as error:
                patience = PATIENCE if isinstance(error, DroppedError) else first
                delay = DELAYS[min(attempt, len(DELAYS) - 1)]
                if self.waits.clock() - begun + delay > patience:
                    raise
            attempt += 1
            with self.waits.aside():
                self.waits.sleep(delay)

    def _room(self) -> Room:
        if self.room is None:
            raise AssertionError("nothing is written before a login")
        return self.room
