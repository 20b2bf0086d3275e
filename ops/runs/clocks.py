"""Whether the nodes' clocks agree with this machine's, by which ages are judged."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from ops.adapters.proxmox import Proxmox
from ops.core.retention import age_in_words
from ops.errors import LifecycleError
from ops.runs.parallel import side_by_side

TOLERATED = timedelta(minutes=5)
HOPELESS = timedelta(days=1)
AT_ONCE = 8  # a node that hangs costs a minute and a half


def warnings_of(proxmox: Proxmox, nodes: Iterable[str], now: datetime) -> list[str]:
    """Name the nodes whose clock is off by more than minutes; `proxmox` has answered something already.

    Raises:
        LifecycleError: the clock of the node that answers, by the Date of its answers, is more than a day
            away from ours; one of the two is wrong, nobody can say which, and no age can be trusted.
    """
    there = proxmox.api.server_time
    if there is not None and abs(there - now) > HOPELESS:
        apart = age_in_words(abs(there - now))
        raise LifecycleError(
            f"its clock and this machine's are {apart} apart: no age can be trusted, and nothing was done",
            where=proxmox.api.endpoint,
            remedy="Set the one that is wrong; see `timedatectl` on both.",
        )
    asked = side_by_side(lambda node: _warning(proxmox, node, now), nodes, workers=AT_ONCE)
    return [words for warning in asked for words in warning]


def _warning(proxmox: Proxmox, node: str, now: datetime) -> list[str]:
    try:
        ahead = proxmox.clock(node) - now
    except LifecycleError as error:
        return [f"the clock of {node} cannot be read: {error.what}"]
    if abs(ahead) <= TOLERATED:
        return []
    side = "ahead of" if ahead > timedelta(0) else "behind"
    return [f"the clock of {node} is {age_in_words(abs(ahead))} {side} this machine's"]
