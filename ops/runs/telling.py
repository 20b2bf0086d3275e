"""Telling people what an operation did and will do, and whether somebody took the message."""

from collections.abc import Sequence

from ops.adapters.connection import NoticeSettings
from ops.adapters.notices import Delivery, Notice, channels, deliver

MOST = 20  # lines; Telegram cuts a message at 4,096 characters


def tell(settings: NoticeSettings, notices: Sequence[Notice]) -> list[Delivery]:
    """Send the notices over every channel that is set up; no delivery at all where none is."""
    return deliver(channels(settings), notices)


def complaints(deliveries: Sequence[Delivery]) -> list[str]:
    """What the channels said that did not accept a message, each once; a reason for exit code 1."""
    return list(dict.fromkeys(f"{each.channel} {each.words}" for each in deliveries if not each.accepted))


def the_first(lines: Sequence[str]) -> str:
    """As many lines as fit a message, and how many there are besides."""
    rest = len(lines) - MOST
    return "\n".join([*lines[:MOST], *([f"and {rest} more"] if rest > 0 else [])])
