"""SSH with one named key to a host whose key is known; nothing is looked up, guessed or accepted."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import paramiko

from ops.adapters.known_hosts import KnownHosts, host_name
from ops.adapters.ssh_keys import known_key
from ops.adapters.ssh_transport import Transport, Waiting, handshake, offer, reach
from ops.errors import AuthenticationError, LifecycleError, UnreachableError

LOOK_AGAIN = 0.1  # seconds: two streams share an event, and reading one may clear the other's
CHUNK = 65536


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whom to talk to. `host_key` is `TYPE BASE64`; without one `known_hosts` decides, a file or one read."""

    address: str
    port: int
    username: str
    host_key: str | None = None
    known_hosts: Path | KnownHosts | None = None

    def __str__(self) -> str:
        return f"{self.username}@{self.address} port {self.port}"

    @property
    def entry(self) -> str:
        """The host's name in a known_hosts file."""
        return host_name(self.address, self.port)


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A command that ended: its exit status and what it wrote."""

    status: int
    stdout: str
    stderr: str


class Session:
    """An open connection; `run` as often as needed. Made by `connect`."""

    def __init__(self, transport: Transport, target: Target) -> None:
        self._transport = transport
        self.target = target

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Run one command to its end or for `timeout` seconds. Any exit status is a result, not an error."""
        deadline = time.monotonic() + timeout
        where = str(self.target)
        try:
            channel = self._transport.open_session(timeout=timeout)
            with channel:
                channel.settimeout(timeout)
                channel.exec_command(command)
                channel.sendall(stdin)
                channel.shutdown_write()
                return _collected(channel, deadline)
        except TimeoutError:
            words = f"the command did not end within {timeout:.0f} s; it may go on there"
            raise LifecycleError(words, where=where) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnreachableError(
                f"the connection broke while a command ran: {error}", where=where
            ) from None

    def close(self) -> None:
        """End the connection; a session may be closed more than once."""
        self._transport.hang_up()


@contextmanager
def connect(target: Target, key: paramiko.PKey) -> Iterator[Session]:
    """Open a session with exactly this key.

    Raises:
        UnreachableError: no connection, or it broke before the login (refused, reset, timed out, no SSH).
        HostKeyError: the host key is another than the known one, or none is known.
        AuthenticationError: the host refused the key.
    """
    session, _ = enter(target, [key])
    try:
        yield session
    finally:
        session.close()


def enter(
    target: Target, keys: Sequence[paramiko.PKey], *, waiting: Waiting = nullcontext
) -> tuple[Session, paramiko.PKey]:
    """Open a new connection and offer the keys, one after the other; return who got in, and the key that did.

    Raises what `connect` raises. The server counts each key that it refuses; offer few.
    """
    transport = arrive(target, waiting=waiting)
    try:
        for key in keys:
            if not transport.is_active():  # it hung up after the refusal: MaxAuthTries
                transport.hang_up()
                transport = arrive(target, waiting=waiting)
            if offer(transport, target.username, key, where=str(target)):
                return Session(transport, target), key
    except BaseException:
        transport.hang_up()
        raise
    transport.hang_up()
    raise refused(target, keys)


def arrive(target: Target, *, waiting: Waiting = nullcontext) -> Transport:
    """A connection to the host that was meant, before any login."""
    book = _book(target)
    where = str(target)
    line = reach(target.address, target.port, where=where, waiting=waiting)
    return handshake(
        line,
        lambda key: book.check(target.address, target.port, key),
        book.types(target.address, target.port),
        where=where,
    )


def _book(target: Target) -> KnownHosts:
    if target.host_key is not None:
        host_key = known_key(target.host_key)
        return KnownHosts.of(f"{target.entry} {host_key.get_name()} {host_key.get_base64()}")
    if isinstance(target.known_hosts, KnownHosts):
        return target.known_hosts
    return KnownHosts.read(target.known_hosts)


def refused(target: Target, keys: Sequence[paramiko.PKey]) -> AuthenticationError:
    """The server said no to every one of the keys."""
    marks = " and ".join(key.fingerprint for key in keys)
    return AuthenticationError(
        f"the host refused the key {marks} for the user {target.username}",
        where=str(target),
        remedy=f"Its public half belongs into ~{target.username}/.ssh/authorized_keys there.",
    )


def _collected(channel: paramiko.Channel, deadline: float) -> Completed:
    """Read both streams side by side: either alone would block once the other's window is full."""
    out, err = bytearray(), bytearray()
    news = threading.Event()
    for buffer in (channel.in_buffer, channel.in_stderr_buffer):
        buffer.set_event(news)
    ended = False
    while not ended:
        ended = bool(channel.eof_received or channel.closed)
        while channel.recv_ready():
            out += channel.recv(CHUNK)
        while channel.recv_stderr_ready():
            err += channel.recv_stderr(CHUNK)
        if not ended:
            _wait(news, deadline)
    _wait(channel.status_event, deadline, at_most=None)
    status = channel.recv_exit_status()
    if status < 0:  # paramiko's word for a channel that closed without one
        raise EOFError("closed before the command ended")
    return Completed(status=status, stdout=out.decode(errors="replace"), stderr=err.decode(errors="replace"))


def _wait(event: threading.Event, deadline: float, at_most: float | None = LOOK_AGAIN) -> None:
    """Wait for the event; its absence is an error only at the deadline, for reading one stream clears it."""
    left = deadline - time.monotonic()
    if left <= 0 or (not event.wait(min(left, at_most or left)) and at_most is None):
        raise TimeoutError
