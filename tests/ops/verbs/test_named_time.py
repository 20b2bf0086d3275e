"""LIFECYCLE_NOW is for previews: what it names is acted on only where that harms nobody."""

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ops import cleanup_snapshots, expire
from ops.core.now import is_for_trials

TODAY = datetime(2026, 2, 16, 6, tzinfo=UTC)
WORDS = {
    "expire": (expire, "--stop-without-notice"),
    "clean up": (cleanup_snapshots, "--all"),
    "extend": (expire, "extend", "web", "--days", "7", "--reason", "x"),
}
verbs = pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)


@pytest.fixture
def cluster(world, monkeypatch):
    """One lab guest with a snapshot, both a day old, at a cluster that is another machine's."""

    def add():
        taken = int((TODAY - timedelta(days=8)).timestamp())
        tags = "environment-lab;expires-2026-02-15"
        made = world.pve.add_vm(100, "web", status="running", config={"tags": tags})
        made.snapshots["old"] = {"snaptime": taken}

    world.call(add)
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1" if host == "pve1" else host, *rest, **more),
    )
    monkeypatch.setattr(
        "aiohttp.web_response.rfc822_formatted_time", lambda: format_datetime(TODAY, usegmt=True)
    )
    return world


@pytest.fixture
def run_there(cluster, operate, monkeypatch):
    """Run a verb with the time that is said, at the other machine's cluster unless its host is said."""

    def run(words, *more, now, host="pve1"):
        port = cluster.endpoint.rpartition(":")[2]
        monkeypatch.setenv("PROXMOX_VE_ENDPOINT", f"https://{host}:{port}/")
        monkeypatch.setenv("LIFECYCLE_NOW", now.isoformat())
        verb, *rest = words
        return operate(verb.main, *rest, *more, "--json")

    return run


@verbs
@pytest.mark.parametrize("days", [-400, 2, 365])
def test_another_day_is_not_acted_on(cluster, run_there, words, days):
    """Left in a timer's environment it would stop and delete the wrong ones; the words say what to do."""
    run = run_there(words, now=TODAY + timedelta(days=days))
    assert (run.code, cluster.writes()) == (1, [])
    assert "LIFECYCLE_NOW says" in run.document["error"]["what"]
    assert "add --dry-run to see that day" in run.document["error"]["remedy"]


@verbs
def test_another_day_is_shown(cluster, run_there, words):
    """A dry run is what it is for."""
    run = run_there(words, "--dry-run", now=TODAY + timedelta(days=2))
    assert (run.code, bool(run.document["plan"]), cluster.writes()) == (0, True, [])


@verbs
@pytest.mark.parametrize(("host", "days"), [("pve1", 0.9), ("localhost", 2)])
def test_the_same_day_and_a_cluster_of_one_s_own_are_acted_on(cluster, run_there, words, host, days):
    """The lab answers at this machine's own address."""
    run = run_there(words, now=TODAY + timedelta(days=days), host=host)
    assert (run.code, bool(cluster.writes())) == (0, True)


@pytest.mark.parametrize(
    ("endpoint", "ours"),
    [
        ("https://127.65.3.1:8006", True),
        ("https://[::1]:8006", True),
        ("https://localhost:443", True),
        ("https://pve1.example.org:8006", False),
        ("https://192.0.2.7:8006", False),
        ("https://127.0.0.1.example.org:8006", False),
    ],
)
def test_a_cluster_to_try_things_on_answers_at_a_loopback_address(endpoint, ours):
    """By its address, and not by anything that it says of itself."""
    assert is_for_trials(endpoint) == ours
