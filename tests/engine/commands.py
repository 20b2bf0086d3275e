"""A project of one command, and a host that takes it: what the tests of the real engine work with."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

PROGRAM = """\
import json, pathlib, pulumi
from pulumi_command import local, remote

said = json.loads(pathlib.Path("inputs.json").read_text())
connection = remote.ConnectionArgs(**said.pop("connection")) if "connection" in said else None
match said.pop("kind"):
    case "local":
        made = local.Command("it", **said)
    case "remote":
        made = remote.Command("it", connection=connection, **said)
    case "copy":
        said["source"] = pulumi.StringAsset(said["source"])
        made = remote.CopyToRemote("it", connection=connection, **said)
for name in ("stdout", "stderr"):
    if hasattr(made, name):
        pulumi.export(name, getattr(made, name))
"""


@dataclass
class Host:
    """A host that takes any command, records it and answers with a line on each output."""

    key: asyncssh.SSHKey
    client: asyncssh.SSHKey
    port: int = 0
    ran: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    async def answer(self, process: "asyncssh.SSHServerProcess[str]") -> None:
        """Record the command with its stdin and environment; one that says 'fail' ends with 3."""
        command = process.command or ""
        self.ran.append((command, await process.stdin.read(), dict(process.env)))
        process.stdout.write(f"stdout of {command}\n")
        process.stderr.write(f"stderr of {command}\n")
        process.exit(3 if "fail" in command else 0)

    def connection(self, **other: Any) -> dict[str, Any]:
        """Give the connection that this host accepts, with its host key pinned."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "root",
            "private_key": self.client.export_private_key().decode(),
            "host_key": self.key.export_public_key().decode(),
            "dial_error_limit": 1,
            **other,
        }


@dataclass
class Project:
    """A project with a state of its own; each `up` gives the one resource other inputs."""

    directory: Path
    environment: dict[str, str]

    def pulumi(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the engine's CLI here."""
        return subprocess.run(
            ["pulumi", *words, "--non-interactive"],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def up(self, **inputs: Any) -> str:
        """Bring the resource up, and give all that was printed."""
        done = self.try_up(**inputs)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def try_up(self, **inputs: Any) -> subprocess.CompletedProcess[str]:
        """Bring the resource up, or not."""
        (self.directory / "inputs.json").write_text(json.dumps(inputs))
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", "test")

    def outputs(self) -> dict[str, str]:
        """Give the stack's outputs."""
        done = self.pulumi("stack", "output", "--json", "--stack", "test")
        return dict(json.loads(done.stdout))

    def exported(self) -> str:
        """Give the whole state as Pulumi exports it."""
        return self.pulumi("stack", "export", "--stack", "test").stdout


@contextmanager
def open_host() -> Iterator[Host]:
    """A host on loopback, on a loop and a thread of its own."""
    host = Host(asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519"))
    authorized = asyncssh.import_authorized_keys(host.client.export_public_key().decode())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host.key],
            authorized_client_keys=authorized,
            process_factory=host.answer,
            sftp_factory=True,
        )

    async def close(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    host.port = acceptor.get_port()
    yield host
    asyncio.run_coroutine_threadsafe(close(acceptor), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
