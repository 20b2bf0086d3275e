"""Every snapshot of the cluster for Prometheus, as times that it compares with its own clock (TRAPS D4)."""

from collections.abc import Collection, Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ops.adapters import metrics
from ops.core.expiry import first_second_after
from ops.core.keeping import Kept, kept
from ops.core.model import Guest
from ops.core.snapshots import Snapshot

DATA = "snapshots"  # a file of its own, renewed by every run that could look, also by one that failed
LABELS = ("vmid", "name", "node", "kind", "snapshot")
CREATED = "pve_snapshot_created_timestamp_seconds"
CREATED_HELP = (
    "When the snapshot was taken, by its node's clock; not those without a time, and no template's."
)
KEPT_UNTIL = "pve_snapshot_kept_until_timestamp_seconds"
KEPT_UNTIL_HELP = "The first second after the day until which the snapshot is kept; 0 where it is not kept."


def write_snapshots(
    directory: Path, held: Iterable[tuple[Guest, Snapshot]], unread: Collection[int], zone: ZoneInfo
) -> None:
    """Replace the file by what there is now; an empty cluster gives a file without series, and no error.

    Of the guests in `unread`, by vmid, nobody knows more than the file that is there: their series stay.
    """
    registry = CollectorRegistry()
    created = Gauge(CREATED, CREATED_HELP, LABELS, registry=registry)
    kept_until = Gauge(KEPT_UNTIL, KEPT_UNTIL_HELP, LABELS, registry=registry)
    path = metrics.data_file(directory, DATA)
    for sample in _known(path, unread):
        gauge = created if sample.name == CREATED else kept_until
        gauge.labels(**sample.labels).set(sample.value)
    for guest, snapshot in held:
        if snapshot.taken is None or guest.template:  # PVE deletes no template's snapshot
            continue
        labels = (str(guest.vmid), guest.name, guest.node, guest.kind.value, snapshot.name)
        created.labels(*labels).set(snapshot.taken.timestamp())
        keep = kept(snapshot.description)
        until = first_second_after(keep.until, zone).timestamp() if isinstance(keep, Kept) else 0
        kept_until.labels(*labels).set(until)
    metrics.write(path, registry)


def _known(path: Path, unread: Collection[int]) -> list[Sample]:
    """What the file says of these guests; nothing where there is none, or one that is not ours."""
    if not unread:
        return []
    try:
        families = list(text_string_to_metric_families(path.read_text("utf-8")))
        return [
            sample
            for family in families
            for sample in family.samples
            if sample.name in {CREATED, KEPT_UNTIL}
            and set(sample.labels) == set(LABELS)
            and int(sample.labels["vmid"]) in unread
        ]
    except (OSError, ValueError):
        return []
