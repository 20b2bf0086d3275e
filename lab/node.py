"""A node's SSH: what the provider and a container's provisioning send is answered, and nothing is run."""

import asyncio
import datetime as dt
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import asyncssh

from . import node_words, provisioning, shell
from .fleet import Fleet
from .node_words import SHELLS, STORAGE_PATH
from .pve import LabPve
from .shell import FAILED, NOT_FOUND, Result

USER = "pulumi"
TEE = re.compile(r"(?:^|[;\s])(?:try_sudo|sudo(?: -n)?)?\s*(?:/usr/bin/)?tee (?P<path>/[\w./-]+)\s*$")
# How the program runs a script in a container, unless its day is over and it is stopped.
UNLESS_STOPPED = re.compile(
    r"if (?P<status>.+) \| grep -q stopped; then cat >/dev/null; else (?P<run>.+); fi"
)
PVE_FAILED = 255


class NodeCommand(NamedTuple):
    """A command line as the node got it, all of it: what stands here stands in a process list."""

    when: dt.datetime
    node: str
    line: str


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """A `pct exec` that reached a running container."""

    when: dt.datetime
    node: str
    vmid: int
    argv: tuple[str, ...]
    script: bytes
    status: int


@dataclass(kw_only=True)
class NodeLog:
    """What the nodes were asked, and which `pct exec` is to fail: vmid to exit code."""

    commands: list[NodeCommand] = field(default_factory=list)
    provisioned: list[Provisioned] = field(default_factory=list)
    exit_codes: dict[int, int] = field(default_factory=dict)


@dataclass(kw_only=True)
class Node:
    """One node: its SSH server writes snippets and provisions the containers that live on it."""

    name: str
    pve: LabPve
    fleet: Fleet
    log: NodeLog
    root: Path
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    address: str = ""
    port: int = 0
    listener: asyncssh.SSHAcceptor | None = None
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)

    async def listen(self, address: str, authorized: asyncssh.SSHAuthorizedKeys) -> None:
        """Take logins with the lab's node key, as the one user that there is."""
        self.listener = await asyncssh.listen(
            address,
            0,
            server_factory=lambda: NodeLogin(self, authorized),
            server_host_keys=[self.host_key],
            process_factory=self._serve,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=bytes(self.root)),
            encoding=None,
        )
        self.address, self.port = address, self.listener.get_port()

    async def close(self) -> None:
        """Stop listening and end the sessions."""
        if self.listener:
            self.listener.close()
            await self.listener.wait_closed()
        connections = tuple(self.connections)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.wait_closed() for connection in connections))

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        line = process.command or ""
        self.log.commands.append(NodeCommand(dt.datetime.now(dt.UTC), self.name, line))
        result = await self._unless_stopped(node_words.inner(line), process.stdin.read)
        process.stdout.write(result.output)
        process.stderr.write(result.error.encode())
        process.exit(result.status)

    async def _unless_stopped(self, script: str, read: Callable[[], Any]) -> Result:
        """Do nothing where the script says so of a stopped container; else run it, or what it holds."""
        choice = UNLESS_STOPPED.fullmatch(script)
        if choice is None:
            return await self._run(script, read)
        if b"stopped" not in (await self._run(choice["status"], read)).output:
            return await self._run(choice["run"], read)
        await read()
        return Result()

    async def _run(self, script: str, read: Callable[[], Any]) -> Result:
        """Answer one script of those that are known here; `read` gives standard input."""
        if probed := node_words.probe(script):
            return Result(output=f"{probed}\n".encode())
        if tee := TEE.search(script):
            return self._write(tee["path"], await read())
        try:
            words = node_words.without_sudo(shlex.split(script))
        except ValueError as error:
            return Result(error=f"bash: {error}\n", status=2)
        match words:
            case ["pct" | "/usr/sbin/pct", "exec", vmid, "--", *argv] if argv:
                return await self._provision(vmid, argv, read)
            case ["pct" | "/usr/sbin/pct", "status", vmid]:
                return self._status(vmid)
        return self._simple(script, words)

    def _simple(self, script: str, words: list[str]) -> Result:
        outputs = {
            ("hostname",): self.name,
            ("id", "-un"): USER,
            ("pvesm", "apiinfo"): "APIVER 12\nAPIAGE 3",
            ("/usr/sbin/pvesm", "apiinfo"): "APIVER 12\nAPIAGE 3",
            ("true",): "",
        }
        if tuple(words) not in outputs:
            return Result(error=f"bash: the lab's node does not know this: {script}\n", status=NOT_FOUND)
        output = outputs[tuple(words)]
        return Result(output=f"{output}\n".encode() if output else b"")

    def _write(self, path: str, content: bytes) -> Result:
        """What `tee` does, within the storage and nowhere else."""
        target = (self.root / path.lstrip("/")).resolve()
        if not target.is_relative_to((self.root / STORAGE_PATH.lstrip("/")).resolve()):
            return Result(error=f"/usr/bin/tee: {path}: Permission denied\n", status=FAILED)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return Result(output=content)

    def _container(self, vmid: str) -> Any:
        container = self.pve.ct(int(vmid)) if vmid.isdigit() else None
        return container if container and container.node == self.name else None

    def _missing(self, vmid: str) -> Result:
        return Result(
            error=f"Configuration file 'nodes/{self.name}/lxc/{vmid}.conf' does not exist\n",
            status=PVE_FAILED,
        )

    def _status(self, vmid: str) -> Result:
        container = self._container(vmid)
        return Result(output=f"status: {container.status}\n".encode()) if container else self._missing(vmid)

    async def _provision(self, vmid: str, argv: list[str], read: Callable[[], Any]) -> Result:
        """Run in a container: a script is checked for syntax and its files are written, no more."""
        container = self._container(vmid)
        if container is None:
            return self._missing(vmid)
        guest = self.fleet.guests.get(container.vmid)
        if container.status != "running" or guest is None:
            return Result(error=f"Error: container '{vmid}' not running!\n", status=PVE_FAILED)
        interpreter = argv[0].rsplit("/", 1)[-1]
        script = await read() if interpreter in SHELLS and "-c" not in argv else b""
        if script:
            result = await asyncio.to_thread(_check_syntax, interpreter, script)
            result = result if result.status else provisioning.write_files(guest.files, script)
        else:
            result = (
                shell.run(guest, "root", argv[2]) if "-c" in argv else shell.run_words(guest, "root", argv)
            )
        code = self.log.exit_codes.get(guest.vmid)
        if code is not None:
            result = Result(error=f"the lab was told that this fails with {code}\n", status=code)
        self.log.provisioned.append(
            Provisioned(
                when=dt.datetime.now(dt.UTC),
                node=self.name,
                vmid=guest.vmid,
                argv=tuple(argv),
                script=script,
                status=result.status,
            )
        )
        return result


def _check_syntax(interpreter: str, script: bytes) -> Result:
    checked = subprocess.run([interpreter, "-n"], input=script, capture_output=True, check=False)
    return Result(error=checked.stderr.decode("utf-8", "replace"), status=checked.returncode)


class NodeLogin(asyncssh.SSHServer):
    """One user, one key."""

    def __init__(self, node: Node, authorized: asyncssh.SSHAuthorizedKeys) -> None:
        self._node = node
        self._authorized = authorized
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember who is logged in."""
        self._connection = conn
        self._node.connections.add(conn)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget a session that is over."""
        if self._connection:
            self._node.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        """The key opens one account only, and it is not root's."""
        if username == USER and self._connection:
            self._connection.set_authorized_keys(self._authorized)
        return True

    def public_key_auth_supported(self) -> bool:
        """The only way in."""
        return True
