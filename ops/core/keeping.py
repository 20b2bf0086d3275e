"""Why a snapshot may outlive the age limit: one line in its own description, for people and for cleanup.

The line reads ``keep until 2026-12-31: reason``. It can be seen and edited in Proxmox VE's own interface, so
reading is liberal; writing is canonical. The day is valid through its end, like an expiry (`is_over`).
"""

import re
from dataclasses import dataclass
from datetime import date

from ops.core.tags import parse_day

_BEGINS = re.compile(r"\s*keep\s+until(?!\w)", re.IGNORECASE)
_LINE = re.compile(
    r"keep\s+until(?:\s*:\s*|\s+)(?P<day>\S{10})(?:\s*:\s*|\s+|$)(?P<reason>.*)", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Until when, and why. The reason is one line of printable words; empty where a person left it out."""

    until: date
    reason: str

    def __post_init__(self) -> None:
        """Refuse a reason that would not come back as it was written."""
        if self.reason != _plain(self.reason):
            raise ValueError("a reason is one line of printable words with single spaces between them")


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """A line that begins like a keep line and names no day. Nobody knows until when: nothing is deleted."""

    line: str


def reason_of(text: str) -> str:
    """Return what a person typed in the form that `Kept` takes; ValueError where nothing is left."""
    reason = _plain(text)
    if not reason:
        raise ValueError("a kept snapshot needs a reason: why must it stay?")
    return reason


def kept(description: str) -> Kept | Malformed | None:
    """Read a description. Of several keep lines one without a day outweighs all, else the last day counts."""
    found = [_read(line) for line in description.split("\n") if _BEGINS.match(line)]
    malformed = [each for each in found if isinstance(each, Malformed)]
    if malformed:
        return malformed[0]
    days = [each for each in found if isinstance(each, Kept)]
    return max(days, key=lambda each: each.until, default=None)


def with_keep(description: str, keep: Kept) -> str:
    """Return the description with this keep line and no other; the other lines stay as they are."""
    rest = without_keep(description)
    line = f"keep until {keep.until.isoformat()}"
    line = f"{line}: {keep.reason}" if keep.reason else line
    return f"{rest}\n{line}" if rest else line


def without_keep(description: str) -> str:
    """Return the description without its keep lines, the malformed ones too."""
    return "\n".join(line for line in description.split("\n") if not _BEGINS.match(line))


def _read(line: str) -> Kept | Malformed:
    match = _LINE.fullmatch(line.strip())
    day = parse_day(match["day"]) if match else None
    if match is None or day is None:
        return Malformed(line=line.strip())
    return Kept(until=day, reason=_plain(match["reason"]))


def _plain(text: str) -> str:
    words = " ".join(text.split())
    return " ".join("".join(letter for letter in words if letter.isprintable()).split())
