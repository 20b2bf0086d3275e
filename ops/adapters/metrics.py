"""Metrics as text files for node_exporter: whole or not at all, and readable by it (TRAPS D3)."""

import os
import tempfile
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest

from ops.core.outcomes import Outcome, Result
from ops.errors import LifecycleError

MODE = 0o644  # the exporter runs as another user


def write(path: Path, registry: CollectorRegistry) -> None:
    """Replace the file at once by what the registry holds; its directory must exist."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(generate_latest(registry))
                file.flush()
                os.fchmod(file.fileno(), MODE)
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LifecycleError(
            f"the metrics cannot be written: {error.strerror}",
            where=str(path),
            remedy="The directory must exist and be writable; node_exporter reads it with "
            "--collector.textfile.directory (Debian: /var/lib/prometheus/node-exporter).",
        ) from None


def data_file(directory: Path, operation: str) -> Path:
    """What the last run that succeeded saw; a failed run leaves it as it is."""
    return directory / f"pve_lifecycle_{operation}.prom"


def run_file(directory: Path, operation: str) -> Path:
    """What came of the last run, also of a failed one."""
    return directory / f"pve_lifecycle_{operation}_run.prom"


def add_success(registry: CollectorRegistry, operation: str, now: datetime) -> None:
    """Stamp the data file: its age is the age of the last success."""
    _gauge(
        registry, "pve_lifecycle_last_success_timestamp_seconds", "When the operation last succeeded."
    ).labels(operation).set(now.timestamp())


def write_success(directory: Path, operation: str, now: datetime) -> None:
    """A data file that holds the stamp alone."""
    registry = CollectorRegistry()
    add_success(registry, operation, now)
    write(data_file(directory, operation), registry)


def write_run(
    directory: Path,
    operation: str,
    *,
    now: datetime,
    seconds: float,
    succeeded: bool,
    outcomes: tuple[Outcome, ...] = (),
) -> None:
    """Write the run's own file: when, how long, whether it succeeded, how its actions ended and how long."""
    registry = CollectorRegistry()
    stamp = "pve_lifecycle_last_run_timestamp_seconds"
    _gauge(registry, stamp, "When the operation last ran.").labels(operation).set(now.timestamp())
    duration = "pve_lifecycle_last_run_duration_seconds"
    _gauge(registry, duration, "How long the last run took.").labels(operation).set(seconds)
    verdict = "pve_lifecycle_last_run_succeeded"
    _gauge(registry, verdict, "1 where the last run did all that it had to do.").labels(operation).set(
        succeeded
    )
    counts = Gauge(
        "pve_lifecycle_last_run_actions",
        "Actions of the last run by result.",
        ["operation", "result"],
        registry=registry,
    )
    for result in Result:
        counts.labels(operation, result.value).set(sum(each.result is result for each in outcomes))
    _add_seconds(registry, operation, outcomes)
    write(run_file(directory, operation), registry)


def _add_seconds(registry: CollectorRegistry, operation: str, outcomes: tuple[Outcome, ...]) -> None:
    words = "Actions of the last run that took longer than promised."
    slow = _gauge(registry, "pve_lifecycle_last_run_slow_actions", words).labels(operation)
    slow.set(sum(each.slow for each in outcomes))
    longest: dict[tuple[str, str], float] = {}
    for each in outcomes:
        if each.seconds is not None:
            guest = (str(each.guest.vmid), each.guest.name)
            longest[guest] = max(longest.get(guest, 0.0), each.seconds)
    seconds = Gauge(
        "pve_lifecycle_last_run_guest_seconds",
        "The longest action of the last run on the guest.",
        ["operation", "vmid", "name"],
        registry=registry,
    )
    for guest, value in longest.items():
        seconds.labels(operation, *guest).set(value)


def _gauge(registry: CollectorRegistry, name: str, words: str) -> Gauge:
    return Gauge(name, words, ["operation"], registry=registry)
