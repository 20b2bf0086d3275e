"""SSH with one named key to a host whose key is known; nothing is looked up, guessed or accepted."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import paramiko
from paramiko.config import SSH_PORT
from paramiko.ssh_exception import NoValidConnectionsError

from ops.adapters.ssh_keys import known_key
from ops.errors import AuthenticationError, HostKeyError, LifecycleError, UnreachableError

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it prints tracebacks of what is raised here anyway

CONNECT_TIMEOUT = 15.0  # seconds, each for the connection, the banner and the authentication
POLL = 0.02  # seconds
CHUNK = 65536


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whom to talk to. `host_key` is `TYPE BASE64`; without one, `known_hosts` must know the host."""

    address: str
    port: int
    username: str
    host_key: str | None = None
    known_hosts: Path | None = None

    def __str__(self) -> str:
        return f"{self.username}@{self.address} port {self.port}"

    @property
    def entry(self) -> str:
        """The host's name in a known_hosts file."""
        return self.address if self.port == SSH_PORT else f"[{self.address}]:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A command that ended: its exit status and what it wrote."""

    status: int
    stdout: str
    stderr: str


class _Refuse(paramiko.MissingHostKeyPolicy):
    """An unknown host is an error of its own, not one SSHException among others."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> NoReturn:
        del client
        raise HostKeyError(
            f"its host key is not known (it offers {key.get_name()} {key.fingerprint})",
            where=hostname,
            remedy="Compare the fingerprint on the host's own console (ssh-keygen -lf "
            "/etc/ssh/ssh_host_ed25519_key.pub), then give the key as host_key in PROXMOX_VE_SSH_NODES.",
        )


class Session:
    """An open connection; `run` as often as needed. Made by `connect`."""

    def __init__(self, client: paramiko.SSHClient, target: Target) -> None:
        self._client = client
        self.target = target

    def run(self, command: str, *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Run one command to its end or for `timeout` seconds. Any exit status is a result, not an error."""
        deadline = time.monotonic() + timeout
        where = str(self.target)
        try:
            channel = self._opened().open_session(timeout=timeout)
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

    def _opened(self) -> paramiko.Transport:
        transport = self._client.get_transport()
        if transport is None:
            raise EOFError("closed")
        return transport


@contextmanager
def connect(target: Target, key: paramiko.PKey) -> Iterator[Session]:
    """Open a session with exactly this key.

    Raises:
        UnreachableError: no connection, or it broke before the login (refused, reset, timed out, no SSH).
        HostKeyError: the host key is another than the known one, or none is known.
        AuthenticationError: the host refused the key.
    """
    client = paramiko.SSHClient()
    try:
        _open(client, target, key)
        yield Session(client, target)
    finally:
        client.close()


def _open(client: paramiko.SSHClient, target: Target, key: paramiko.PKey) -> None:
    client.set_missing_host_key_policy(_Refuse())
    if target.host_key is not None:
        host_key = known_key(target.host_key)
        client.get_host_keys().add(target.entry, host_key.get_name(), host_key)
    elif target.known_hosts is not None and target.known_hosts.is_file():
        client.load_system_host_keys(str(target.known_hosts))
    where = str(target)
    try:
        client.connect(
            target.address,
            port=target.port,
            username=target.username,
            pkey=key,
            allow_agent=False,
            look_for_keys=False,
            timeout=CONNECT_TIMEOUT,
            banner_timeout=CONNECT_TIMEOUT,
            auth_timeout=CONNECT_TIMEOUT,
        )
    except paramiko.BadHostKeyException as error:
        raise HostKeyError(
            f"its host key has changed: known is {error.expected_key.fingerprint}, "
            f"offered {error.key.fingerprint}",
            where=where,
            remedy="Reinstalled, another machine at this address, or somebody in between: find out which "
            "before you replace the known key.",
        ) from None
    except paramiko.AuthenticationException:
        raise AuthenticationError(
            f"the host refused the key {key.fingerprint} for the user {target.username}",
            where=where,
            remedy=f"Its public half belongs into ~{target.username}/.ssh/authorized_keys there.",
        ) from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise UnreachableError(
            f"no SSH connection: {_reason(error)}",
            where=where,
            remedy="Check address, port and firewall, and that sshd runs. After several failed logins sshd "
            "refuses every connection from here for a while (PerSourcePenalties).",
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, NoValidConnectionsError):
        causes = {str(cause.args[-1]) for cause in error.errors.values()}
        return ", ".join(sorted(causes)).lower()
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT:.0f} s"
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    return str(error) or "the other side closed the connection"


def _collected(channel: paramiko.Channel, deadline: float) -> Completed:
    """Read both streams side by side: either alone would block once the other's window is full."""
    out, err = bytearray(), bytearray()
    while True:
        ended = channel.exit_status_ready() and (channel.eof_received or channel.closed)
        while channel.recv_ready():
            out += channel.recv(CHUNK)
        while channel.recv_stderr_ready():
            err += channel.recv_stderr(CHUNK)
        if ended:
            break
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(POLL)
    status = channel.recv_exit_status()
    if status < 0:  # paramiko's word for a channel that closed without one
        raise EOFError("closed before the command ended")
    return Completed(status=status, stdout=out.decode(errors="replace"), stderr=err.decode(errors="replace"))
