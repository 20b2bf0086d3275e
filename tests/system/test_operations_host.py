"""The operations host's script, run as root in a Debian root: what is there afterwards."""

import pytest

from components.models import OperationsHost
from components.operations_host import OperationsHostArgs, script

pytestmark = pytest.mark.system

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
COMMANDS = ("pve-cleanup-snapshots", "pve-expire")
METRICS = "/var/lib/prometheus/node-exporter"


def _script(name="timers"):
    return script(
        OperationsHostArgs(
            access=OperationsHost(address="ops.example.org", host_key=HOST_KEY),
            private_key="none",
            environment={"PROXMOX_VE_API_TOKEN": f"ops@pve!{name}=canary"},
            certificate="-----BEGIN CERTIFICATE-----\n",
        )
    )


@pytest.fixture
def host(guest):
    """A machine on which a person has installed the program."""
    for command in COMMANDS:
        guest.write(f"/opt/pve-lifecycle/.venv/bin/{command}", "#!/bin/sh\n", "0755")
    return guest


def test_what_is_there_afterwards(host):
    """Units that systemd takes, timers for the next boot, settings for root, metrics for the account."""
    host.run("sh", "-s", stdin=_script())
    modes = host.run("stat", "-c", "%a %U %n", "/etc/pve-lifecycle/environment", "/etc/pve-lifecycle/ca.pem")
    assert modes.splitlines() == [
        "600 root /etc/pve-lifecycle/environment",
        "644 root /etc/pve-lifecycle/ca.pem",
    ]
    wanted = "/etc/systemd/system/timers.target.wants"
    assert {"pve-cleanup-snapshots.timer", "pve-expire-lab.timer"} <= set(host.run("ls", wanted).split())
    units = host.run("sh", "-c", "ls /etc/systemd/system/pve-*").split()
    host.run("systemd-analyze", "verify", "--man=no", *units)
    host.run(
        "setpriv",
        "--reuid=pve-lifecycle",
        "--regid=pve-lifecycle",
        "--init-groups",
        "--",
        "touch",
        f"{METRICS}/pve.prom",
    )
    assert "Permission denied" in host.run(
        "setpriv",
        "--reuid=pve-lifecycle",
        "--regid=pve-lifecycle",
        "--init-groups",
        "--",
        "cat",
        "/etc/pve-lifecycle/environment",
        check=False,
    )


def test_a_second_run_changes_nothing_and_an_edit_one_file(host):
    """It says what it changed."""
    host.run("sh", "-s", stdin=_script())
    assert "done: 0 changed" in host.run("sh", "-s", stdin=_script())
    said = host.run("sh", "-s", stdin=_script(name="another"))
    assert "changed: /etc/pve-lifecycle/environment\n" in said
    assert "done: 1 changed" in said
    assert "another" not in said


def test_without_the_program_nothing_is_done(guest):
    """A timer without its command would only fail every morning."""
    said = guest.run("sh", "-s", stdin=_script(), check=False)
    assert "there is no /opt/pve-lifecycle/.venv/bin/pve-cleanup-snapshots: install the program" in said
    assert guest.run("sh", "-c", "ls /etc/pve-lifecycle /etc/systemd/system/pve-* 2>/dev/null || :") == ""
