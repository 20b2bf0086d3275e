"""One host's way through a rotation, as a rule: where it stands and what was seen give the next step.

CHECK a way in, ADD the new keys, VERIFY them by a login of their own, REMOVE the old ones, PROVE that those
are refused and the new ones still log in, CLEAN up. From any doubt the way leads to RESTORE.
The session that came in stays open until the end; it is what restores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ops.core import key_files
from ops.core.authorized_keys import EditProblem
from ops.core.key_files import Edit, KeyFile, Seen, Wish
from ops.core.keys import fingerprint


class Phase(StrEnum):
    """The step that comes next."""

    CHECK = "check"
    ADD = "add"
    VERIFY = "verify"
    REMOVE = "remove"
    PROVE = "prove"
    RESTORE = "restore"
    CLEAN = "clean"
    END = "end"


class Verdict(StrEnum):
    """What came of a host."""

    ROTATED = "rotated"
    UNPROVEN = "unproven"  # rotated in every file; nobody tried the old key, and another way in is open to it
    PENDING = "pending"  # nobody answered, or the connection broke: the next run takes it
    REFUSED = "refused"  # left as it is, for a reason that a person has to look at
    FAILED = "failed"  # begun or not let in; the old key is where it was
    NOT_STARTED = "not started"  # the fleet was stopped before it


SETTLED = frozenset({Verdict.ROTATED, Verdict.UNPROVEN})  # the new key logs in, the old one is in no file


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A login, and what stands there."""

    seen: Seen
    entered_with: bytes


@dataclass(frozen=True, kw_only=True)
class Succeeded:
    """The step is done: written, logged in, cleaned."""


@dataclass(frozen=True, kw_only=True)
class Away:
    """Nobody answered, or the connection broke. Says nothing about a key."""

    words: str


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The host answered and it was not what was asked for. `written` are the edits done before that."""

    words: str
    written: tuple[Edit, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Barred:
    """The host lets us in and lets us do nothing, by a forced command for one."""

    words: str


@dataclass(frozen=True, kw_only=True)
class Proved:
    """The new key logged in again.

    Attributes:
        accepted: removed keys that did, too.
        untried: removed keys that were not offered, for sshd counts refusals.
        absent: removed keys that could not be offered, for their private halves are not at hand.
        cleaned: whether the command that ran in that login has removed the backups.
    """

    accepted: frozenset[bytes]
    cleaned: bool
    untried: frozenset[bytes] = frozenset()
    absent: frozenset[bytes] = frozenset()


Observation = Looked | Succeeded | Away | Failed | Barred | Proved


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a host stands: `files` as they are now, `first` as they were, `edits` for the step to come.

    `in_doubt` tells that sshd may take keys that stand in none of the files.
    """

    phase: Phase = Phase.CHECK
    files: tuple[KeyFile, ...] = ()
    first: tuple[KeyFile, ...] = ()
    edits: tuple[Edit, ...] = ()
    verdict: Verdict | None = None
    words: str = ""
    notes: tuple[str, ...] = ()
    in_doubt: bool = False


def after(state: State, observation: Observation, wish: Wish) -> State:
    """Return where the host stands once its step brought this observation."""
    rule = _RULES.get((state.phase, type(observation)))
    return rule(state, observation, wish) if rule else _doubtful(state, observation)


def _looked(state: State, looked: Looked, wish: Wish) -> State:
    seen = looked.seen
    if reason := key_files.obstacle(seen):
        return _end(state, Verdict.REFUSED, reason)
    try:
        edits = key_files.additions(seen, wish, looked.entered_with)
        key_files.removals(key_files.edited(seen.there, edits), wish.retired)
    except EditProblem as problem:
        return _end(state, Verdict.REFUSED, str(problem))
    notes = key_files.doubts(seen, wish.retired) if wish.removed else ()
    return replace(
        state,
        phase=Phase.ADD if edits else Phase.VERIFY,
        files=seen.there,
        first=key_files.originals(seen, wish, looked.entered_with),
        edits=edits,
        notes=notes,
        in_doubt=bool(notes),
    )


def _added(state: State, _done: Succeeded, _wish: Wish) -> State:
    return replace(state, phase=Phase.VERIFY, files=key_files.edited(state.files, state.edits), edits=())


def _removed(state: State, _done: Succeeded, _wish: Wish) -> State:
    return replace(state, phase=Phase.PROVE, files=key_files.edited(state.files, state.edits), edits=())


def _restored(state: State, _done: Succeeded, _wish: Wish) -> State:
    return replace(state, phase=Phase.CLEAN, edits=())


def _cleaned(state: State, _done: Succeeded, _wish: Wish) -> State:
    return replace(state, phase=Phase.END)


def _unseen(state: State, away: Away, _wish: Wish) -> State:
    return _end(state, Verdict.PENDING, away.words)


def _barred(state: State, barred: Barred, _wish: Wish) -> State:
    return _end(state, Verdict.REFUSED, barred.words)


def _verified(state: State, _done: Succeeded, wish: Wish) -> State:
    if not wish.removed:
        return replace(state, phase=Phase.CLEAN, verdict=Verdict.ROTATED)
    edits = key_files.removals(state.files, wish.retired)
    return replace(state, phase=Phase.REMOVE if edits else Phase.PROVE, edits=edits)


def _proved(state: State, proved: Proved, _wish: Wish) -> State:
    phase = Phase.END if proved.cleaned else Phase.CLEAN
    untried = {
        "for sshd counts refusals": proved.untried,
        "for its private half is not at hand": proved.absent,
    }
    notes = tuple(
        f"removed, and its refusal not tried, {why}: {', '.join(sorted(map(fingerprint, blobs)))}"
        for why, blobs in untried.items()
        if blobs
    )
    verdict, words = Verdict.ROTATED, ""
    if proved.accepted:
        verdict, words = Verdict.FAILED, _STILL_IN
    elif notes and state.in_doubt:
        verdict, words = Verdict.UNPROVEN, _UNPROVEN
    return replace(state, phase=phase, verdict=verdict, words=words, notes=(*state.notes, *notes))


_STILL_IN = (
    "the removed key still logs in, though it stands in none of sshd's files for this user: look for "
    "AuthorizedKeysCommand, a certificate authority, or another file"
)
_UNPROVEN = (
    "the new key logs in and the removed one stands in no file; sshd may take it all the same, and no login "
    "with it was tried: where its private half is at hand, name it alone with --remove-key"
)
_DOING = {
    Phase.CHECK: "no way in",
    Phase.ADD: "the new key could not be added",
    Phase.VERIFY: "the new key does not log in",
    Phase.REMOVE: "the old key could not be removed",
    Phase.PROVE: "after the removal the new key did not log in again",
}


def _doubtful(state: State, observation: Observation) -> State:
    """Whatever was not expected: the old key stays, or comes back."""
    away = isinstance(observation, Away)
    said = observation.words if isinstance(observation, Away | Failed | Barred) else "an unexpected answer"
    if state.phase in {Phase.RESTORE, Phase.CLEAN}:
        lost = "the files were not restored" if state.phase is Phase.RESTORE else "a backup was left there"
        verdict = Verdict.FAILED if state.phase is Phase.RESTORE and not away else state.verdict
        return replace(
            state, phase=Phase.END, verdict=verdict, notes=(*state.notes, f"{lost}: {said}"), edits=()
        )
    words = f"{_DOING[state.phase]}: {said}"
    verdict = Verdict.PENDING if away else Verdict.FAILED
    if state.phase is Phase.CHECK or (away and state.phase in {Phase.ADD, Phase.REMOVE}):
        # The session is gone: nothing can be restored, nor has to be; the new key logged in before a removal.
        return _end(state, verdict, words)
    done = observation.written if isinstance(observation, Failed) else ()
    ours = {file.path for file in state.files} if state.phase is Phase.PROVE else {edit.path for edit in done}
    removed = ours if state.phase in {Phase.REMOVE, Phase.PROVE} else ()
    back = key_files.way_back(state.first, key_files.edited(state.files, done), removed)
    phase = Phase.RESTORE if back else Phase.CLEAN
    return replace(state, phase=phase, edits=back, verdict=verdict, words=words)


def _end(state: State, verdict: Verdict, words: str) -> State:
    return replace(state, phase=Phase.END, verdict=verdict, words=words, edits=())


_RULES: Mapping[tuple[Phase, type], Callable[[State, Any, Wish], State]] = {
    (Phase.CHECK, Looked): _looked,
    (Phase.CHECK, Away): _unseen,
    (Phase.CHECK, Barred): _barred,
    (Phase.ADD, Succeeded): _added,
    (Phase.VERIFY, Succeeded): _verified,
    (Phase.REMOVE, Succeeded): _removed,
    (Phase.PROVE, Proved): _proved,
    (Phase.RESTORE, Succeeded): _restored,
    (Phase.CLEAN, Succeeded): _cleaned,
}
