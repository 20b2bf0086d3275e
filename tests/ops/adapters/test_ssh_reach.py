"""From a name to a server that speaks SSH: whatever stands there, one host is all that it concerns."""

import socket
import struct
import threading
from contextlib import suppress

import pytest

from ops.adapters import ssh_transport
from ops.adapters.ssh import Target, enter
from ops.errors import DroppedError, LifecycleError, UnreachableError
from tests.ops.adapters.key_server import make_key

KEY, LINE = make_key()
NAMES = 10  # name-lists in SSH_MSG_KEXINIT (RFC 4253, 7.1)


def _kexinit(first):
    """A first packet whose lists name `first` and nothing else."""
    lists = [first] + [b""] * (NAMES - 1)
    body = b"\x14" + bytes(16) + b"".join(struct.pack(">I", len(each)) + each for each in lists) + bytes(5)
    padding = 8 - (len(body) + 5) % 8 + 8
    return struct.pack(">IB", len(body) + 1 + padding, padding) + body + bytes(padding)


@pytest.fixture
def answering():
    """A server that says this to its first caller, and waits until he goes; gives its port."""
    threads, sockets = [], []

    def start(said):
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def serve():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(said)
                while connection.recv(4096):
                    pass

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return listener.getsockname()[1]

    yield start
    for each in sockets:
        each.close()
    for thread in threads:
        thread.join(5)


def test_every_address_of_a_name_is_tried(answering, monkeypatch):
    """A name with an IPv6 address where only IPv4 answers, as ssh connects to it."""
    port = answering(b"SSH-2.0-x\r\n")
    dead = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
    live = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [dead, live])
    with ssh_transport.reach("dual", port, where="dual") as line:
        assert line.getpeername()[0] == "127.0.0.1"


def test_where_no_address_answers_the_last_one_says_why(monkeypatch):
    """Unreachable, as a single one."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [dead, dead])
    with pytest.raises(UnreachableError, match="connection refused"):
        ssh_transport.reach("dual", port, where="dual")


@pytest.mark.parametrize("name", ["web..example.org", f"{'a' * 64}.example.org"])
def test_a_name_that_cannot_be_one_is_unreachable(name):
    """The resolver raises something else for it."""
    with pytest.raises(UnreachableError, match="cannot be resolved"):
        ssh_transport.reach(name, 22, where="web")


def test_a_server_that_speaks_nonsense_is_one_hosts_trouble(answering):
    """Bytes that are no text, where names of algorithms should be."""
    port = answering(b"SSH-2.0-x\r\n" + _kexinit(b"\xff\xfe"))
    with pytest.raises(DroppedError):
        enter(Target(address="127.0.0.1", port=port, username="ops", host_key=LINE), [KEY])


def test_a_server_with_no_algorithm_of_ours_is_not_waited_for(answering):
    """It will have none in a minute either."""
    port = answering(b"SSH-2.0-x\r\n" + _kexinit(b"none-of-ours"))
    with pytest.raises(LifecycleError) as caught:
        enter(Target(address="127.0.0.1", port=port, username="ops", host_key=LINE), [KEY])
    assert not isinstance(caught.value, UnreachableError)
