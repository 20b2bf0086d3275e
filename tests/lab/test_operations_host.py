"""The operations host on the real engine: set up once, again after an edit, and no secret anywhere."""

import asyncio
import threading
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field

import asyncssh
import pytest

pytestmark = pytest.mark.lab

TOKEN = "ops@pve!timers=canary-operations-7d1e"


@dataclass
class Host:
    """An SSH server that takes a script and runs none of it."""

    key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    runs: list[tuple[str, str]] = field(default_factory=list)
    status: int = 0
    port: int = 0

    async def serve(self, process):
        """Note the command line and its input."""
        self.runs.append((process.command, await process.stdin.read()))
        process.stdout.write("canary-said-by-the-host\n")
        process.exit(self.status)


@contextmanager
def _listening(host, authorized):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start():
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host.key],
            authorized_client_keys=asyncssh.import_authorized_keys(authorized),
            process_factory=host.serve,
        )

    async def stop():
        listener.close()
        await listener.wait_closed()

    listener = asyncio.run_coroutine_threadsafe(start(), loop).result(timeout=10)
    host.port = listener.get_port()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def host(world):
    """The host, as long as the test goes."""
    made = Host()
    with _listening(made, world.identity.public):
        yield made


@pytest.fixture
def project(make_project, world, host):
    """A stack with a host and no guests."""
    made = make_project(
        operations_host={
            "address": "127.0.0.1",
            "port": host.port,
            "host_key": host.key.export_public_key().decode().strip(),
        }
    )
    made.environ |= {
        "PVE_LIFECYCLE_API_TOKEN": TOKEN,
        "PVE_LIFECYCLE_HOST_PRIVATE_KEY": world.identity.path.read_text("utf-8"),
    }
    return made


def test_it_is_set_up_once_and_again_in_place(project, host):
    """A second `up` does not log in; an edit runs the script again, as an update; a destroy runs nothing."""
    project.up()
    ((command, script),) = host.runs
    assert command == "/bin/sh -s"
    assert "write_file /etc/pve-lifecycle/environment 0600 root:root" in script
    project.up("--expect-no-changes")
    assert len(host.runs) == 1
    project.write(time_zone="Europe/Paris")
    steps = [(step["op"], step["urn"].rsplit("::", 1)[1]) for step in project.preview()]
    assert steps == [("update", "operations-setup")]
    project.up()
    assert len(host.runs) == 2
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", project.stack)
    assert len(host.runs) == 2


def test_the_token_is_nowhere_in_clear(project, host):
    """Neither in the state nor in what is said of a success or of a failure, as text or as base64."""
    project.up("--diff")
    host.status = 1
    project.write(time_zone="Europe/Paris")
    failed = project.up(check=False)
    assert failed.status != 0
    files = [path for path in project.directory.joinpath("state").rglob("*") if path.is_file()]
    places = [path.read_text(errors="replace") for path in files] + project.transcripts
    line = f'PROXMOX_VE_API_TOKEN="{TOKEN}"\n'
    secrets = [TOKEN.partition("=")[2], *(b64encode(line[cut:].encode()).decode()[:40] for cut in range(3))]
    assert not [secret for secret in secrets for text in places if secret in text]
    assert any(b64encode(line.encode()).decode()[:40] in script for _, script in host.runs)


def test_another_host_key_is_refused(project, host):
    """Somebody else at that address gets no token."""
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    project.write(operations_host=project.config["operations_host"] | {"host_key": other})
    assert project.up(check=False).status != 0
    assert host.runs == []
