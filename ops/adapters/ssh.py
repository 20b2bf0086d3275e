"""SSH with one named key to a host whose key is known; nothing is looked up, guessed or accepted."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import paramiko

from ops.adapters.known_hosts import KnownHosts, host_name
from ops.adapters.ssh_channel import Completed, Conversation, completed, told
from ops.adapters.ssh_keys import known_key
from ops.adapters.ssh_transport import Transport, Waiting, handshake, offer, reach
from ops.errors import AuthenticationError, LifecycleError


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


class Session:
    """An open connection; `run` as often as needed. Made by `connect`."""

    def __init__(self, transport: Transport, target: Target) -> None:
        self._transport = transport
        self.target = target

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Run one command to its end or for `timeout` seconds. Any exit status is a result, not an error."""
        deadline = time.monotonic() + timeout
        with told(str(self.target), timeout), self._started(command, timeout) as channel:
            channel.sendall(stdin)
            channel.shutdown_write()
            return completed(channel, deadline)

    def converse(self, command: str, *, timeout: float = 60.0) -> Conversation:
        """Start a command that answers requests."""
        with told(str(self.target), timeout):
            return Conversation(self._started(command, timeout), str(self.target))

    def _started(self, command: str, timeout: float) -> paramiko.Channel:
        channel = None
        try:
            channel = self._transport.open_session(timeout=timeout)
            channel.settimeout(timeout)
            channel.exec_command(command)
        except paramiko.SSHException as error:
            # Its own no, to the channel or within it; one that says nothing may be frozen, and is away.
            refused = channel is not None or isinstance(error, paramiko.ChannelException)
            if not (refused and self._transport.is_active()):
                raise
            words = "the login succeeds, and the server runs no command"
            raise LifecycleError(words, where=str(self.target)) from None
        return channel

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
