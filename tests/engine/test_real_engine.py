"""The real engine: its plugins are there, and the command provider does what the program relies on."""

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lab.engine import Engine

pytestmark = pytest.mark.lab

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


@pytest.fixture
def project(engine: Engine, tmp_path: Path) -> Project:
    """A new project and stack, with the state in a file."""
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: commands\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    base = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase for a test",
    }
    new = Project(tmp_path, engine.environment(base))
    made = new.pulumi("stack", "init", "test")
    assert made.returncode == 0, made.stderr
    return new


@pytest.fixture(scope="module")
def server() -> Iterator[Host]:
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


@pytest.fixture
def host(server: Host) -> Host:
    """The host, with nothing run yet."""
    server.ran.clear()
    return server


def test_both_plugins_have_the_versions_that_the_sdks_ask_for(project: Project) -> None:
    """A plugin of another version is not found, and the CLI would want to download one."""
    listed = json.loads(project.pulumi("plugin", "ls", "--json").stdout)
    assert {(each["name"], each["version"]) for each in listed} >= {
        ("proxmoxve", "8.3.0"),
        ("command", "1.2.1"),
    }


def test_the_proxmox_plugin_has_the_resources_of_the_components(project: Project) -> None:
    """The tokens are made by a rule here; these are the ones that the components declare."""
    schema = json.loads(project.pulumi("package", "get-schema", "proxmoxve").stdout)
    legacy = {f"proxmoxve:index/{kind}Legacy:{kind.title()}Legacy" for kind in ("vm", "container", "file")}
    assert {*legacy, "proxmoxve:download/file:File"} <= schema["resources"].keys()
    assert schema["version"] == "8.3.0"


def test_a_remote_command_gets_its_stdin_and_gives_its_outputs(project: Project, host: Host) -> None:
    """Secrets travel on stdin; the outputs lose only the newline at their end."""
    project.up(kind="remote", create="install", stdin="a secret\n", connection=host.connection())
    assert host.ran == [("install", "a secret\n", {})]
    assert project.outputs() == {"stdout": "stdout of install", "stderr": "stderr of install"}


def test_another_host_key_is_refused_before_anything_runs(project: Project, host: Host) -> None:
    """Who pins a key must not talk to another host, and not log in there."""
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    done = project.try_up(kind="remote", create="install", connection=host.connection(host_key=other))
    assert done.returncode != 0
    assert "host key mismatch" in done.stdout + done.stderr
    assert host.ran == []


def test_a_dead_host_is_tried_as_often_as_asked_and_then_named(project: Project) -> None:
    """The error says where it went and how often."""
    connection = {"host": "127.0.0.1", "port": 1, "password": "x", "dial_error_limit": 2}
    done = project.try_up(kind="remote", create="install", connection=connection)
    assert done.returncode != 0
    assert "no SSH to 127.0.0.1:1 as root after 3 attempts" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("logging", "seen"),
    [
        ("none", set()),
        ("stdout", {"stdout"}),
        ("stderr", {"stderr"}),
        ("stdoutAndStderr", {"stdout", "stderr"}),
    ],
)
def test_logging_shows_what_it_names_and_nothing_else(
    project: Project, host: Host, logging: str, seen: set[str]
) -> None:
    """Looked at is what an update prints before the stack's outputs: those are the program's own doing."""
    connection = host.connection()
    project.up(kind="remote", create="install", logging=logging, connection=connection)
    printed = project.up(kind="remote", create="other", logging=logging, connection=connection)
    logs = printed.split("Outputs:")[0]
    assert {name for name in ("stdout", "stderr") if f"{name} of other" in logs} == seen


def test_a_changed_trigger_replaces_and_create_comes_before_delete(project: Project, host: Host) -> None:
    """A delete command would undo what the new one just did (TRAPS H5): the order is Pulumi's."""
    same = {"kind": "remote", "create": "make", "delete": "undo", "connection": host.connection()}
    project.up(**same, triggers=["one"])
    project.up(**same, triggers=["one"])
    assert [command for command, _, _ in host.ran] == ["make"]
    project.up(**same, triggers=["two"])
    assert [command for command, _, _ in host.ran] == ["make", "make", "undo"]


def test_a_changed_input_updates_with_update_else_with_create(project: Project, host: Host) -> None:
    """Without triggers any other input runs the command again, in place."""
    connection = host.connection()
    project.up(kind="remote", create="make", stdin="1", connection=connection)
    project.up(kind="remote", create="make", stdin="2", connection=connection)
    project.up(kind="remote", create="make", update="renew", stdin="2", connection=connection)
    assert [command for command, _, _ in host.ran] == ["make", "make", "renew"]


def test_the_run_before_is_in_the_environment_unless_refused(project: Project, host: Host) -> None:
    """What the last command wrote is offered to the next one, on request of the default."""
    connection = host.connection()
    project.up(kind="remote", create="first", connection=connection)
    project.up(kind="remote", create="second", connection=connection)
    quiet = {"add_previous_output_in_env": False, "environment": {"LANG": "C"}}
    project.up(kind="remote", create="third", connection=connection, **quiet)
    assert [environment for _, _, environment in host.ran] == [
        {},
        {"PULUMI_COMMAND_STDOUT": "stdout of first", "PULUMI_COMMAND_STDERR": "stderr of first"},
        {"LANG": "C"},
    ]


def test_a_failed_command_fails_the_update_with_its_output(project: Project, host: Host) -> None:
    """As with the published provider the whole command is in the error: secrets belong on stdin."""
    done = project.try_up(kind="remote", create="fail", logging="none", connection=host.connection())
    assert done.returncode != 0
    assert "exited with status 3" in done.stdout + done.stderr
    assert "stderr of fail" in done.stdout + done.stderr


def test_destroy_runs_the_delete_command(project: Project, host: Host) -> None:
    """And only that one."""
    project.up(kind="remote", create="make", delete="undo", connection=host.connection())
    assert project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "test").returncode == 0
    assert [command for command, _, _ in host.ran] == ["make", "undo"]


def test_the_private_key_is_nowhere_readable_in_the_state(project: Project, host: Host) -> None:
    """The connection is a secret as a whole, in the exported state as in what is printed."""
    printed = project.up(kind="remote", create="install", connection=host.connection())
    secret = host.client.export_private_key().decode().splitlines()[2]
    assert secret not in project.exported()
    assert secret not in printed
    assert '"create": "install"' in project.exported()


def test_a_proxy_is_refused_in_words(project: Project, host: Host) -> None:
    """What the stand-in cannot do must not look like a network that is down."""
    connection = host.connection(proxy={"host": "bastion"})
    done = project.try_up(kind="remote", create="install", connection=connection)
    assert "connection.proxy is not in the lab's stand-in" in done.stdout + done.stderr


def test_a_text_is_copied_to_a_host(project: Project, host: Host, tmp_path: Path) -> None:
    """Over SFTP, and again where the text changes."""
    target = tmp_path / "copied"
    for text in ("one\n", "two\n"):
        project.up(kind="copy", source=text, remote_path=str(target), connection=host.connection())
        assert target.read_text() == text


def test_a_local_command_has_stdin_environment_and_directory(project: Project, tmp_path: Path) -> None:
    """It runs where Pulumi runs, in a shell."""
    project.up(
        kind="local",
        create='cat; printf "$WORD "; pwd',
        stdin="in ",
        environment={"WORD": "w"},
        dir=str(tmp_path),
    )
    assert project.outputs()["stdout"] == f"in w {tmp_path}"
