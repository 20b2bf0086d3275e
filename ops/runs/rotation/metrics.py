"""What an audit of retired keys found, for node_exporter."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from ops.adapters import metrics
from ops.core.keys import PublicKey, fingerprint
from ops.runs.rotation.audit import Finding

OPERATION = "retired_keys"


def write_metrics(
    directory: Path, findings: Sequence[Finding], retired: Sequence[PublicKey], now: datetime
) -> None:
    """What the alert on retired keys reads; where nobody could look, there is no sample that says no."""
    registry = CollectorRegistry()
    gauge = Gauge(
        "ssh_retired_key_present",
        "1 where a retired key stands in a file that sshd reads.",
        ["guest", "vmid", "fingerprint"],
        registry=registry,
    )
    for finding in findings:
        for key in finding.present if finding.words else retired:
            labels = (finding.host.name, str(finding.host.vmid or ""), fingerprint(key.blob))
            gauge.labels(*labels).set(key in finding.present)
    if not all(finding.words for finding in findings):  # else nobody was looked at
        metrics.add_success(registry, OPERATION, now)
    metrics.write(metrics.data_file(directory, OPERATION), registry)
