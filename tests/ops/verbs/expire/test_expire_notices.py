"""Nobody is stopped without a notice that somebody took."""

import pytest

# Apprise looks for a module of Python's that goes with 3.13, and brings one of its own there.
APPRISE = "json://127.0.0.1:1/"  # nothing listens there
SOON, STOP = "LabGuestExpiresSoon", "LabGuestStop"


def test_people_are_told_before_the_stop(world, guest, expire, people):
    """One alert a guest, while it still runs: who, where, why, and how to have it back."""
    vm = guest(101, name="web")
    states = []
    people.when_told = lambda: states.append(vm.status)
    run = expire()
    (alert,) = people.named(STOP)
    assert (run.code, states, vm.status) == (0, ["running"], "stopped")
    assert (alert["vmid"], alert["name"], alert["node"], alert["kind"]) == ("101", "web", "pve1", "qemu")
    assert alert["summary"] == "The lab guest web (101) is being stopped: its last day was 2026-02-15"
    assert "pve-expire extend 101" in alert["description"]


def test_people_are_warned_two_days_and_one_day_ahead(world, guest, expire, people):
    """Counted to the stop; a repeated run makes no second alert, for the labels are the same."""
    guest(101, "environment-lab;expires-2026-02-16", name="web")
    guest(102, "environment-lab;expires-2026-02-17", name="db")
    guest(103, "environment-lab;expires-2026-02-18")
    guest(104, "environment-lab;expires-2026-02-16", status="stopped")
    assert expire().code == expire().code == 0
    alerts = people.named(SOON)
    assert [alert["vmid"] for alert in alerts] == ["101", "102", "101", "102"]
    assert alerts[:2] == alerts[2:]
    assert "its last day is 2026-02-16; it will be stopped tomorrow" in alerts[0]["summary"]
    assert "its last day is 2026-02-17; it will be stopped in 2 days" in alerts[1]["summary"]
    assert world.writes() == []


@pytest.mark.parametrize(
    ("times", "days"),
    [
        (("2026-02-16T00:30:00+00:00", "2026-02-16T23:30:00+00:00"), ["2026-02-16", "2026-02-17"]),
        (("2026-02-16T23:30:00+00:00", "2026-02-17T00:30:00+00:00"), ["2026-02-17", "2026-02-17"]),
    ],
)
def test_the_day_of_a_warning_is_the_zones_day(guest, expire, people, monkeypatch, times, days):
    """Two days in Auckland can be one in UTC: as one alert, the second warning would be heard by nobody."""
    monkeypatch.setenv("PVE_LIFECYCLE_TIME_ZONE", "Pacific/Auckland")
    guest(101, "environment-lab;expires-2026-02-17")
    for now in times:
        monkeypatch.setenv("LIFECYCLE_NOW", now)
        expire("--warn-days", "2,1")
    assert [alert["day"] for alert in people.named(SOON)] == days


def test_days_of_warning_can_be_chosen(guest, expire, people):
    """A week and a day, say."""
    for vmid, day in ((101, "16"), (102, "17"), (103, "22")):
        guest(vmid, f"environment-lab;expires-2026-02-{day}")
    expire("--warn-days", "7,1")
    assert [alert["vmid"] for alert in people.named(SOON)] == ["101", "103"]


def no_channel(monkeypatch, people):
    """Nobody set one up."""
    monkeypatch.delenv("PVE_LIFECYCLE_ALERTMANAGER")


def refusing(monkeypatch, people):
    """The only one answers with an error."""
    people.status = 500


def away(monkeypatch, people):
    """The only one does not answer."""
    monkeypatch.delenv("PVE_LIFECYCLE_ALERTMANAGER")
    monkeypatch.setenv("PVE_LIFECYCLE_APPRISE", APPRISE)


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        (no_channel, "No channel for notices is set up"),
        (refusing, "refused the alerts: 500"),
        (away, "apprise (json) did not accept the message"),
    ],
)
def test_without_an_accepted_notice_nobody_is_stopped(
    world, guest, expire, people, monkeypatch, channels, words
):
    """Withheld, said, exit 1, and no write; with the option it is done all the same."""
    vm = guest(101)
    channels(monkeypatch, people)
    run = expire()
    assert (run.code, run.document["withheld"], vm.status, world.writes()) == (1, 1, "running", [])
    assert run.document["outcomes"][0]["result"] == "refused"
    assert words in run.err
    lifted = expire("--stop-without-notice")
    assert (vm.status, lifted.document["stopped"]) == ("stopped", [101])
    assert lifted.code == (0 if channels is no_channel else 1)


def test_one_of_two_channels_is_enough_and_the_other_is_named(guest, expire, people, monkeypatch):
    """The guest is stopped; the exit code makes somebody look at the channel that failed."""
    vm = guest(101)
    monkeypatch.setenv("PVE_LIFECYCLE_APPRISE", APPRISE)
    run = expire()
    assert (vm.status, run.document["withheld"], run.code) == ("stopped", 0, 1)
    assert [(each["channel"], each["accepted"]) for each in run.document["notices"]] == [
        ("Alertmanager at 127.0.0.1", True),
        ("apprise (json)", False),
    ]
    assert "apprise (json) did not accept the message" in run.err


def test_a_warning_that_reaches_nobody_is_a_failure(guest, expire, people, monkeypatch):
    """Whoever would have extended it does not know."""
    guest(101, "environment-lab;expires-2026-02-16")
    no_channel(monkeypatch, people)
    run = expire()
    assert run.code == 1
    assert "1 warning(s) reached nobody" in run.err
    assert expire("--stop-without-notice").code == 0


def test_with_nothing_to_say_no_channel_is_needed(guest, expire, people, monkeypatch):
    """A quiet day is no failure."""
    guest(101, "environment-lab;expires-2026-03-16")
    no_channel(monkeypatch, people)
    assert expire().code == 0


def test_a_day_with_many_stops_fits_telegram(guest, expire, people, monkeypatch):
    """It takes 4,096 characters a message: the notice goes in several, and names every guest."""
    monkeypatch.delenv("PVE_LIFECYCLE_ALERTMANAGER")
    monkeypatch.setattr("apprise.plugins.telegram.NotifyTelegram.notify_url", f"{people.url}/bot")
    monkeypatch.setattr("apprise.plugins.telegram.NotifyTelegram.request_rate_per_sec", 0)
    monkeypatch.setenv(
        "PVE_LIFECYCLE_APPRISE", "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/-100123"
    )
    for vmid in range(101, 141):
        guest(vmid, "environment-lab;expires-2026-02-16")
    assert expire().code == 0
    assert len(people.messages) > 1
    assert all(f"g{vmid} ({vmid})" in "".join(people.messages) for vmid in range(101, 141))


def test_a_dry_run_says_that_nobody_could_be_told(guest, expire, people, monkeypatch):
    """Else it would promise a stop that the run withholds."""
    guest(101)
    assert "no channel" not in expire("--dry-run").err
    monkeypatch.delenv("PVE_LIFECYCLE_ALERTMANAGER")
    assert "warning: no channel for notices is set up" in expire("--dry-run").err
    assert "no channel" not in expire("--dry-run", "--stop-without-notice").err
    assert expire().document["complaints"] == ["No channel for notices is set up."]
