"""The units by systemd's own tools: no fault found, the times as planned, hardly anything left to attack."""

import configparser
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
TIMERS = sorted(path.name for path in UNITS.glob("*.timer"))
INSTALLED = "/etc/systemd/system"
EXPOSURE = 20  # in tenths: 2.0 of 10


def settings(name):
    """A unit's sections; of a key that stands several times the last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNITS / name)
    return parser


@pytest.fixture(scope="module")
def host(new_guest):
    """A Debian host with the units and the programs that they start."""
    with new_guest() as opened:
        for name in (*SERVICES, *TIMERS):
            opened.write(f"{INSTALLED}/{name}", (UNITS / name).read_text())
        for name in SERVICES:
            program = settings(name)["Service"]["ExecStart"].split()[0]
            opened.write(program, "#!/bin/sh\n", mode="0755")
        yield opened


def test_the_units_are_there():
    """A glob that finds nothing would pass all tests below."""
    assert "pve-cleanup-snapshots.service" in SERVICES
    assert [name.removesuffix(".timer") for name in TIMERS] == [
        name.removesuffix(".service") for name in SERVICES
    ]


@pytest.mark.parametrize("unit", [*SERVICES, *TIMERS])
def test_systemd_finds_no_fault(host, unit):
    """Unknown keys and bad values are only warnings to systemd, and the unit runs without them."""
    assert host.run("systemd-analyze", "verify", f"{INSTALLED}/{unit}") == ""


def test_systemd_would_find_a_fault(host):
    """A key that is spelt wrongly, and a program that is not there."""
    wrong = (UNITS / SERVICES[0]).read_text().replace("ProtectHome=", "ProtectHomes=")
    host.write(f"{INSTALLED}/wrong.service", wrong.replace("/opt/pve-lifecycle/", "/opt/nowhere/"))
    said = host.run("systemd-analyze", "verify", f"{INSTALLED}/wrong.service", check=False)
    assert "'ProtectHomes' in section [Service]" in said
    assert "is not executable" in said


@pytest.mark.parametrize("service", SERVICES)
def test_hardly_anything_is_left_to_attack(host, service):
    """Systemd's own score is 2.0 or better; without the settings it is near 10."""
    said = host.run(
        *("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE}"),
        f"{INSTALLED}/{service}",
    )
    score = re.search(r"exposure level for \S+: (\d+\.\d+)", said)
    assert score
    assert float(score[1]) <= EXPOSURE / 10


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_once_and_as_nobody_in_particular(service):
    """Oneshot, not root, with its secrets in a file, its lock in a directory of its own."""
    unit = settings(service)
    section = unit["Service"]
    assert section["Type"] == "oneshot"
    assert section["User"] == "pve-lifecycle"
    assert section["EnvironmentFile"] == "/etc/pve-lifecycle/environment"
    assert section["RuntimeDirectory"] == service.removesuffix(".service")
    assert "Install" not in unit  # only the timer is enabled
    assert not re.search(r"TOKEN|SECRET|PASSWORD", (UNITS / service).read_text())


@pytest.mark.parametrize("timer", TIMERS)
def test_a_timer_catches_up_and_is_enabled_with_the_timers(host, timer):
    """A host that was off at five runs it at its next boot; systemd reads the time as it is written."""
    unit = settings(timer)
    assert unit["Timer"]["Persistent"] == "true"
    assert unit["Install"]["WantedBy"] == "timers.target"
    when = unit["Timer"]["OnCalendar"]
    assert f"Normalized form: {when}\n" in host.run("systemd-analyze", "calendar", when)


def test_the_clean_up_begins_between_five_and_six(host):
    """By systemd's own reading of the time and of the longest delay."""
    section = settings("pve-cleanup-snapshots.timer")["Timer"]
    assert section["OnCalendar"] == "*-*-* 05:00:00"
    assert "Next elapse" in host.run("systemd-analyze", "calendar", section["OnCalendar"])
    microseconds = [
        int(re.search(r"μs: (\d+)", host.run("systemd-analyze", "timespan", section[key]))[1])
        for key in ("RandomizedDelaySec", "AccuracySec")
    ]
    assert sum(microseconds) < 3600 * 1_000_000


def test_the_clean_up_is_for_all_guests():
    """Said explicitly; and the metrics go where Debian's node_exporter reads."""
    section = settings("pve-cleanup-snapshots.service")["Service"]
    assert section["ExecStart"] == "/opt/pve-lifecycle/.venv/bin/pve-cleanup-snapshots --all"
    assert "PVE_LIFECYCLE_METRICS=/var/lib/prometheus/node-exporter" in section["Environment"].split()
