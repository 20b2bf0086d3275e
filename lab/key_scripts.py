"""The shell by which keys are rotated, answered from a lab guest's files; nothing is run.

What the scripts themselves do is shown elsewhere, on a real sshd; a test holds these answers to theirs.
"""

import base64
import shlex
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from ops.adapters import guest_commands
from ops.adapters.guest_commands import LOOK, MARK, REPLACE, ROOM

from .cloud_init import GuestFile

if TYPE_CHECKING:
    from .guest import Guest

NODE_FOLDER = "/etc/pve/"
KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")  # sshd's default, both of them


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who asks which guest, and what came with it."""

    guest: "Guest"
    user: str
    stdin: bytes

    @property
    def files(self) -> dict[str, GuestFile]:
        """The guest's."""
        return self.guest.files

    def may_write(self, path: str) -> bool:
        """Whether the user may write beside this file."""
        return self.guest.may_write(self.user, path)


class Reader(Protocol):
    """A session's input: lines, and characters between them; bytes that are no UTF-8 are escaped."""

    def __aiter__(self) -> AsyncIterator[str]: ...
    async def read(self, n: int, /) -> str: ...  # noqa: D102


def word_of(line: str) -> str | None:
    """The word of the shell that this command line keeps open, if it is that one, sign for sign."""
    before, name, rest = line.partition(f" {ROOM} ")
    word = rest.partition(" ")[0]
    return word if before and name and line == guest_commands.room(word) else None


async def converse(guest: "Guest", user: str, word: str, stdin: Reader, say: Callable[[bytes], None]) -> None:
    """Answer requests until the input ends."""
    async for line in stdin:
        first, _, request = line.partition(" ")
        if first != word:
            continue
        script, rights, *arguments = shlex.split(request)
        content = await _content(stdin, int(arguments[3])) if script == REPLACE else b""
        asked = Asked(guest=guest, user="root" if rights == "sudo" else user, stdin=content)
        answer = "".join(f"{each}\n" for each in _said(script, asked, arguments))
        say(answer.encode() + guest_commands.end(word))


def _said(script: str, asked: Asked, arguments: list[str]) -> Iterator[str]:
    return ANSWERS[script](asked, *arguments) if script in ANSWERS else iter(())


async def _content(stdin: Reader, count: int) -> bytes:
    """So many bytes; each character is at least one."""
    taken = b""
    while len(taken) < count and (piece := await stdin.read(1)):
        taken += piece.encode("utf-8", "surrogateescape")
    return taken


def _look(asked: Asked, tag: str) -> Iterator[str]:
    home = asked.guest.home(asked.user)
    yield f"{MARK} user {asked.user}"
    yield f"{MARK} home {home}"
    if any(path.startswith(NODE_FOLDER) for path in asked.files):
        yield f"{MARK} node"
    yield f"{MARK} set authorizedkeysfile {' '.join(KEY_FILES)}"
    for name in KEY_FILES:
        yield from _look_at(asked, f"{home}/{name}", tag)
    yield f"{MARK} end"


def _look_at(asked: Asked, path: str, tag: str) -> Iterator[str]:
    yield f"{MARK} file {path}"
    yield f"{MARK} real {path}"
    file = asked.files.get(path)
    if file is None:
        return
    yield f"{MARK} access {'own' if asked.may_write(path) else 'sudo'}"
    yield f"{MARK} data"
    yield _encoded(file)
    backup = asked.files.get(_beside(path, "bak", tag))
    if backup:
        yield f"{MARK} backup"
        yield _encoded(backup)


def _encoded(file: GuestFile) -> str:
    return base64.encodebytes(file.content).decode().removesuffix("\n")


def _beside(path: str, kind: str, tag: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.{kind}-{tag}"


def _replace(asked: Asked, path: str, before: str, after: str, _count: str, tag: str) -> Iterator[str]:
    file = asked.files.get(path)
    if file is None or not asked.may_write(path):
        yield f"{MARK} failed nothing can be written beside it"
    elif before not in {"-", sha256(file.content).hexdigest()}:
        yield f"{MARK} failed somebody else changed it meanwhile"
    elif sha256(asked.stdin).hexdigest() != after:
        yield f"{MARK} failed its new version did not arrive whole"
    else:
        asked.files.setdefault(_beside(path, "bak", tag), file)
        asked.files[path] = file._replace(content=asked.stdin)
        yield f"{MARK} done"


ANSWERS: dict[str, Callable[..., Iterator[str]]] = {LOOK: _look, REPLACE: _replace}
