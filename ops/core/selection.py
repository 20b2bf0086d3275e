"""Which guests a command is about: named by number or name, by environment, or all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.core.model import Guest
from ops.core.tags import Environment, parse_tags


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a person asked for; exactly one of the three is given."""

    words: tuple[str, ...] = ()
    environment: Environment | None = None
    everything: bool = False

    def __post_init__(self) -> None:
        """Refuse none and two of them."""
        given = sum((bool(self.words), self.environment is not None, self.everything))
        if given != 1:
            raise SelectionError(
                "name the guests (by number or name), or give --env or --all; one of the three"
            )


class SelectionError(ValueError):
    """Why a selection means nothing, or not one thing."""


def choose(guests: Iterable[Guest], selection: Selection) -> list[Guest]:
    """Return the guests that are meant, by vmid, each once.

    With a name that nobody or more than one guest has, nothing is chosen: a command that did half of what
    was typed would hide the typing error. A guest with two environment tags is in neither environment.
    """
    known = sorted(guests, key=lambda guest: guest.vmid)
    if selection.everything:
        return known
    if selection.environment is not None:
        return [guest for guest in known if parse_tags(guest.tags).environments == (selection.environment,)]
    chosen = {guest.vmid: guest for word in selection.words for guest in [_one(known, word)]}
    return sorted(chosen.values(), key=lambda guest: guest.vmid)


def _one(guests: Sequence[Guest], word: str) -> Guest:
    found = [guest for guest in guests if word == str(guest.vmid)]
    found = found or [guest for guest in guests if word == guest.name]
    if not found:
        raise SelectionError(f"no guest that the token may see has the number or name {word!r}")
    if len(found) > 1:
        numbers = ", ".join(str(guest.vmid) for guest in found)
        raise SelectionError(f"{len(found)} guests are named {word!r} ({numbers}); give the number")
    return found[0]
