"""A guest that an up made is reached with the configured keys, and with no other."""

import subprocess
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two key pairs, made by OpenSSH: one configured, one not."""
    directory = tmp_path_factory.mktemp("keys")
    for name in ("mine", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
    return directory


@pytest.fixture(scope="module")
def project(make_project, keys, world):
    """A VM and two containers, each with the key; one container with an account of its own."""
    made = make_project(
        virtual_machines=[{"name": "door", "vm_id": 161, "distribution": "debian", "user": "alice"}],
        containers=[
            {"name": "gate", "vm_id": 261, "distribution": "debian"},
            {"name": "hatch", "vm_id": 262, "distribution": "debian", "user": "bob"},
        ],
    )
    made.write(ssh_keys=[(keys / "mine.pub").read_text().strip()])
    made.up(now=NOW)
    return made


def _login(world, name, user, key, command="hostname"):
    world.wait_for_guest(name)
    done = subprocess.run(
        [
            "ssh",
            "-F",
            "none",
            "-p",
            str(world.guest_port),
            "-i",
            key,
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "IdentityAgent=none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
            f"{user}@{world.guest_address(name)}",
            command,
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout.split(), done.stderr


@pytest.mark.parametrize(("name", "user"), [("door", "alice"), ("gate", "root"), ("hatch", "bob")])
@pytest.mark.usefixtures("project")
def test_only_the_configured_key_opens(world, keys, name, user):
    """The account that the inventory names, with the key, and a refusal without it."""
    assert _login(world, name, user, keys / "mine")[:2] == (0, [name])
    assert _login(world, name, user, keys / "mine", "id -un")[:2] == (0, [user])
    status, _, said = _login(world, name, user, keys / "stranger")
    assert status == 255
    assert "Permission denied" in said


def test_the_files_are_the_same_in_vm_and_container(project, world):
    """What keeps a guest secure reaches both, byte for byte."""
    vm, ct = (world.wait_for_guest(name).files for name in ("door", "gate"))
    assert {guest["user"] for guest in project.outputs()["guests"]} == {"alice", "root", "bob"}
    shared = [path for path in ct if path.startswith(("/etc/apt", "/etc/systemd", "/etc/needrestart"))]
    assert len(shared) >= 5
    for path in shared:
        assert vm[path] == ct[path], path


def test_a_changed_script_runs_again_in_place(project, world):
    """One update of the command, none of the container."""
    runs = len(world.provisioned)
    project.write(
        mail_to="ops@example.org", mail_relay={"host": "mail.example.org", "sender": "lab@example.org"}
    )
    steps = [step for step in project.preview(now=NOW) if "Command" in step["urn"]]
    assert {step["op"] for step in steps} == {"update"}
    project.up(now=NOW)
    assert {run.vmid for run in world.provisioned[runs:]} == {261, 262}
    project.up("--expect-no-changes", now=NOW)
