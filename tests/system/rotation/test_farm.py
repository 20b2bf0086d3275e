"""The farm itself: machines apart from each other and from this one, and nothing left of them."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.rotation.farm import public
from tests.rotation.stand_ins import NOT_ALLOWED, black_hole, penalties

pytestmark = pytest.mark.system


def test_machines_are_apart(farm, old, new):
    """Each has its own keys, name and files, and this machine's own are not touched."""
    first, second = farm.grow(2, keys=[old])
    second.write_keys(f"{public(new)}\n")
    assert farm.who_takes(old) == {first.name}
    assert farm.who_takes(new) == {second.name}
    first.ssh(old, "hostname >/root/name; touch /etc/pve-here")
    assert first.path("/root/name").read_text() == f"{first.name}\n"
    assert not second.path("/root/name").exists()
    assert not Path("/etc/pve-here").exists()


def test_a_user_edits_and_sudo_asks_sshd(farm, old):
    """`ops` owns its file and may ask sshd, as root, which files it reads."""
    (host,) = farm.grow(1, keys=[old], user="ops")
    done = host.ssh(old, "sudo -n sshd -T -C user=ops,host=h,addr=::1 && echo >>.ssh/authorized_keys", "ops")
    assert "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2" in done.stdout
    assert host.key_file("ops").read_text() == f"{public(old)}\n\n"


def test_off_frozen_and_back(farm, old):
    """Off refuses connections, frozen takes them and says nothing, and both come back as they were."""
    (host,) = farm.grow(1, keys=[old])
    host.freeze()
    with socket.create_connection((host.address, host.port), timeout=1) as silent:
        silent.settimeout(0.3)
        with pytest.raises(TimeoutError):
            silent.recv(1)
    host.thaw()
    assert host.takes(old)
    host.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host.address, host.port), timeout=1)
    host.reboot()
    assert host.takes(old)


def test_a_black_hole_answers_nobody(farm):
    """A connection to it neither succeeds nor is refused."""
    address = farm.address()
    with black_hole(address, 2022), pytest.raises(TimeoutError):
        socket.create_connection((address, 2022), timeout=0.5)


def test_a_failed_login_shuts_the_door_for_a_while(farm, old, new):
    """Good keys are turned away too, with sshd's own words, until the penalty is over."""
    (host,) = farm.grow(1, keys=[old])
    address = farm.address()
    with penalties(host, address, seconds=1.0) as door:
        assert host.takes(old)
        assert not host.takes(new)
        with socket.create_connection((address, host.port), timeout=1) as turned_away:
            assert turned_away.recv(100) == NOT_ALLOWED
        assert door.refused == 1
        time.sleep(1.0)
        assert host.takes(old)


def test_nothing_outlives_a_killed_test(farm, tmp_path):
    """SIGKILL of the process that holds a farm ends its machines."""
    program = (
        "import sys, time, pathlib; from tests.rotation.farm import open_farm\n"
        "with open_farm(pathlib.Path(sys.argv[1])) as farm:\n"
        "    (host,) = farm.grow(1)\n"
        "    print(host.address, host.port, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "other"],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        address, port = holder.stdout.readline().split()
        socket.create_connection((address, int(port)), timeout=1).close()
        os.kill(holder.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((address, int(port))):
                return
        time.sleep(0.02)
    pytest.fail("a machine outlives the process that started it")
