"""The same rotation by each contestant: add with the old key, log in with the new one, remove the old one."""

import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import measure, peers

FILE = ".ssh/authorized_keys"
ANSIBLE_HOST = (
    "{} ansible_host={} ansible_port={} ansible_user={} ansible_python_interpreter=/usr/bin/python3\n"
)
PARALLEL_SSH = """
import sys
from pssh.clients import ParallelSSHClient
inventory, old, new, forks, *commands = sys.argv[1:]
lines = [line.split() for line in open(inventory)]
for key, command in zip((old, new, new), commands):
    hosts, port, user = [line[1] for line in lines], int(lines[0][2]), lines[0][3]
    client = ParallelSSHClient(hosts, user=user, port=port, pkey=key, pool_size=int(forks))
    output = client.run_command(command)
    client.join(output)
    assert all(host.exit_code == 0 for host in output), [host.exception for host in output if host.exception]
"""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be rotated: an inventory of `name address port user`, the private halves of both keys."""

    folder: Path
    inventory: Path
    known_hosts: Path
    old: Path
    new: Path
    forks: int

    def line(self, key: Path) -> str:
        """The public half."""
        return key.with_name(f"{key.name}.pub").read_text("utf-8").strip()

    @property
    def commands(self) -> tuple[str, str, str]:
        """Add, look whether it works, remove: in the shell, as people write it."""
        blob = self.line(self.old).split()[1].replace("/", "\\/")
        return f"echo '{self.line(self.new)}' >>{FILE}", "true", f"sed -i '/{blob}/d' {FILE}"


def floor(task: Task) -> measure.Run:
    """Bare paramiko threads."""
    program = [sys.executable, "-m", "bench.rotation_floor"]
    return measure.run([*program, task.inventory, task.known_hosts, task.old, task.new, str(task.forks)])


def ours(task: Task) -> measure.Run:
    """This program: also a way back, a journal, a proof, and every file that sshd reads."""
    keys: measure.Words = [
        "--add-key",
        f"{task.new}.pub",
        "--remove-key",
        f"{task.old}.pub",
        "--identity",
        task.old,
    ]
    where: measure.Words = ["--hosts", task.inventory, "--known-hosts", task.known_hosts]
    home = {"XDG_STATE_HOME": str(task.folder), "HOME": str(task.folder)}  # the journal's place
    program = [sys.executable, "-m", "ops.rotate_keys", "--parallel", str(task.forks)]
    return measure.run([*program, *keys, *where], env=os.environ | home)


def parallel_ssh(task: Task) -> measure.Run:
    """libssh2; it does not look at host keys."""
    words: measure.Words = [task.inventory, task.old, task.new, str(task.forks), *task.commands]
    return measure.run([peers.directory() / "python", "-c", PARALLEL_SSH, *words])


def xargs(task: Task) -> measure.Run:
    """OpenSSH's own client, three times over the fleet."""
    options = f"-F none -o BatchMode=yes -o IdentitiesOnly=yes -o UserKnownHostsFile={task.known_hosts}"
    fleet = f"cut -d' ' -f2- {task.inventory} | xargs -P {task.forks} -L1 sh -c"
    steps = []
    for key, command in zip((task.old, task.new, task.new), task.commands, strict=True):
        ssh = f'ssh {options} -i {key} -p "$2" "$3@$1" {shlex.quote(command)}'
        steps.append(f"{fleet} {shlex.quote(ssh)} sh\n")
    return measure.run(["sh", "-ec", "".join(steps)])


def ansible(task: Task) -> measure.Run:
    """The three tasks of a playbook. The session is reset, or the ping would come in by the old key's."""
    add, remove = _edit(task.line(task.new), "present"), _edit(task.line(task.old), "absent")
    plays = [
        _play(task.old, [add, {"meta": "reset_connection"}]),
        _play(task.new, [{"ping": {}}, remove]),
    ]
    playbook = task.folder / "rotate.json"
    playbook.write_text(json.dumps(plays), "utf-8")
    inventory = task.folder / "hosts.ini"
    lines = (line.split() for line in task.inventory.read_text("utf-8").splitlines())
    inventory.write_text("".join(ANSIBLE_HOST.format(*words) for words in lines), "utf-8")
    environ = {
        "ANSIBLE_SSH_COMMON_ARGS": f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={task.known_hosts}",
        "ANSIBLE_HOME": str(task.folder / "ansible"),
        "LC_ALL": "C.UTF-8",
    }
    program = peers.directory() / "ansible-playbook"
    return measure.run([program, "-i", inventory, "-f", str(task.forks), playbook], env=os.environ | environ)


def _edit(line: str, state: str) -> dict[str, object]:
    return {"lineinfile": {"path": f"~/{FILE}", "line": line, "state": state}}


def _play(key: Path, tasks: list[dict[str, object]]) -> dict[str, object]:
    login = {"ansible_ssh_private_key_file": str(key)}
    return {"hosts": "all", "gather_facts": False, "vars": login, "tasks": tasks}


CONTESTANTS: dict[str, Callable[[Task], measure.Run]] = {
    "bare paramiko threads": floor,
    "ops.rotate_keys": ours,
    "parallel-ssh": parallel_ssh,
    "xargs -P ssh": xargs,
    "ansible-playbook": ansible,
}
