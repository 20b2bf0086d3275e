"""One SSH connection, step by step: reach the server, know it, offer the keys that were named."""

import errno
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from ops.errors import AuthenticationError, DroppedError, LifecycleError, UnreachableError

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it prints tracebacks of what is raised here anyway

CONNECT_TIMEOUT = 15.0  # seconds for an answer, and again for the handshake and for the authentication
PROMPT = 1.0  # seconds after which a host that has not answered must not keep others waiting
TOO_MANY = "too many authentication failures"

Waiting = Callable[[], AbstractContextManager[object]]
Known = Callable[[paramiko.PKey], None]


class Line(socket.socket):
    """A connection that says at once what it has received.

    sshd holds its next words back until the last ones are acknowledged (Nagle), and the kernel would keep the
    acknowledgement for 40 ms: once for each login.
    """

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As a socket's; the kernel forgets the wish with what is sent, so that it is said each time."""
        words = super().recv(size, flags)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return words


class Transport(paramiko.Transport):
    """paramiko's, with two differences.

    The server's last words are kept: they tell a rejected key from a lost connection. And a second key is
    offered without asking anew for the service, which some servers take amiss.
    """

    last_words = ""

    def _parse_disconnect(self, m: paramiko.Message) -> None:
        m.get_int()
        self.last_words = m.get_text()

    def offer(self, username: str, key: paramiko.PKey) -> list[str]:
        """Offer a key; what `auth_publickey` returns and raises."""
        handler: Any = self.auth_handler
        if handler is None:
            return self.auth_publickey(username, key)
        handler.auth_event, handler.username, handler.private_key = threading.Event(), username, key
        accepted = paramiko.Message()
        accepted.add_string("ssh-userauth")
        accepted.rewind()
        handler._parse_service_accept(accepted)  # noqa: SLF001  sends the request for the key that is set
        return list(handler.wait_for_response(handler.auth_event))

    def hang_up(self) -> None:
        """Close; the socket first, so that nobody waits for the reading thread to look up."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.close()
        self.sock.close()


def reach(address: str, port: int, *, where: str, waiting: Waiting = nullcontext) -> socket.socket:
    """Connect and wait for the server's first word.

    A host that does not answer promptly is waited for inside `waiting()`, where others may go ahead.

    Raises:
        DroppedError: the connection was taken and ended.
        UnreachableError: nothing answers there.
    """
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):  # the latter for a name with an empty or too long label
        raise _unreachable("the host name cannot be resolved", where) from None
    unreachable = _unreachable("the host name has no address", where)
    for family, kind, protocol, _, place in found:
        try:
            return _reached(Line(family, kind, protocol), place, where=where, waiting=waiting)
        except DroppedError:
            raise  # it is there, and turns us away
        except UnreachableError as error:
            unreachable = error
    raise unreachable


def _reached(line: Line, place: object, *, where: str, waiting: Waiting) -> Line:
    try:
        _greeted(line, place, time.monotonic() + CONNECT_TIMEOUT, waiting)
    except TimeoutError:
        line.close()
        raise _unreachable(f"no answer within {CONNECT_TIMEOUT:.0f} s", where) from None
    except ConnectionResetError:
        line.close()
        raise _dropped("the server closed the connection before its first word", where) from None
    except OSError as error:
        line.close()
        raise _unreachable((error.strerror or str(error)).lower(), where) from None
    except BaseException:
        line.close()
        raise
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _greeted(line: socket.socket, place: object, deadline: float, waiting: Waiting) -> None:
    """Connect, and return when the server has said something."""
    line.settimeout(0)
    begun = line.connect_ex(place)  # type: ignore[arg-type]  # as getaddrinfo gave it
    if begun == errno.EINPROGRESS:
        _await(line, select.POLLOUT, deadline, waiting)
        begun = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if begun:
        raise OSError(begun, os.strerror(begun))
    _await(line, select.POLLIN, deadline, waiting)
    if not line.recv(1, socket.MSG_PEEK):
        raise ConnectionResetError


def _await(line: socket.socket, event: int, deadline: float, waiting: Waiting) -> None:
    poll = select.poll()
    poll.register(line, event)
    if poll.poll(PROMPT * 1000):
        return
    with waiting():
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise TimeoutError


def handshake(line: socket.socket, known: Known, types: tuple[str, ...], *, where: str) -> Transport:
    """Agree on keys and check the host's by `known`, which raises; `types` are those that we know of it."""
    transport = Transport(line)
    try:
        transport.banner_timeout = transport.auth_timeout = CONNECT_TIMEOUT
        options = transport.get_security_options()
        wanted = [algorithm for kind in types for algorithm in _algorithms(kind)]
        first = [algorithm for algorithm in wanted if algorithm in options.key_types]
        options.key_types = [*first, *(each for each in options.key_types if each not in first)]
        transport.start_client(timeout=CONNECT_TIMEOUT)
        known(transport.get_remote_server_key())  # an SSHException where the handshake did not end in time
    except IncompatiblePeer as error:
        transport.hang_up()
        raise LifecycleError(f"no SSH connection: {error}", where=where) from None
    except LifecycleError:
        transport.hang_up()
        raise
    except Exception as error:  # noqa: BLE001 - paramiko raises here whatever its reading thread met with
        transport.hang_up()
        raise _dropped(transport.last_words or str(error) or "the connection was closed", where) from None
    except BaseException:
        transport.hang_up()
        raise
    return transport


def _algorithms(kind: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def offer(transport: Transport, username: str, key: paramiko.PKey, *, where: str) -> bool:
    """Whether the server takes this key. Only the server's own refusal of the key is a no.

    Raises:
        AuthenticationError: it wants something else or something more than a key.
        DroppedError: the connection broke; nothing is known about the key.
    """
    try:
        more = transport.offer(username, key)
    except paramiko.BadAuthenticationType as error:
        methods = ", ".join(error.allowed_types)
        raise _other_way(f"the host takes no keys for the user {username}, but {methods}", where) from None
    except paramiko.AuthenticationException:
        if transport.is_active() or TOO_MANY in transport.last_words.lower():
            return _refused(transport, where)
        raise _dropped(transport.last_words or "the connection broke during the login", where) from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        words = transport.last_words or str(error) or "the connection broke during the login"
        raise _dropped(words, where) from None
    if more:
        methods = ", ".join(more)
        raise _other_way(f"the host takes the key and wants {methods} beside it", where)
    return True


def _refused(transport: Transport, where: str) -> bool:
    """A refusal, unless it was only paramiko's own clock that ran out."""
    handler = transport.auth_handler
    event = getattr(handler, "auth_event", None)
    if transport.is_active() and not (event and event.is_set()):
        raise _dropped("the server did not answer the login in time", where)
    return False


def _other_way(words: str, where: str) -> AuthenticationError:
    return AuthenticationError(
        words, where=where, remedy="See PubkeyAuthentication and AuthenticationMethods in its sshd_config."
    )


def _dropped(words: str, where: str) -> DroppedError:
    return DroppedError(
        f"no SSH connection: {words}",
        where=where,
        remedy="sshd refuses connections for a while after failed logins (PerSourcePenalties) and when too "
        "many come at once (MaxStartups); or something else than SSH listens there.",
    )


def _unreachable(words: str, where: str) -> UnreachableError:
    return UnreachableError(
        f"no SSH connection: {words}",
        where=where,
        remedy="Check address, port and firewall, and that sshd runs.",
    )
