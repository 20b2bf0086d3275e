"""The script that provisions a container, run by a real shell in a real Debian."""

import os
import re
import subprocess
import time
from base64 import b64decode
from dataclasses import replace

import pytest

from components.cloud_init import container_script, security_files

pytestmark = pytest.mark.system

KEYS = "/home/ops/.ssh/authorized_keys"
HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/systemctl.log
[ "$1" != show ] || echo "NeedDaemonReload=$(cat /need)"
"""


def test_the_files_have_the_bytes_that_were_rendered(container, birth):
    """Content, mode and owner: those that a VM gets from cloud-init."""
    for file in security_files(birth):
        assert container.read(file.path) == file.content
        state = container.run("stat", "-c", "0%a %U:%G", file.path).strip()
        assert state == f"{file.mode} {file.owner}"


def test_the_user_can_log_in_and_become_root(container, birth):
    """With the keys of its birth, which only it can read."""
    assert container.read(KEYS) == birth.ssh_keys[0] + "\n"
    state = container.run("stat", "-c", "%a %U:%G", KEYS, "/home/ops/.ssh").split()
    assert state == ["600", "ops:ops", "700", "ops:ops"]
    assert container.run("su", "ops", "-c", "sudo -n id -u").split()[-1] == "0"
    assert container.run("visudo", "--check").count("parsed OK") >= 2


def test_the_packages_are_those_that_were_named(container):
    """No second mail program, and no agent, which is for VMs."""
    installed = set(container.run("dpkg-query", "-W", "-f", "${Package}\n").split())
    assert {"unattended-upgrades", "needrestart", "prometheus-node-exporter-collectors", "sudo"} <= installed
    assert not {"qemu-guest-agent", "exim4-base", "postfix"} & installed


def test_a_second_run_changes_nothing(container, birth):
    """It says so itself, and no file of the machine is newer."""
    container.run("touch", "/stamp")
    time.sleep(0.1)
    output = container.run("sh", "-s", stdin=container_script(birth))
    assert output.splitlines()[-1] == "done: 0 changed"
    assert container.run("find", "/", "-xdev", "-cnewer", "/stamp", "-not", "-path", "/stamp").split() == []


def test_a_file_that_was_changed_is_put_right_and_the_others_are_left(container, birth):
    """Bytes, mode and owner each count."""
    ours = "/etc/apt/apt.conf.d/21auto-upgrades-local"
    for damage in (("sh", "-c", f"echo >>{ours}"), ("chmod", "600", ours), ("chown", "daemon", ours)):
        container.run(*damage)
        output = container.run("sh", "-s", stdin=container_script(birth))
        assert re.findall(r"^changed: (.*)$", output, re.MULTILINE) == [ours]


def test_keys_that_were_rotated_stay(container, birth):
    """The key of the birth may be one that was withdrawn since."""
    container.write(KEYS, "ssh-ed25519 AAAA new\n", "0600")
    try:
        script = container_script(birth)
        assert container.run("sh", "-s", stdin=script).splitlines()[-1] == "done: 0 changed"
        assert container.read(KEYS) == "ssh-ed25519 AAAA new\n"
    finally:
        container.write(KEYS, birth.ssh_keys[0] + "\n", "0600")


@pytest.mark.parametrize("lock", ["/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock"])
def test_a_lock_that_is_held_is_waited_for(container, birth, lock):
    """At first boot apt's own jobs run at the same time; the script says what it waits for, and goes on."""
    container.run("dpkg", "--purge", "bsd-mailx")
    holder = container.command("python3", "-c", HOLD, lock)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(holder, **pipes) as holding:
        assert holding.stdout.readline() == b"held\n"
        with subprocess.Popen(container.command("sh", "-s"), **pipes) as script:
            script.stdin.write(container_script(birth).encode())
            script.stdin.close()
            said = b""
            while lock.encode() not in said:
                more = os.read(script.stdout.fileno(), 65536)
                assert more, said
                said += more
            holding.stdin.close()
            said += script.stdout.read()
    assert script.returncode == 0, said
    assert b"changed: packages: bsd-mailx" in said


def test_a_script_that_was_cut_off_does_nothing(guest, birth):
    """A connection that breaks leaves a whole container or an untouched one."""
    script = container_script(birth)
    guest.run("sh", "-s", stdin=script[: script.rindex("main </dev/null")])
    guest.run("sh", "-s", stdin=script[: len(script) // 2], check=False)
    assert "21auto-upgrades-local" not in guest.run("ls", "/etc/apt/apt.conf.d")


def test_timers_are_reloaded_when_systemd_says_so_and_only_then(container, birth):
    """Systemd does not run in a root; a stand-in answers in its place and keeps what was asked of it."""
    container.write("/usr/local/sbin/systemctl", SYSTEMCTL, "0755")
    container.run("mkdir", "-p", "/run/systemd/system")
    try:
        asked = {}
        for need in ("yes", "no"):
            container.write("/need", need)
            container.write("/systemctl.log", "")
            container.run("sh", "-s", stdin=container_script(birth))
            asked[need] = container.read("/systemctl.log").splitlines()
    finally:
        container.run("rm", "-r", "/usr/local/sbin/systemctl", "/run/systemd/system")
    reload = ["daemon-reload", "restart apt-daily.timer apt-daily-upgrade.timer"]
    assert [line for line in asked["yes"] if line not in asked["no"]] == reload
    assert "enable --now apt-daily.timer apt-daily-upgrade.timer" in asked["no"]


def test_an_image_with_updates_on_is_switched_off(container, birth):
    """Where updates are not wanted, the word of the image does not count."""
    off = next(iter(security_files(replace(birth, auto_security_updates=False))))
    on = container.read(off.path)
    assert 'Unattended-Upgrade "1"' in container.read("/etc/apt/apt.conf.d/20auto-upgrades")
    try:
        container.write(off.path, off.content)
        assert 'APT::Periodic::Unattended-Upgrade "0";' in container.run("apt-config", "dump")
    finally:
        container.write(off.path, on)


def test_the_words_of_the_script_carry_the_files_themselves(birth):
    """What the lab's node reads from the script is what the shell writes."""
    calls = [line.split() for line in container_script(birth).splitlines() if line.startswith("write_file ")]
    carried = {path: b64decode(text).decode() for _, path, _, _, text in calls}
    assert {file.path: file.content for file in security_files(birth)}.items() <= carried.items()
