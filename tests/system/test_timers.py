"""Systemd's own reading of the timers; how long a fix takes by them is computed in tests/components."""

import re

import pytest

pytestmark = pytest.mark.system

TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")


@pytest.mark.parametrize("timer", TIMERS)
def test_the_drop_in_comes_after_the_stock_unit_and_takes_its_times_away(container, timer):
    """What counts is what stands below the empty OnCalendar."""
    text = container.run("systemd-analyze", "cat-config", f"systemd/system/{timer}")
    stock, _, ours = text.partition("/lifecycle.conf\n")
    assert re.findall(r"^OnCalendar=.+$", stock, re.MULTILINE)
    assert re.findall(r"^OnCalendar=(.*)$", ours, re.MULTILINE)[0] == ""
    for key in ("RandomizedDelaySec", "Persistent"):
        assert re.search(rf"^{key}=", ours, re.MULTILINE)


@pytest.mark.parametrize(("timer", "hours"), [(TIMERS[0], "05,13,21"), (TIMERS[1], "06,14,22")])
def test_systemd_understands_the_times(container, timer, hours):
    """The form that systemd gives back is the one that was meant."""
    drop_in = container.read(f"/etc/systemd/system/{timer}.d/lifecycle.conf")
    times = [value for value in re.findall(r"^OnCalendar=(.*)$", drop_in, re.MULTILINE) if value]
    assert len(times) == 1
    assert f"Normalized form: *-*-* {hours}:00:00" in container.run("systemd-analyze", "calendar", *times)


def test_systemd_finds_no_fault_and_would_find_one(container):
    """Unknown keys and bad values are only warnings to systemd, and the unit runs without them."""
    assert container.run("systemd-analyze", "verify", *TIMERS) == ""
    path = "/etc/systemd/system/apt-daily.timer.d/zz-wrong.conf"
    container.write(path, "[Timer]\nOnCalendar=sometimes\n")
    try:
        assert "sometimes" in container.run("systemd-analyze", "verify", *TIMERS, check=False)
    finally:
        container.run("rm", path)
