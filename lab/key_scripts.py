"""The scripts by which keys are rotated, answered from a lab guest's files; nothing is run.

What the scripts themselves do is shown elsewhere, on a real sshd; a test holds these answers to theirs.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from ops.adapters.guest_commands import ALIVE, DISCARD, LOOK, MARK, REPLACE, SCRIPTS

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
        return self.user == "root" or path.startswith(f"{self.guest.home(self.user)}/")


def name_of(words: tuple[str, ...]) -> str | None:
    """Which of the scripts `sh WORDS` is, word for word, or None."""
    match words:
        case ("-c", script, name, *_) if SCRIPTS.get(name) == script:
            return name
    return None


def answer(asked: Asked, words: tuple[str, ...]) -> bytes | None:
    """What `sh WORDS` writes, if it is one of the scripts."""
    name = name_of(words)
    return "".join(f"{line}\n" for line in ANSWERS[name](asked, *words[3:])).encode() if name else None


def _alive(_asked: Asked, word: str) -> Iterator[str]:
    yield f"{MARK} alive {word}"


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


def _replace(asked: Asked, path: str, before: str, after: str, tag: str) -> Iterator[str]:
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


def _discard(asked: Asked, tag: str, *paths: str) -> Iterator[str]:
    for path in paths:
        asked.files.pop(_beside(path, "bak", tag), None)
    yield f"{MARK} done"


ANSWERS: dict[str, Callable[..., Iterator[str]]] = {
    ALIVE: _alive,
    LOOK: _look,
    REPLACE: _replace,
    DISCARD: _discard,
}
