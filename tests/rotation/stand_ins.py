"""What Debian's sshd on loopback cannot be: a host that nothing reaches, and one that punishes failures."""

import contextlib
import math
import re
import socket
import socketserver
import threading
import time
from contextlib import contextmanager

NOT_ALLOWED = b"Not allowed at this time\r\n"  # sshd's own words (9.8 and later), instead of its version
FAILED_LOGIN = re.compile(
    r"(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) authenticating user"
)
LOGGED = 0.2  # seconds until sshd has logged a failure that its client knows of already
CHUNK = 65536


@contextmanager
def black_hole(address, port):
    """An address where a connection is never answered: the queue of who waits there is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex((address, port))
        time.sleep(0.05)
        yield


class Penalties(socketserver.ThreadingTCPServer):
    """A door before a host that does what PerSourcePenalties does, for an sshd that lacks it.

    After each failed login it refuses all new connections for `seconds`; who is in stays in. Penalties add
    up, as sshd's do. `refused` counts the connections that were turned away; after `admits` more, all are.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host, address, seconds):
        """Open the door at `address`, on the host's own port."""
        self.host, self.inside, self.seconds = host, (host.address, host.port), seconds
        self.refused, self.admits = 0, math.inf
        self._seen, self._until = self._failures(host), 0.0
        super().__init__((address, host.port), _Door)

    @property
    def is_shut(self):
        """Whether a connection is refused now."""
        fresh = self._failures(self.host)
        if fresh > self._seen:
            self._until = max(self._until, time.monotonic()) + (fresh - self._seen) * self.seconds
            self._seen = fresh
        return time.monotonic() < self._until

    @staticmethod
    def _failures(host):
        return len(FAILED_LOGIN.findall(host.log))


class _Door(socketserver.BaseRequestHandler):
    def handle(self):
        server = self.server
        time.sleep(LOGGED)
        if server.is_shut or not server.admits:
            server.refused += 1
            self.request.sendall(NOT_ALLOWED)
            return
        server.admits -= 1
        with socket.create_connection(server.inside) as inner:
            back = threading.Thread(target=_pump, args=(inner, self.request), daemon=True)
            back.start()
            _pump(self.request, inner)
            back.join()


def _pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def penalties(host, address, seconds):
    """The door, open for the time of the `with`; the host is reached at `address`, as its fields then say."""
    with Penalties(host, address, seconds) as door:
        threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        inside, host.address = host.address, address
        try:
            yield door
        finally:
            host.address = inside
            door.shutdown()
