"""The snapshots of many guests: one call each, side by side; one that cannot be read stops no other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.adapters.api import CONNECTIONS
from ops.adapters.proxmox import Proxmox
from ops.adapters.snapshots import Snapshots
from ops.core.model import Guest
from ops.core.outcomes import Outcome, Result
from ops.core.snapshots import Snapshot
from ops.errors import LifecycleError
from ops.runs.parallel import side_by_side

ACTION = "list snapshots"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Every snapshot with its guest, and an outcome for each guest whose snapshots could not be read."""

    held: tuple[tuple[Guest, Snapshot], ...]
    unread: tuple[Outcome, ...]

    @property
    def whole(self) -> bool:
        """Whether it says the truth about every guest that was asked for."""
        return not self.unread


def list_all(proxmox: Proxmox, guests: Sequence[Guest], offline_nodes: Sequence[str]) -> Listing:
    """Read the snapshots of the guests. One that has moved is looked for once; one that is gone has none."""
    away = [guest for guest in guests if guest.node in offline_nodes]
    answers = _read(proxmox, [guest for guest in guests if guest.node not in offline_nodes])
    failed = [outcome.guest for outcome in answers if isinstance(outcome, Outcome)]
    if failed:
        known = [each for each in answers if not isinstance(each, Outcome)]
        answers = [*known, *_read_again(proxmox, failed)]
    refused = [_outcome(guest, Result.REFUSED, f"its node {guest.node} is offline") for guest in away]
    return Listing(
        held=tuple(pair for each in answers if not isinstance(each, Outcome) for pair in each),
        unread=(*refused, *(each for each in answers if isinstance(each, Outcome))),
    )


Answer = list[tuple[Guest, Snapshot]] | Outcome


def _read(proxmox: Proxmox, guests: Sequence[Guest]) -> list[Answer]:
    snapshots = Snapshots(proxmox)

    def ask(guest: Guest) -> Answer:
        try:
            return [(guest, snapshot) for snapshot in snapshots.of(guest)]
        except LifecycleError as error:
            return _outcome(guest, Result.FAILED, str(error))

    return side_by_side(ask, guests, workers=CONNECTIONS)


def _read_again(proxmox: Proxmox, failed: Sequence[Guest]) -> list[Answer]:
    try:
        places = {guest.vmid: guest.node for guest in proxmox.guests()}
    except LifecycleError as error:
        return [_outcome(guest, Result.FAILED, str(error)) for guest in failed]
    return _read(
        proxmox, [replace(guest, node=places[guest.vmid]) for guest in failed if guest.vmid in places]
    )


def _outcome(guest: Guest, result: Result, words: str) -> Outcome:
    return Outcome(guest=guest, action=ACTION, result=result, words=words)
