"""Key rotation on lab guests: the answers are the scripts' own, and an edit counts at the next login."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import paramiko
import pytest

from lab import shell
from lab.cloud_init import GuestFile
from lab.guest import Disk, Guest
from ops.adapters.guest_commands import ALIVE, DISCARD, LOOK, REPLACE, command

HOME = "/home/ada"
NAME = ".ssh/authorized_keys"
BEFORE = b"# kept\r\nssh-ed25519 AAAA first"
AFTER = b"\xff another one, without a line end" * 9
TAG = "t1"


def _digest(content):
    return sha256(content).hexdigest()


STEPS = {
    "alive": [(ALIVE, ("word",), b"")],
    "look": [(LOOK, (TAG,), b"")],
    "replace": [(REPLACE, ("{file}", _digest(BEFORE), _digest(AFTER), TAG), AFTER), (LOOK, (TAG,), b"")],
    "replace whatever stands there": [(REPLACE, ("{file}", "-", _digest(AFTER), TAG), AFTER)],
    "changed meanwhile": [(REPLACE, ("{file}", _digest(AFTER), _digest(AFTER), TAG), AFTER)],
    "cut short": [(REPLACE, ("{file}", _digest(BEFORE), _digest(AFTER), TAG), AFTER[:9])],
    "no file": [(REPLACE, ("{file}2", "-", _digest(AFTER), TAG), AFTER)],
    "there and back": [
        (REPLACE, ("{file}", _digest(BEFORE), _digest(AFTER), TAG), AFTER),
        (REPLACE, ("{file}", _digest(AFTER), _digest(BEFORE), TAG), BEFORE),
        (LOOK, (TAG,), b""),
    ],
    "cleaned": [
        (REPLACE, ("{file}", _digest(BEFORE), _digest(AFTER), TAG), AFTER),
        (DISCARD, (TAG, "{file}", "{file}2"), b""),
        (LOOK, (TAG,), b""),
    ],
}


def _in_a_shell(home: Path, steps) -> tuple[list[bytes], dict[str, tuple[int, bytes]]]:
    """What the scripts write when a shell runs them, and the files that they leave."""
    file = home / NAME
    file.parent.mkdir()
    file.write_bytes(BEFORE)
    file.chmod(0o600)
    environ = {"HOME": str(home), "PATH": os.environ["PATH"]}
    said = [
        subprocess.run(
            ["/bin/sh", "-c", command(name, *(word.replace("{file}", str(file)) for word in words))],
            input=stdin,
            env=environ,
            capture_output=True,
            check=False,
        ).stdout.replace(str(home).encode(), HOME.encode())
        for name, words, stdin in steps
    ]
    left = {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in file.parent.iterdir()}
    return said, left


def _in_the_lab(steps) -> tuple[list[bytes], dict[str, tuple[int, bytes]]]:
    disk = Disk(users={"ada": HOME}, files={f"{HOME}/{NAME}": GuestFile(0o600, "ada:ada", BEFORE)})
    guest = Guest(vmid=101, kind="qemu", resource=None, address="", disk=disk)
    said = [
        shell.run(
            guest,
            "ada",
            command(name, *(word.replace("{file}", f"{HOME}/{NAME}") for word in words)),
            stdin,
        ).output
        for name, words, stdin in steps
    ]
    left = {path.rsplit("/", 1)[1]: (file.mode, file.content) for path, file in guest.files.items()}
    return said, left


def _told(said: list[bytes]) -> list[str]:
    """The lines that do not depend on the machine: who one is and how sshd is set up do."""
    depends = ("pve-keys: user", "pve-keys: set", "pve-keys: node")
    return [line for line in b"".join(said).decode().splitlines() if not line.startswith(depends)]


@pytest.mark.parametrize("name", STEPS)
def test_the_answers_are_those_of_the_scripts(tmp_path, name):
    """A shell that runs the scripts and the lab that answers them say the same and leave the same files."""
    home = tmp_path / "home"
    home.mkdir()
    by_shell, by_lab = _in_a_shell(home, STEPS[name]), _in_the_lab(STEPS[name])
    assert _told(by_lab[0]) == _told(by_shell[0])
    assert by_lab[1] == by_shell[1]
    assert _told(by_lab[0]), "nothing was said: nothing was compared"


def test_no_other_script_is_run():
    """A lab guest touches no file of the machine that the lab runs on."""
    guest = Guest(vmid=101, kind="qemu", resource=None, address="")
    assert shell.run(guest, "root", "sh -c 'echo in >/tmp/lab' pve-keys-alive").status == shell.NOT_FOUND


def test_an_edit_counts_at_the_next_login_and_a_rollback_undoes_it(world, api, make_vm, log_in, stranger):
    """The file is read at each login; what a snapshot brings back opens the door again."""
    make_vm()
    assert api.task("POST", "/nodes/pve1/qemu/101/status/start") == "OK"
    before = world.guest("web").files[f"{HOME}/{NAME}"].content
    after = f"ssh-ed25519 {paramiko.Ed25519Key.from_private_key_file(str(stranger)).get_base64()}\n".encode()
    assert api.task("POST", "/nodes/pve1/qemu/101/snapshot", snapname="old") == "OK"
    line = command(REPLACE, f"{HOME}/{NAME}", _digest(before), _digest(after), TAG)
    said = shell.run(world.guest("web"), "ada", line, after)
    assert said.output == b"pve-keys: done\n"
    assert log_in("web", "ada", "whoami", stranger) == "ada\n"
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada")
    assert api.task("POST", "/nodes/pve1/qemu/101/snapshot/old/rollback", start=1) == "OK"
    world.reconcile()
    assert log_in("web", "ada", "whoami") == "ada\n"
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada", identity=stranger)
