"""Key rotation on lab guests: the answers are the scripts' own, and an edit counts at the next login."""

import asyncio
import contextlib
import io
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import paramiko
import pytest

from lab import key_scripts, shell
from lab.cloud_init import GuestFile
from lab.guest import Disk, Guest
from ops.adapters import guest_commands
from ops.adapters.guest_commands import LOOK, REPLACE
from ops.adapters.guest_ssh import Door
from ops.adapters.ssh import Target
from ops.adapters.ssh_keys import private_key
from ops.core.key_files import Edit

HOME = "/home/ada"
NAME = ".ssh/authorized_keys"
BEFORE = b"# kept\r\nssh-ed25519 AAAA first"
AFTER = b"\xff another one\ntouch .ssh/left over\n$(touch .ssh/left)\nlook own t1\nwithout a line end" * 9
TAG = "t1"


def _digest(content):
    return sha256(content).hexdigest()


WORD = "c0ffee"


def _replace(file, before, after, *, sent=None):
    """A request to replace the file; `before` is None where it does not matter what stands there."""
    digest = "-" if before is None else _digest(before)
    return REPLACE, (file, digest, _digest(after), str(len(after)), TAG), after if sent is None else sent


LOOKED = (LOOK, (TAG,), b"")
STEPS = {
    "look": [LOOKED],
    "replace": [_replace("{file}", BEFORE, AFTER), LOOKED],
    "replace whatever stands there": [_replace("{file}", None, AFTER)],
    "changed meanwhile": [_replace("{file}", AFTER, AFTER), LOOKED],
    "not what was meant": [_replace("{file}", BEFORE, AFTER, sent=AFTER[::-1]), LOOKED],
    "no file": [_replace("{file}2", None, AFTER), LOOKED],
    "there and back": [_replace("{file}", BEFORE, AFTER), _replace("{file}", AFTER, BEFORE), LOOKED],
    "not for this shell": [("rm", ("{file}",), b""), LOOKED],
}


def _input(steps, file):
    return b"".join(
        guest_commands.request(WORD, script, *(word.replace("{file}", file) for word in words), stdin=stdin)
        for script, words, stdin in steps
    )


def _in_a_shell(home: Path, steps) -> tuple[bytes, dict[str, tuple[int, bytes]]]:
    """What the scripts write when a shell runs them, and the files that they leave."""
    file = home / NAME
    file.parent.mkdir()
    file.write_bytes(BEFORE)
    file.chmod(0o600)
    said = subprocess.run(
        ["/bin/sh", "-c", guest_commands.room(WORD)],
        input=_input(steps, str(file)),
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    ).stdout.replace(str(home).encode(), HOME.encode())
    left = {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in file.parent.iterdir()}
    return said, left


class Typed:
    """A session's input, as asyncssh gives it."""

    def __init__(self, content: bytes):
        self.text = io.StringIO(content.decode("utf-8", "surrogateescape"), newline="\n")

    async def __aiter__(self):
        while line := self.text.readline():
            yield line

    async def read(self, count):
        """So many characters, or what there is."""
        return self.text.read(count)


def _in_the_lab(steps) -> tuple[bytes, dict[str, tuple[int, bytes]]]:
    disk = Disk(users={"ada": HOME}, files={f"{HOME}/{NAME}": GuestFile(0o600, "ada:ada", BEFORE)})
    guest = Guest(vmid=101, kind="qemu", resource=None, address="", disk=disk)
    said: list[bytes] = []
    word = key_scripts.word_of(guest_commands.room(WORD))
    typed = Typed(_input(steps, f"{HOME}/{NAME}"))
    asyncio.run(key_scripts.converse(guest, "ada", word, typed, said.append))
    left = {path.rsplit("/", 1)[1]: (file.mode, file.content) for path, file in guest.files.items()}
    return b"".join(said), left


@contextlib.contextmanager
def _room(world, name, user):
    """A session of the product's own on a guest."""
    guest = world.guest(name)
    host_key = guest.disk.host_key.export_public_key().decode().strip()
    target = Target(address=guest.address, port=world.guest_port, username=user, host_key=host_key)
    room, _ = Door(target=target).enter([private_key(world.identity.path.read_text())])
    with contextlib.closing(room):
        yield room


def _told(said: bytes) -> list[str]:
    """The lines that do not depend on the machine: who one is and how sshd is set up do."""
    depends = ("pve-keys: user", "pve-keys: set", "pve-keys: node")
    return [line for line in said.decode().splitlines() if not line.startswith(depends)]


@pytest.mark.parametrize("name", STEPS)
def test_the_answers_are_those_of_the_scripts(tmp_path, name):
    """A shell that runs the scripts and the lab that answers them say the same and leave the same files."""
    home = tmp_path / "home"
    home.mkdir()
    by_shell, by_lab = _in_a_shell(home, STEPS[name]), _in_the_lab(STEPS[name])
    assert _told(by_lab[0]) == _told(by_shell[0])
    assert by_lab[1] == by_shell[1]
    assert _told(by_lab[0]), "nothing was said: nothing was compared"


PLAIN = {
    "alive": guest_commands.alive("f00d"),
    "cleaned": guest_commands.discard([f"{HOME}/{NAME}", f"{HOME}/x y"], TAG),
}


@pytest.mark.parametrize("line", PLAIN.values(), ids=PLAIN)
def test_a_plain_command_is_answered_as_by_a_shell(tmp_path, line):
    """And not by those who only repeat what they are asked."""
    (tmp_path / f".{Path(NAME).name}.bak-{TAG}").touch()
    here = line.replace(f"{HOME}/.ssh", str(tmp_path))
    said = subprocess.run(["/bin/sh", "-c", here], capture_output=True, check=True).stdout
    disk = Disk(
        users={"ada": HOME},
        files={f"{HOME}/.ssh/.{Path(NAME).name}.bak-{TAG}": GuestFile(0o600, "ada:ada", b"")},
    )
    guest = Guest(vmid=101, kind="qemu", resource=None, address="", disk=disk)
    assert shell.run(guest, "ada", line).output == said
    assert said.startswith(b"pve-keys: ")
    assert said.split()[-1] not in line.encode()
    assert bool(guest.files) == bool(list(tmp_path.iterdir())) == ("rm" not in line)


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
    edit = Edit(path=f"{HOME}/{NAME}", before=before, after=after, access="own")
    with _room(world, "web", "ada") as room:
        room.replace(edit, TAG)
        room.discard(room.look(TAG).there, TAG)
        room.answers()
    assert log_in("web", "ada", "whoami", stranger) == "ada\n"
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada")
    assert api.task("POST", "/nodes/pve1/qemu/101/snapshot/old/rollback", start=1) == "OK"
    world.reconcile()
    assert log_in("web", "ada", "whoami") == "ada\n"
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada", identity=stranger)
