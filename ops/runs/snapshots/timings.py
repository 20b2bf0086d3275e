"""How long each guest's last snapshot action took, for Prometheus.

There is no stamp of success here: nobody is to be woken because nobody has taken a snapshot since yesterday.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from ops.adapters import metrics
from ops.core.outcomes import Outcome

LABELS = ("vmid", "name", "node", "kind", "action", "result")


def write(directory: Path, verb: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Replace the verb's file by the timings of this run; `verb` is create, rollback or delete."""
    registry = CollectorRegistry()
    seconds = Gauge("pve_snapshot_action_seconds", "How long the action took.", LABELS, registry=registry)
    slow = Gauge(
        "pve_snapshot_action_slow", "1 where it took longer than promised.", LABELS, registry=registry
    )
    ended = "pve_snapshot_action_timestamp_seconds"
    when = Gauge(ended, "When the run of the action began.", LABELS, registry=registry)
    for outcome in outcomes:
        if outcome.seconds is None:
            continue
        guest = outcome.guest
        labels = (guest.vmid, guest.name, guest.node, guest.kind.value, verb, outcome.result.value)
        seconds.labels(*labels).set(outcome.seconds)
        slow.labels(*labels).set(outcome.slow)
        when.labels(*labels).set(now.timestamp())
    metrics.write(metrics.data_file(directory, f"snapshot_{verb}"), registry)
