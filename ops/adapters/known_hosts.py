"""Host keys as OpenSSH keeps them: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT."""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ops.core.keys import fingerprint
from ops.errors import HostKeyError, LifecycleError

SSH_PORT = 22
REVOKED = "@revoked"
AUTHORITY = "@cert-authority"
CONSOLE_KEYS = re.compile(
    r"-----BEGIN SSH HOST KEY KEYS-----(?P<lines>.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL
)
PUBLIC_KEY = re.compile(r"(?P<type>(?:ssh|ecdsa)-[\w@.-]+) (?P<blob>AAAA[0-9A-Za-z+/]+={0,2})(?=\s|$)")


class HostKey(Protocol):
    """A server's key, such as paramiko's."""

    def get_name(self) -> str: ...  # noqa: D102
    def asbytes(self) -> bytes: ...  # noqa: D102


def host_name(address: str, port: int) -> str:
    """The host's name in a known_hosts file."""
    return address if port == SSH_PORT else f"[{address}]:{port}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line: which hosts, which key, and what the marker makes of it."""

    patterns: tuple[str, ...]
    kind: str
    blob: bytes
    marker: str = ""

    def matches(self, name: str) -> bool:
        """Whether the line is about this host; a `!pattern` that matches wins."""
        told = [(each.startswith("!"), _matches(each.removeprefix("!"), name)) for each in self.patterns]
        return any(hit and not no for no, hit in told) and not any(hit and no for no, hit in told)


@dataclass(kw_only=True)
class KnownHosts:
    """The keys that hosts are known by. With `accept_new`, an unknown host's key is noted in the file."""

    entries: list[Entry]
    path: Path | None = None
    accept_new: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _named: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _others: list[Entry] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        """Sort out the lines that are found by name: a fleet's file is long and looked into often."""
        for entry in self.entries:
            self._index(entry)

    @classmethod
    def read(cls, path: Path | None, *, accept_new: bool = False, pinned: Iterable[str] = ()) -> "KnownHosts":
        """Read the file, which need not exist yet, and lines that are known besides."""
        try:
            text = path.read_text("utf-8", "surrogateescape") if path else ""
        except FileNotFoundError:
            text = ""
        except OSError as error:
            raise LifecycleError(f"cannot be read: {error.strerror}", where=str(path)) from None
        entries = [entry for line in (*pinned, *text.splitlines()) if (entry := _entry(line))]
        return cls(entries=entries, path=path, accept_new=accept_new)

    @classmethod
    def of(cls, *lines: str) -> "KnownHosts":
        """The hosts of these lines and no others."""
        return cls.read(None, pinned=lines)

    def types(self, address: str, port: int) -> tuple[str, ...]:
        """The types of the keys that the host is known by, to be asked for first."""
        return tuple(dict.fromkeys(entry.kind for entry in self._of(address, port) if not entry.marker))

    def check(self, address: str, port: int, key: HostKey) -> None:
        """Return if the key is the host's.

        Raises:
            HostKeyError: it is another, it is revoked, or the host is not known.
        """
        name, blob = host_name(address, port), key.asbytes()
        entries = self._of(address, port)
        if any(entry.blob == blob and entry.marker == REVOKED for entry in entries):
            raise HostKeyError(
                f"its host key {fingerprint(blob)} is marked @revoked",
                where=name,
                remedy="Somebody else may hold this key: do not log in there; give the host a new one first.",
            )
        plain = [entry for entry in entries if not entry.marker]
        if any(entry.blob == blob for entry in plain):
            return
        if plain:
            expected = " or ".join(fingerprint(entry.blob) for entry in plain)
            raise _changed(expected, fingerprint(blob), name)
        if any(entry.marker == AUTHORITY for entry in entries):
            raise _only_authority(name, key.get_name(), fingerprint(blob))
        if not self.accept_new:
            raise _unknown(name, key.get_name(), fingerprint(blob))
        self._note(name, key.get_name(), blob)

    def _of(self, address: str, port: int) -> list[Entry]:
        name = host_name(address, port)
        with self._lock:
            candidates = [*self._named.get(name.lower(), ()), *self._others]
        return [entry for entry in candidates if entry.matches(name)]

    def _index(self, entry: Entry) -> None:
        if any(set(pattern) & set("*?!|") for pattern in entry.patterns):
            self._others.append(entry)
        else:
            for name in {pattern.lower() for pattern in entry.patterns}:
                self._named[name].append(entry)

    def _note(self, name: str, kind: str, blob: bytes) -> None:
        line = f"{name} {kind} {base64.b64encode(blob).decode()}\n"
        with self._lock:
            self._index(Entry(patterns=(name,), kind=kind, blob=blob))
            if self.path is None:
                return
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(self.path, "a+b", opener=_private) as file:
                    file.seek(0)
                    text = file.read()
                    file.write(b"\n" * bool(text and not text.endswith(b"\n")) + line.encode())
            except OSError as error:
                raise LifecycleError(
                    f"a new host key cannot be noted: {error.strerror}", where=str(self.path)
                ) from None


def from_console(text: str, names: Iterable[str]) -> list[str]:
    """Lines for a known_hosts file, out of what cloud-init printed on a guest's console at its first boot."""
    blocks = CONSOLE_KEYS.findall(text)
    keys = PUBLIC_KEY.findall(blocks[-1]) if blocks else []
    return [f"{','.join(names)} {kind} {blob}" for kind, blob in keys]


def _private(path: str, flags: int) -> int:
    """Open it; a file that is new is its owner's alone, and any other keeps its mode."""
    return os.open(path, flags, 0o600)


def _entry(line: str) -> Entry | None:
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#"):  # noqa: PLR2004  hosts, type, key
        return None
    try:
        blob = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Entry(patterns=tuple(words[0].split(",")), kind=words[1], blob=blob, marker=marker)


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return _is_hash_of(pattern, name.lower())  # as OpenSSH hashes it
    escaped = pattern.replace("[", "[[]")  # brackets are the port's, not a character class
    return fnmatch.fnmatchcase(name.lower(), escaped.lower())


def _is_hash_of(pattern: str, name: str) -> bool:
    try:
        salt, mark = (base64.b64decode(part) for part in pattern.removeprefix("|1|").split("|"))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), mark)


def _changed(expected: str, offered: str, where: str) -> HostKeyError:
    return HostKeyError(
        f"its host key has changed: known is {expected}, offered {offered}",
        where=where,
        remedy="Reinstalled, another machine at this address, or somebody in between: find out which before "
        "you replace the known key.",
    )


def _unknown(name: str, kind: str, mark: str) -> HostKeyError:
    return HostKeyError(
        f"its host key is not known (it offers {kind} {mark})",
        where=name,
        remedy="Compare the fingerprint on the host's own console (ssh-keygen -lf "
        "/etc/ssh/ssh_host_ed25519_key.pub), then note the key: for a node as host_key in "
        "PROXMOX_VE_SSH_NODES, for a guest in known_hosts.",
    )


def _only_authority(name: str, kind: str, mark: str) -> HostKeyError:
    return HostKeyError(
        f"it is known by a certificate authority alone, and host certificates are not read here (it offers "
        f"{kind} {mark})",
        where=name,
        remedy="Note the host's plain key in known_hosts, too.",
    )
