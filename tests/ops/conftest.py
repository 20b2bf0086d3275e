"""A cluster to ask and a node to log in to, for the tests of what the operations share."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import asyncssh
import pytest
from fakepve import FakePve
from fakepve.certs import make_cert

from ops import preflight
from ops.core.privileges import DEPLOYMENT

TOKEN_SECRET = "canary-of-the-token-5e0c"
TOKEN_ID = "pulumi@pve!test"
TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"


@dataclass(kw_only=True)
class FakeNode:
    """A node's SSH server: one user, one key, and the answers that a test gives it."""

    host_key: asyncssh.SSHKey
    authorized: str
    username: str = "pulumi"
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    port: int = 0
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    @property
    def public_host_key(self) -> str:
        """`TYPE BASE64`."""
        return self.host_key.export_public_key().decode().strip()

    async def serve(self, process: asyncssh.SSHServerProcess) -> None:
        """Answer one command; `echo` gives standard input back, on both streams."""
        command = process.command or ""
        self.commands.append(command)
        if command == "echo":
            given = await process.stdin.read()
            process.stdout.write(given)
            process.stderr.write(given)
            process.exit(0)
        elif command == "hang":
            await asyncio.sleep(60)
        elif command == "break":
            process.channel.get_connection().abort()
        else:
            status, text = self.answers.get(command, (127, "unknown command"))
            process.stdout.write(text if status == 0 else "")
            process.stderr.write("" if status == 0 else text)
            process.exit(status)

    def begin_auth(self, connection: asyncssh.SSHServerConnection, username: str) -> None:
        """Give the one user its key, and everybody else none."""
        keys = self.authorized if username == self.username else ""
        connection.set_authorized_keys(asyncssh.import_authorized_keys(keys))


def _login(node: FakeNode) -> asyncssh.SSHServer:
    class Login(asyncssh.SSHServer):
        def connection_made(self, conn):
            self.connection = conn
            node.connections.append(conn)

        def begin_auth(self, username):
            node.begin_auth(self.connection, username)
            return True

    return Login()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own, for servers."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever, daemon=True)
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()


@pytest.fixture(scope="session")
def key_pair() -> SimpleNamespace:
    """An Ed25519 pair: `private` and `public` as text, and a `canary` out of the private half."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    private = key.export_private_key().decode()
    return SimpleNamespace(
        private=private, public=key.export_public_key().decode(), canary=private.splitlines()[3][:30]
    )


@pytest.fixture
def node(loop, key_pair) -> Iterator[FakeNode]:
    """A node that answers the preflight as a healthy one does."""
    directory = "/var/lib/vz/snippets"
    fake = FakeNode(
        host_key=asyncssh.generate_private_key("ssh-ed25519"),
        authorized=key_pair.public,
        answers={
            "sudo -n /usr/sbin/pvesm apiinfo": (0, "APIVER 13\nAPIAGE 4\n"),
            f"sudo -n -l /usr/bin/tee {directory}/pve-preflight.yaml": (0, "/usr/bin/tee"),
            "/usr/sbin/pvesm apiinfo": (0, "APIVER 13\nAPIAGE 4\n"),
            f"test -w {directory}": (0, ""),
        },
    )

    async def listen():
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _login(fake),
            server_host_keys=[fake.host_key],
            process_factory=fake.serve,
        )

    async def close(listener):
        listener.close()
        await listener.wait_closed()
        for connection in fake.connections:
            connection.abort()
            await connection.wait_closed()

    listener = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    fake.port = listener.get_port()
    yield fake
    asyncio.run_coroutine_threadsafe(close(listener), loop).result()


@pytest.fixture
def fakepve(fakepve) -> Iterator[FakePve]:
    """The plugin's fake; at its end no connection stays open.

    After a refused POST aiohttp does not see that the client has gone.
    """
    yield fakepve
    server = fakepve.runner.server
    for handler in tuple(server.connections):
        if handler.transport:
            server._loop.call_soon_threadsafe(handler.transport.abort)
    deadline = time.monotonic() + 5
    while server.connections and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.fixture
def cluster(fakepve) -> FakePve:
    """A cluster in which the token holds the deployment role, and whose storages are set up."""
    fakepve.apitokens[TOKEN_ID] = TOKEN_SECRET
    fakepve.grant(TOKEN_ID, "/", *DEPLOYMENT.privileges(9))
    fakepve.storages["local"]["content"] = "iso,vztmpl,backup,snippets,import"
    fakepve.store_file("local", TEMPLATE.rpartition("/")[2], 1000, "vztmpl")
    return fakepve


@pytest.fixture
def environment(cluster, fakepve_cafile, node, key_pair, tmp_path, monkeypatch) -> dict[str, str]:
    """The environment that reaches cluster and node; a test changes it before it runs something."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    place = {"address": "127.0.0.1", "port": node.port, "host_key": node.public_host_key}
    settings = {
        "PROXMOX_VE_ENDPOINT": f"{cluster.url}/",
        "PROXMOX_VE_API_TOKEN": f"{TOKEN_ID}={TOKEN_SECRET}",
        "PROXMOX_VE_CA_FILE": fakepve_cafile,
        "SSL_CERT_FILE": fakepve_cafile,  # the provider's
        "PROXMOX_VE_SSH_USERNAME": "pulumi",
        "PROXMOX_VE_SSH_PRIVATE_KEY": key_pair.private,
        "PROXMOX_VE_SSH_NODES": json.dumps({"pve1": place}),
        "HOME": str(tmp_path),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch) -> None:
    """Reads are repeated at once."""
    monkeypatch.setattr("ops.adapters.api.READ_DELAYS", (0.0, 0.0))


@pytest.fixture
def run_preflight(environment, key_pair, capsys, caplog):
    """Run the preflight with `--json`; every run also proves that no secret comes out anywhere."""
    caplog.set_level("DEBUG")
    assert environment

    def run(*arguments: str) -> SimpleNamespace:
        code = preflight.main([*arguments, "--json"])
        captured = capsys.readouterr()
        for canary in (TOKEN_SECRET, key_pair.canary, "BEGIN OPENSSH"):
            assert canary not in captured.out + captured.err + caplog.text
        checks = json.loads(captured.out)["checks"] if captured.out else []
        return SimpleNamespace(code=code, checks={check["name"]: check for check in checks}, err=captured.err)

    return run


@pytest.fixture
def other_certificate(tmp_path) -> Path:
    """A certificate that has signed nothing here."""
    return Path(make_cert(str(tmp_path), name="other")[0])
