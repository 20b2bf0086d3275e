"""The real engine: its plugins are there, and the command provider does what the program relies on."""

import json
from pathlib import Path

import asyncssh
import pytest

from tests.engine.commands import Host, Project

pytestmark = pytest.mark.lab


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


def test_a_failed_command_fails_the_update_with_its_output(project: Project, host: Host) -> None:
    """As with the published provider the whole command is in the error: secrets belong on stdin."""
    done = project.try_up(kind="remote", create="fail", logging="none", connection=host.connection())
    assert done.returncode != 0
    assert "exited with status 3" in done.stdout + done.stderr
    assert "stderr of fail" in done.stdout + done.stderr


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
