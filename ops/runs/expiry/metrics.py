"""The names of what an expiry run leaves for Prometheus, and how they come into its file.

Times are data and Prometheus compares them with its own clock (TRAPS D4): a file that nobody renews any more
still says the right thing. Every series with guest labels has `vmid`, `name`, `node` and `kind`.

The file is the memory of a run, too: when a guest was stopped, and how often again. It needs no database, no
privilege and no call more, as the task logs of the nodes would, which PVE also rotates away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from ops.adapters import metrics
from ops.core.expiring import REFUSALS, UNKNOWN, WITHOUT_EXPIRY, Decision, Verdict, environment_of, is_up
from ops.core.expiry import first_second_after

OPERATION = "expire"
DATA = "guest_expiries"  # a file of its own: every run that has scanned renews it, also one that failed later

COUNTS = "expire_counts"  # and one for runs over all guests: a run for one does not undo what they say

EXPIRES = "pve_guest_expires_timestamp_seconds"  # {guest labels, environment: lab, prod or unclear}
EXPIRES_HELP = "The first second after the guest's last day; for guests with exactly one valid expiry tag."
RUNNING = "pve_guest_running"  # {guest labels}
RUNNING_HELP = "1 where the guest ran when the expiry run ended, else 0; absent where its node was offline."
UNLIMITED = "pve_lab_guest_without_expiry"  # {guest labels, reason: no_expiry, malformed_…, several_…}
UNLIMITED_HELP = "1 for a lab guest without exactly one valid expiry tag, and without no-expire."
STOPPED = "pve_guest_stopped_by_expiry_timestamp_seconds"  # {guest labels}
STOPPED_HELP = "When expiry last stopped the guest, as long as its expiry is over and its tags say so."
RESTOPS = "pve_guest_expiry_restops"  # {guest labels}
RESTOPS_HELP = "How often the guest was stopped again since its expiry, after somebody had started it."
STOPS_RUN = "pve_lifecycle_expire_stops"
STOPS_RUN_HELP = "Guests that the last run stopped."
RESTOPS_RUN = "pve_lifecycle_expire_restops"
RESTOPS_RUN_HELP = "Guests that the last run stopped again, after somebody had started them."
KEPT_DOWN_RUN = "pve_lifecycle_expire_kept_down"
KEPT_DOWN_RUN_HELP = "Guests whose start at boot the last run took away."
WARNED_RUN = "pve_lifecycle_expire_warned"
WARNED_RUN_HELP = "Guests whose end was announced by the last run, to a channel that accepted it."
WITHHELD_RUN = "pve_lifecycle_expire_withheld"
WITHHELD_RUN_HELP = "Guests that the last run did not stop because no channel had accepted a notice."
REFUSED_RUN = "pve_lifecycle_expire_refused"  # {reason: the words of ops.core.expiring.Reason}
REFUSED_RUN_HELP = "Guests that the last run refused to judge or to stop, by reason."
INVENTORY_RUN = "pve_lifecycle_expire_inventory_guests"
INVENTORY_RUN_HELP = "Guests that the last run saw."
OFFLINE_RUN = "pve_lifecycle_expire_offline_nodes"
OFFLINE_RUN_HELP = "Nodes that were offline in the last run: what runs there could not be seen."

GUEST = ("vmid", "name", "node", "kind")


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When expiry last stopped a guest, in seconds since the epoch, and how often it has come back."""

    at: float
    restops: int = 0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a run leaves: the last verdict on every guest, and the vmids of those it stopped, or warned of."""

    verdicts: Sequence[Verdict]
    stops: Mapping[int, Stop]
    stopped: frozenset[int]
    restopped: frozenset[int]
    kept_down: int
    warned: int
    withheld: int
    offline_nodes: int


def remember(directory: Path) -> dict[int, Stop]:
    """Read by vmid what the run before left; a file that is not there, or not ours any more, says nothing."""
    try:
        text = metrics.data_file(directory, DATA).read_text("utf-8")
        samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
        times = {int(each.labels["vmid"]): each.value for each in samples if each.name == STOPPED}
        again = {int(each.labels["vmid"]): int(each.value) for each in samples if each.name == RESTOPS}
    except (OSError, ValueError, KeyError, OverflowError):
        return {}
    return {vmid: Stop(at=at, restops=again.get(vmid, 0)) for vmid, at in times.items()}


def still_valid(
    stops: Mapping[int, Stop], verdicts: Iterable[Verdict], zone: ZoneInfo, now: datetime
) -> dict[int, Stop]:
    """Keep the stops that belong to the expiry of now: not those before an extension, or of an old vmid."""
    kept = {}
    for verdict in verdicts:
        known = stops.get(verdict.guest.vmid)
        if known is None or verdict.expires_on is None:
            continue
        over = first_second_after(verdict.expires_on, zone)
        if over <= now and over.timestamp() <= known.at:
            kept[verdict.guest.vmid] = known
    return kept


def write(directory: Path, seen: Seen, zone: ZoneInfo, *, counts: bool) -> None:
    """Replace what is known of the guests, and with `counts` also what the run has done."""
    registry = CollectorRegistry()
    _guests(registry, seen, zone)
    metrics.write(metrics.data_file(directory, DATA), registry)
    if counts:
        registry = CollectorRegistry()
        _counts(registry, seen)
        metrics.write(metrics.data_file(directory, COUNTS), registry)


def _guests(registry: CollectorRegistry, seen: Seen, zone: ZoneInfo) -> None:
    expires = Gauge(EXPIRES, EXPIRES_HELP, [*GUEST, "environment"], registry=registry)
    running = Gauge(RUNNING, RUNNING_HELP, GUEST, registry=registry)
    unlimited = Gauge(UNLIMITED, UNLIMITED_HELP, [*GUEST, "reason"], registry=registry)
    stopped = Gauge(STOPPED, STOPPED_HELP, GUEST, registry=registry)
    restops = Gauge(RESTOPS, RESTOPS_HELP, GUEST, registry=registry)
    for verdict in seen.verdicts:
        guest = verdict.guest
        labels = (str(guest.vmid), guest.name, guest.node, str(guest.kind))
        if verdict.expires_on is not None:
            over = first_second_after(verdict.expires_on, zone)
            expires.labels(*labels, environment_of(guest)).set(over.timestamp())
        elif verdict.reason in WITHOUT_EXPIRY:
            unlimited.labels(*labels, verdict.reason.value).set(1)
        else:
            continue
        if guest.status != UNKNOWN:
            running.labels(*labels).set(is_up(guest) and guest.vmid not in seen.stopped)
        if stop := seen.stops.get(guest.vmid):
            stopped.labels(*labels).set(stop.at)
            restops.labels(*labels).set(stop.restops)


def _counts(registry: CollectorRegistry, seen: Seen) -> None:
    for name, words, value in (
        (STOPS_RUN, STOPS_RUN_HELP, len(seen.stopped)),
        (RESTOPS_RUN, RESTOPS_RUN_HELP, len(seen.restopped)),
        (KEPT_DOWN_RUN, KEPT_DOWN_RUN_HELP, seen.kept_down),
        (WARNED_RUN, WARNED_RUN_HELP, seen.warned),
        (WITHHELD_RUN, WITHHELD_RUN_HELP, seen.withheld),
        (INVENTORY_RUN, INVENTORY_RUN_HELP, len(seen.verdicts)),
        (OFFLINE_RUN, OFFLINE_RUN_HELP, seen.offline_nodes),
    ):
        Gauge(name, words, registry=registry).set(value)
    refused = Gauge(REFUSED_RUN, REFUSED_RUN_HELP, ["reason"], registry=registry)
    reasons = [each.reason for each in seen.verdicts if each.decision is Decision.REFUSE]
    for reason in REFUSALS:  # also the zeros: a series that comes and goes cannot be compared
        refused.labels(reason.value).set(reasons.count(reason))
