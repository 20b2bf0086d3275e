"""Whom a clean-up tells: of what it deleted, of what it will delete tomorrow, of what it could not."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.cleanup_snapshots import main

NOW = datetime(2026, 11, 23, 4, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _told(monkeypatch, listener):
    monkeypatch.setenv("LIFECYCLE_NOW", NOW.isoformat())
    monkeypatch.setenv("PVE_LIFECYCLE_ALERTMANAGER", listener.url)


@pytest.fixture
def web(world):
    """A VM with one snapshot that is due, one that will be tomorrow, and one that is young."""

    def build():
        web = world.pve.add_vm(101, "web")
        for name, days in {"old": 30, "soon": 6.5, "young": 1}.items():
            taken = int((NOW - timedelta(days=days)).timestamp())
            web.snapshots[name] = {"snaptime": taken, "description": "<b>&nothing for Telegram"}
        return web

    return world.call(build)


def alerts(listener):
    """What came, by its name."""
    return {alert["labels"]["alertname"]: alert for _, body in listener.received for alert in body}


def test_what_was_deleted_and_what_will_be_is_told(world, operate, web, listener):
    """In one call; names and dates, nothing that anybody typed."""
    assert operate(main, "--all").code == 0
    assert len(listener.received) == 1
    told = alerts(listener)
    assert set(told) == {"SnapshotsDeleted", "SnapshotsDueForDeletion"}
    assert told["SnapshotsDeleted"]["annotations"] == {
        "summary": "1 snapshot deleted by age",
        "description": "web (101): delete snapshot old: done\nThey are gone.",
    }
    soon = told["SnapshotsDueForDeletion"]
    assert "web (101): soon of 2026-11-16 16:00 UTC" in soon["annotations"]["description"]
    assert "pve-snapshot keep" in soon["annotations"]["description"]
    assert soon["labels"]["day"] == "2026-11-23"
    assert soon["endsAt"] == "2026-11-24T06:00:30+00:00"
    assert "young" not in str(told)
    assert "<b>" not in str(told)


def test_the_snapshot_that_was_announced_is_deleted_the_next_day(world, operate, web, monkeypatch, listener):
    """And its notice is another one than yesterday's."""
    operate(main, "--all")
    listener.received.clear()
    monkeypatch.setenv("LIFECYCLE_NOW", (NOW + timedelta(days=1)).isoformat())
    assert (operate(main, "--all").code, set(web.snapshots)) == (0, {"young"})
    assert alerts(listener)["SnapshotsDeleted"]["labels"]["day"] == "2026-11-24"


def test_the_day_of_a_notice_is_the_zones_day(world, operate, web, monkeypatch, listener):
    """Two runs a day apart are two alerts, also where UTC's date is the same at both."""
    monkeypatch.setenv("PVE_LIFECYCLE_TIME_ZONE", "Asia/Tokyo")
    days = []
    for hour in (4, 15):
        monkeypatch.setenv("LIFECYCLE_NOW", NOW.replace(hour=hour).isoformat())
        operate(main, "--all")
        days.append(alerts(listener)["SnapshotsDueForDeletion"]["labels"]["day"])
    assert days == ["2026-11-23", "2026-11-24"]


def test_a_ceiling_is_told_without_the_words_of_anybody(world, operate, web, listener):
    """A warning, with where to read on."""
    operate(main, "--all", "--max-deletions", "0")
    told = alerts(listener)["SnapshotCleanupIncomplete"]
    assert told["labels"]["severity"] == "warning"
    assert "web (101): delete snapshot old: refused" in told["annotations"]["description"]
    assert "pve-cleanup-snapshots" in told["annotations"]["description"]


def test_a_channel_that_fails_stops_nothing_and_is_told(world, operate, web, listener):
    """The deletion is announced by the rule itself; but nobody heard, and that is exit code 1."""
    listener.status = 500
    run = operate(main, "--all")
    assert (run.code, set(web.snapshots)) == (1, {"soon", "young"})
    assert "Alertmanager at 127.0.0.1 refused the alerts: 500" in run.out


def test_nobody_is_told_of_nothing(world, operate, listener):
    """No snapshots, no message."""
    assert operate(main, "--all").code == 0
    assert listener.received == []


def test_a_long_list_is_cut_to_what_a_message_holds(world, operate, web, listener):
    """Telegram takes 4,096 characters."""

    def build():
        for number in range(60):
            taken = int((NOW - timedelta(days=20)).timestamp())
            web.snapshots[f"a-rather-long-name-of-a-snapshot-{number}"] = {"snaptime": taken}

    world.call(build)
    assert operate(main, "--all", "--max-deletions", "100%").code == 0
    text = alerts(listener)["SnapshotsDeleted"]["annotations"]["description"]
    assert "and 41 more" in text
    assert len(text) < 4096
