"""A guest's keys over SSH: logins that prove something, and what `guest_commands` has to be run."""

import base64
import secrets
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paramiko

from ops.adapters import guest_commands
from ops.adapters.guest_commands import MARK
from ops.adapters.ssh import Session, Target, arrive, enter
from ops.adapters.ssh_transport import Transport, Waiting, offer
from ops.core.key_files import Edit, KeyFile, Seen, digest
from ops.errors import LifecycleError

if TYPE_CHECKING:
    from ops.adapters.ssh_channel import Conversation

SECONDS = 60.0  # for one script
MOST_PROOFS = 2  # attempts to have a removed key refused, of one host: sshd counts them
MOST_OFFERS = 2  # removed keys in one of them


class BarredError(LifecycleError):
    """The login succeeded, and the command did not run."""


@dataclass(kw_only=True)
class Door:
    """One guest, to be entered with keys. `waiting` lets others go ahead while it does not answer."""

    target: Target
    waiting: Waiting = nullcontext
    _proofs: int = 0
    _answered: dict[bytes, bool] = field(default_factory=dict)

    def enter(self, keys: Sequence[paramiko.PKey]) -> tuple["Room", bytes]:
        """Log in by a new connection with the first of these keys that is taken, and nothing else.

        Raises:
            UnreachableError: nobody answered, or not to the end (DroppedError: it hangs up on us).
            AuthenticationError: each key was refused. HostKeyError: it is not the host that was meant.
        """
        session, key = enter(self.target, keys, waiting=self.waiting)
        return Room(session), key.asbytes()

    def prove(
        self, retired: Sequence[paramiko.PKey], key: paramiko.PKey
    ) -> tuple["Room", frozenset[bytes], frozenset[bytes]]:
        """Offer retired keys, then `key`: return who got in, which retired ones could, and those not tried.

        That the server takes `key` right after it refused the others shows that it does answer logins; and a
        connection that ends in a login earns no penalty.
        """
        while self._proofs < MOST_PROOFS and (left := self._untried(retired)):
            transport = arrive(self.target, waiting=self.waiting)
            self._proofs += 1
            try:
                entered = self._offered(transport, left[:MOST_OFFERS], key)
            except BaseException:
                transport.hang_up()
                raise
            if entered and not self._untried(retired):
                return Room(Session(transport, self.target)), *self._found(retired)
            # There are more of them, or a removed key still opens, or the server hung up after a refusal: by
            # MaxAuthTries, perhaps with a penalty for us. What it said is known and not asked again.
            transport.hang_up()
        if retired and not self._answered:
            raise LifecycleError("the connection broke twice before a proof", where=str(self.target))
        room, _ = self.enter([key])
        return room, *self._found(retired)

    def _untried(self, retired: Sequence[paramiko.PKey]) -> list[paramiko.PKey]:
        return [key for key in retired if _offer_of(key) not in self._answered]

    def _found(self, retired: Sequence[paramiko.PKey]) -> tuple[frozenset[bytes], frozenset[bytes]]:
        accepted = frozenset(key.asbytes() for key in retired if self._answered.get(_offer_of(key)))
        return accepted, frozenset(key.asbytes() for key in self._untried(retired))

    def _offered(self, transport: Transport, retired: Sequence[paramiko.PKey], key: paramiko.PKey) -> bool:
        """Offer the retired keys, note what the server says of each, and tell whether `key` came in then."""
        for each in retired:
            taken = offer(transport, self.target.username, each, where=str(self.target))
            self._answered[_offer_of(each)] = taken
            if taken or not transport.is_active():
                return False
        return offer(transport, self.target.username, key, where=str(self.target))


def _offer_of(key: paramiko.PKey) -> bytes:
    """What a server is shown of the key: its certificate, where it was loaded with one."""
    return key.public_blob.key_blob if key.public_blob else key.asbytes()


class Room:
    """A session on a guest."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._word = secrets.token_hex(8)
        self._shell: Conversation | None = None

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def look(self, tag: str) -> Seen:
        """Everything that a rotation has to know, in one round trip; `tag` names a run's own backups.

        Raises:
            BarredError: the command did not run.
        """
        lines = list(self._ask(guest_commands.LOOK, tag))
        if ("end", "") not in lines:
            raise self._barred()
        told = dict(lines)
        return Seen(
            user=told.get("user", ""),
            home=told.get("home", ""),
            is_node="node" in told,
            settings=dict(_two(words) for word, words in lines if word == "set"),
            files=tuple(_files(lines)),
        )

    def answers(self) -> None:
        """Run a command that says a word which nobody could know before.

        Raises:
            BarredError: it did not run.
        """
        word = secrets.token_hex(8)
        if ("alive", word) not in self._run(guest_commands.alive(word)):
            raise self._barred()

    def replace(self, edit: Edit, tag: str) -> None:
        """Replace a file's bytes at once, or leave them as they are; a backup of the first bytes is kept.

        Raises:
            LifecycleError: it was not replaced. UnreachableError: the connection broke; nothing is known.
        """
        words = self._replaced(edit, tag)
        if words is None and not self._holds(edit, tag):
            words = "the script did not come to its end, or not in time"
        if words:
            raise LifecycleError(words, where=f"{self._session.target} {edit.path}")

    def _replaced(self, edit: Edit, tag: str) -> str | None:
        """Why the file was not replaced, nothing if it was; None where the script was cut off: who knows?"""
        before = "-" if edit.before is None else digest(edit.before)
        arguments = (edit.path, before, digest(edit.after), str(len(edit.after)), tag)
        sudo = edit.access == "sudo"
        try:
            lines = list(self._ask(guest_commands.REPLACE, *arguments, sudo=sudo, stdin=edit.after))
        except LifecycleError:  # the shell was killed, or is slow; was it the connection, the next look fails
            return None
        if ("done", "") in lines:
            return ""
        return next((words for word, words in lines if word == "failed"), None)

    def _holds(self, edit: Edit, tag: str) -> bool:
        """Whether the file has the bytes that were asked for."""
        return any((file.path, file.content) == (edit.path, edit.after) for file in self.look(tag).files)

    def discard(self, files: Sequence[KeyFile], tag: str) -> None:
        """Remove what `replace` left beside these files."""
        for access in sorted({file.access for file in files}):
            paths = [file.path for file in files if file.access == access]
            if ("done", "") not in self._run(guest_commands.discard(paths, tag, sudo=access == "sudo")):
                raise LifecycleError("the backup could not be removed", where=str(self._session.target))

    def _run(self, line: str) -> Iterator[tuple[str, str]]:
        """Run a command; where a server allows one at a time, the shell has to end before it."""
        if self._shell:
            shell, self._shell = self._shell, None
            shell.close()
        return _marked(self._session.run(line, timeout=SECONDS).stdout)

    def _ask(
        self, script: str, *arguments: str, sudo: bool = False, stdin: bytes = b""
    ) -> Iterator[tuple[str, str]]:
        """Ask the shell that is kept open, or another, where the last one is of no use any more."""
        if self._shell is None or self._shell.over:
            self._shell = self._session.converse(guest_commands.room(self._word), timeout=SECONDS)
        asked = guest_commands.request(self._word, script, *arguments, sudo=sudo, stdin=stdin)
        return _marked(self._shell.ask(asked, end=guest_commands.end(self._word), timeout=SECONDS))

    def _barred(self) -> BarredError:
        return BarredError(
            "the login succeeds and a command does not run: a forced command, a shell that is none, or no "
            "coreutils there",
            where=str(self._session.target),
        )


def _marked(output: str) -> Iterator[tuple[str, str]]:
    """Our own lines as (word, rest); what follows `data` and `backup` up to the next is their base64."""
    word, rest = "", [""]
    for line in (*output.splitlines(), MARK):
        _, mark, said = line.partition(MARK)  # a greeting may end without a line end
        if mark:
            if word:
                yield word, "".join(rest)
            word, _, first = said.strip().partition(" ")
            rest = [first]
        elif word in {"data", "backup"}:
            rest.append(line.strip())


def _files(lines: Sequence[tuple[str, str]]) -> Iterator[KeyFile]:
    starts = [number for number, (word, _) in enumerate(lines) if word == "file"]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        told = dict(lines[start:end])
        yield KeyFile(
            name=told["file"],
            path=told.get("real", told["file"]),
            content=_decoded(told.get("data")),
            access=told.get("access", ""),
            backup=_decoded(told.get("backup")),
        )


def _decoded(text: str | None) -> bytes | None:
    try:
        return None if text is None else base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error, or letters that are not ASCII
        return None


def _two(words: str) -> tuple[str, str]:
    name, _, value = words.partition(" ")
    return name, value
