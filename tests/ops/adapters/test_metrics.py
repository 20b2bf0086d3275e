"""Text files for node_exporter: whole or not at all, and readable by it, whatever happens to the writer."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from ops.adapters import metrics
from ops.core.model import Guest, GuestKind
from ops.core.outcomes import Outcome, Result
from ops.errors import LifecycleError

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
WEB = Guest(vmid=101, name="web", node="pve1", kind=GuestKind.VIRTUAL_MACHINE, status="running")
KILLED = """
import os, signal, sys
from pathlib import Path
from prometheus_client import CollectorRegistry, Gauge
from ops.adapters import metrics

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

{place} = killed
registry = CollectorRegistry()
Gauge("x", "new", registry=registry).set(2)
metrics.write(Path(sys.argv[1]), registry)
"""


def registry_of(number, label="plain"):
    """One gauge with one label."""
    registry = CollectorRegistry()
    Gauge("x", "A number.", ["label"], registry=registry).labels(label).set(number)
    return registry


def samples(path):
    """Everything that the file says, by name and sorted label values."""
    return {
        (each.name, *sorted(each.labels.values())): each.value
        for family in text_string_to_metric_families(path.read_text("utf-8"))
        for each in family.samples
    }


def test_the_file_is_what_prometheus_reads(tmp_path):
    """Labels with quotes, backslashes and line ends come back as they were; no time stamps, one line end."""
    path = tmp_path / "a.prom"
    label = 'say "hi" \\ \n <&> é'
    metrics.write(path, registry_of(1.5, label))
    assert samples(path) == {("x", label): 1.5}
    assert path.read_text("utf-8").endswith("\n")


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022])
def test_the_exporter_may_read_it_whatever_the_umask(tmp_path, mask):
    """The units run with 0077, and the exporter as another user."""
    before = os.umask(mask)
    try:
        metrics.write(tmp_path / "a.prom", registry_of(1))
    finally:
        os.umask(before)
    assert (tmp_path / "a.prom").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("place", ["metrics.os.fsync", "metrics.os.fchmod", "Path.replace"])
def test_a_writer_that_is_killed_leaves_the_old_file_whole(tmp_path, place):
    """And what it had begun has no name that the exporter reads."""
    path = tmp_path / "a.prom"
    metrics.write(path, registry_of(1))
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED.format(place=place), path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.glob("*.prom")] == ["a.prom"]


def test_an_error_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    """A full disk, for one."""
    path = tmp_path / "a.prom"
    metrics.write(path, registry_of(1))
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(metrics.os, "fsync", full)
    with pytest.raises(LifecycleError, match="No space left on device"):
        metrics.write(path, registry_of(2))
    assert [each.name for each in tmp_path.iterdir()] == ["a.prom"]
    assert path.read_bytes() == before


def test_a_directory_that_is_not_there_is_named(tmp_path):
    """With what node_exporter calls it."""
    with pytest.raises(LifecycleError, match=r"collector\.textfile\.directory"):
        metrics.write(tmp_path / "gone" / "a.prom", registry_of(1))


def test_an_empty_registry_is_a_file_too(tmp_path):
    """Nothing left to tell of is news: the old series go."""
    metrics.write(tmp_path / "a.prom", CollectorRegistry())
    assert (tmp_path / "a.prom").read_text("utf-8").strip() == ""


def test_a_run_says_when_how_long_and_what_came_of_it(tmp_path):
    """Each result has its number, also 0, and each guest its longest action."""
    ends = [(Result.DONE, 2.0, False), (Result.DONE, 12.0, True), (Result.REFUSED, None, False)]
    outcomes = tuple(
        Outcome(guest=WEB, action="delete snapshot a", result=result, seconds=seconds, slow=slow)
        for result, seconds, slow in ends
    )
    metrics.write_run(tmp_path, "job", now=NOW, seconds=14.5, succeeded=False, outcomes=outcomes)
    assert samples(metrics.run_file(tmp_path, "job")) == {
        ("pve_lifecycle_last_run_timestamp_seconds", "job"): NOW.timestamp(),
        ("pve_lifecycle_last_run_duration_seconds", "job"): 14.5,
        ("pve_lifecycle_last_run_succeeded", "job"): 0.0,
        ("pve_lifecycle_last_run_actions", "done", "job"): 2.0,
        ("pve_lifecycle_last_run_actions", "job", "warnings"): 0.0,
        ("pve_lifecycle_last_run_actions", "job", "refused"): 1.0,
        ("pve_lifecycle_last_run_actions", "failed", "job"): 0.0,
        ("pve_lifecycle_last_run_actions", "job", "unknown"): 0.0,
        ("pve_lifecycle_last_run_slow_actions", "job"): 1.0,
        ("pve_lifecycle_last_run_guest_seconds", "101", "job", "web"): 12.0,
    }


def test_one_help_text_for_one_metric_in_all_files(tmp_path):
    """The exporter refuses a metric that two files describe differently."""
    for operation in ("one", "two"):
        registry = CollectorRegistry()
        metrics.add_success(registry, operation, NOW)
        metrics.write(metrics.data_file(tmp_path, operation), registry)
        metrics.write_run(tmp_path, operation, now=NOW, seconds=1, succeeded=True)
    helps: dict[str, set[str]] = {}
    for path in Path(tmp_path).glob("*.prom"):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("# HELP "):
                name, words = line.removeprefix("# HELP ").split(" ", 1)
                helps.setdefault(name, set()).add(words)
    assert "pve_lifecycle_last_success_timestamp_seconds" in helps
    assert {name: words for name, words in helps.items() if len(words) > 1} == {}
