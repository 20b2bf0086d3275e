"""Whether the nodes' clocks agree with this machine's, by which ages are judged."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ops.adapters.proxmox import Proxmox
from ops.core.now import HOPELESS, VARIABLE, is_for_trials, named_time
from ops.core.retention import age_in_words
from ops.errors import LifecycleError
from ops.runs.parallel import side_by_side

TOLERATED = timedelta(minutes=5)
AT_ONCE = 8  # a node that hangs costs a minute and a half


def odd_times(
    proxmox: Proxmox, nodes: Iterable[str], now: datetime, environment: Mapping[str, str], *, acts: bool
) -> list[str]:
    """Say what is odd about the time that a run takes for the present; `proxmox` has answered already.

    Raises:
        LifecycleError: it is days away from the cluster's, so that nothing may be done by it.
    """
    if named_time(environment) is None:
        return _apart(proxmox, nodes, now)
    if acts:
        refuse_another_day(proxmox, now, environment)
    return [f"{VARIABLE} is set: everything is judged as of {now.isoformat()}"]


def refuse_another_day(proxmox: Proxmox, now: datetime, environment: Mapping[str, str]) -> None:
    """Refuse to act by a named time that is another day's: left in a timer's environment, it hits the wrong.

    A cluster at this machine's own address is one to try things on.
    """
    there = proxmox.api.server_time
    if named_time(environment) is None or there is None or abs(there - now) <= HOPELESS:
        return
    if not is_for_trials(proxmox.api.endpoint):
        raise LifecycleError(
            f"{VARIABLE} says {now.isoformat()}, {age_in_words(abs(there - now))} away from the clock there: "
            "nothing was done",
            where=proxmox.api.endpoint,
            remedy=f"It is for previews: add --dry-run to see that day, or unset {VARIABLE} to act today.",
        )


def _apart(proxmox: Proxmox, nodes: Iterable[str], now: datetime) -> list[str]:
    """Name the nodes whose clock is off by more than minutes.

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
