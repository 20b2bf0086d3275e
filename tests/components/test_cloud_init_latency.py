"""How long a fix can take from the mirror into a guest, computed from the timers that the guest gets."""

import re
from datetime import timedelta
from typing import NamedTuple

import pytest

from components.cloud_init import Birth, Distribution, security_files

DAY = timedelta(days=1)
ACCURACY = timedelta(minutes=1)  # systemd's AccuracySec, where none is given
STOCK_FETCH = "[Timer]\nOnCalendar=*-*-* 6,18:00\nRandomizedDelaySec=12h\nPersistent=true\n"
STOCK_INSTALL = "[Timer]\nOnCalendar=*-*-* 6:00\nRandomizedDelaySec=60m\nPersistent=true\n"


class Timer(NamedTuple):
    """Times of day, and by how much a run may be late."""

    times: tuple[timedelta, ...]
    delay: timedelta

    def runs(self):
        """The times of eight days, from the first midnight on."""
        return sorted(time + n * DAY for time in self.times for n in range(8))


def effective(*texts):
    """What systemd makes of a unit and its drop-ins: an empty OnCalendar forgets the ones before it."""
    times, delay = [], timedelta()
    for name, value in re.findall(r"^(\w+)=(.*)$", "\n".join(texts), re.MULTILINE):
        if name == "OnCalendar":
            times = [*times, *_times(value)] if value else []
        elif name == "RandomizedDelaySec":
            number, unit = re.fullmatch(r"(\d+)([hm])", value).groups()
            delay = timedelta(**{{"h": "hours", "m": "minutes"}[unit]: int(number)})
    return Timer(tuple(times), delay + ACCURACY)


def _times(calendar):
    hours, minutes = re.fullmatch(r"\*-\*-\* ([\d,]+):(\d\d)", calendar).groups()
    return [timedelta(hours=int(hour), minutes=int(minutes)) for hour in hours.split(",")]


def worst_latency(fetch, install, failed=0):
    """The longest time from a fix on the mirror to its installation, `failed` fetches in a row having failed.

    The fix comes just after a fetch that was on time; the next good fetch is late; and only an installation
    that cannot have begun before it counts. How long the work itself takes is not in it.
    """
    runs = fetch.runs()
    worst = timedelta()
    for index, missed in enumerate(runs[: len(fetch.times)]):
        fetched = runs[index + 1 + failed] + fetch.delay
        installed = next(run for run in install.runs() if run >= fetched) + install.delay
        worst = max(worst, installed - missed)
    return worst


@pytest.fixture
def timers():
    """The guest's timers for fetching and installing: the stock units with the drop-ins on top."""
    birth = Birth(
        hostname="web",
        distribution=Distribution.DEBIAN,
        environment="prod",
        user="ops",
        ssh_keys=(),
        auto_security_updates=True,
        agent_enabled=True,
        mail_to=None,
        mail_relay=None,
        time_zone="Europe/Paris",
    )
    files = {file.path.split("/")[-2]: file.content for file in security_files(birth)}
    return (
        effective(STOCK_FETCH, files["apt-daily.timer.d"]),
        effective(STOCK_INSTALL, files["apt-daily-upgrade.timer.d"]),
    )


def test_a_fix_lands_in_under_a_day_at_the_latest(timers):
    """Not on average: late runs, the worst moment, and one failed run are all counted in."""
    assert [len(timer.times) for timer in timers] == [3, 3], "the stock times are gone"
    assert worst_latency(*timers) == timedelta(hours=9, minutes=31)
    assert worst_latency(*timers, failed=1) == timedelta(hours=17, minutes=31)
    assert worst_latency(*timers, failed=1) < DAY - timedelta(hours=1), "an hour for the change of clocks"


def test_the_stock_timers_do_not_keep_that_promise():
    """The function would notice: this is what every guest would have without the drop-ins."""
    assert worst_latency(effective(STOCK_FETCH), effective(STOCK_INSTALL)) > DAY


def test_a_drop_in_that_does_not_reset_only_adds():
    """Systemd adds up OnCalendar lines; the empty one is what takes the stock times away."""
    assert len(effective(STOCK_FETCH, "OnCalendar=*-*-* 05:00\n").times) == 3
    assert len(effective(STOCK_FETCH, "OnCalendar=\nOnCalendar=*-*-* 05:00\n").times) == 1
