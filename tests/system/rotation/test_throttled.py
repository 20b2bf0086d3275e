"""An sshd that turns connections away: slower, never a wrong verdict."""

import contextlib
import socket
import threading
import time

import pytest

from tests.rotation import machine
from tests.rotation.stand_ins import penalties

pytestmark = pytest.mark.system


@pytest.fixture
def strict(farm, old):
    """A host that refuses everybody for four seconds after a failed login; and how often it did."""
    settings = ["MaxAuthTries 1"]
    if machine.punishes():
        (host,) = farm.grow(1, keys=[old], settings=[*settings, "PerSourcePenalties authfail:4s min:1s"])
        yield host, lambda: host.log.count("penalty: failed authentication")
        return
    (host,) = farm.grow(1, keys=[old], settings=settings)
    with penalties(host, farm.address(), seconds=4.0) as door:
        yield host, lambda: door.refused


def test_penalties_make_it_slower_and_nothing_else(farm, strict, rotate, old, new):
    """With MaxAuthTries 1 the proof that the old key is refused is a failed login: twice is well."""
    host, turned_away = strict
    assert rotate()[0] == 0
    code, said = rotate(add=old, remove=new)
    assert code == 0, said
    assert turned_away() > 0, "the test tests nothing"
    time.sleep(12.0)  # penalties add up
    assert farm.who_takes(old) == {host.name}
    assert farm.who_takes(new) == set()


def test_a_door_that_shuts_behind_us_leaves_the_old_key(farm, rotate, old, new):
    """The new key is written and cannot be tried: the host is pending, and the old key opens it."""
    (host,) = farm.grow(1, keys=[old])
    with penalties(host, farm.address(), seconds=4.0) as door:
        door.admits = 1
        code, said = rotate()
        assert door.refused > 1, "it was not tried again"
    assert code == 1, said
    assert "pending" in said
    assert host.takes(old)
    assert rotate()[0] == 0
    assert not host.takes(old)
    assert host.takes(new)


def test_a_full_waiting_room_is_no_rejected_key(farm, rotate, old, new):
    """MaxStartups 1: while strangers sit in the one seat, sshd drops us; the rotation waits and ends well."""
    (host,) = farm.grow(1, keys=[old], settings=["MaxStartups 1:100:1"])
    done = threading.Event()

    def sit():
        while not done.is_set():
            with contextlib.suppress(OSError), socket.create_connection((host.address, host.port)) as seat:
                seat.settimeout(1.0)
                seat.recv(100)
                done.wait(1.1)
            done.wait(0.7)  # another beat than the rotation's, whose waits are whole seconds

    stranger = threading.Thread(target=sit)
    stranger.start()
    try:
        code, said = rotate()
    finally:
        done.set()
        stranger.join()
    assert code == 0, said
    assert farm.who_takes(new) == {host.name}
    assert farm.who_takes(old) == set()
