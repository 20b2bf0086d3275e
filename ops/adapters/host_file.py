"""An inventory of hosts from a file: lines `NAME ADDRESS [PORT] [USER]`, or the stack's output as JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import LifecycleError

SSH_PORT = 22
PORTS = range(1, 1 << 16)


@dataclass(frozen=True)
class HostEntry:
    """One host. A name that is empty or a port that is none is a ValueError."""

    name: str
    address: str | None = None
    port: int | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not self.name:
            raise ValueError("a host has no name")
        if self.port is not None and self.port not in PORTS:
            raise ValueError(f"{self.port} is no port")


def read(path: Path) -> list[HostEntry]:
    """Read the file; a mistake is told with its line."""
    try:
        text = path.read_text("utf-8-sig")  # Windows puts a mark before it
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "it is no text"
        raise LifecycleError(f"cannot be read: {words}", where=str(path)) from None
    entries = _from_json(text, path) if text.lstrip().startswith(("[", "{")) else _from_lines(text, path)
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not entries:
        words = f"names {', '.join(twice)} twice" if twice else "names no host"
        raise LifecycleError(
            words, where=str(path), remedy="One line for each host: NAME ADDRESS [PORT] [USER]"
        )
    return entries


def _from_json(text: str, path: Path) -> list[HostEntry]:
    """More fields than ours are no error: `pulumi stack output guests --json` tells more."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - a tenth of a second that a file of lines spares

    try:
        document = json.loads(text)
        rows: Any = list(document.values()) if isinstance(document, dict) else document
        return TypeAdapter(list[HostEntry]).validate_python(rows)
    except ValueError as error:
        raise LifecycleError(
            f"is not a list of hosts: {error}",
            where=str(path),
            remedy="Write it with: pulumi stack output guests --json",
        ) from None


def _from_lines(text: str, path: Path) -> list[HostEntry]:
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            entries.append(_entry(words))
        except ValueError:
            raise LifecycleError("is not NAME ADDRESS [PORT] [USER]", where=f"{path} line {number}") from None
    return entries


def _entry(words: list[str]) -> HostEntry:
    name, address, *rest = words if len(words) > 1 else [*words, *words]
    numbers = [word for word in rest if word.isdigit()]
    users = [word for word in rest if not word.isdigit()]
    if len(numbers) > 1 or len(users) > 1 or address.isdigit():  # no address: a name was left out
        raise ValueError(words)
    port = int(numbers[0]) if numbers else None
    return HostEntry(name=name, address=address, port=port, user=users[0] if users else None)
