"""One machine of the farm: its files from outside, its life, and what OpenSSH's own client says of it."""

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.rotation import machine

PORT = 2022
SECONDS_TO_START = 20.0
REFUSED = ("Permission denied (publickey", "Too many authentication failures")  # the second: MaxAuthTries 1
SAFE = ("-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none")


@dataclass
class Host:
    """One machine. `folder` holds its /etc, /root and /home as they are; sshd comes from `root`."""

    name: str
    address: str
    folder: Path
    port: int = PORT
    root: Path = Path("/")
    process: subprocess.Popen | None = field(default=None, repr=False)

    @property
    def host_key(self):
        """As `TYPE BASE64`."""
        return " ".join((self.folder / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])

    @property
    def known_host(self):
        """The line for a known_hosts file."""
        return f"[{self.address}]:{self.port} {self.host_key}\n"

    @property
    def log(self):
        """What sshd has said."""
        return (self.folder / "log").read_text()

    def path(self, inside):
        """Where a path of the machine is seen from outside, where its absolute symlinks lead astray."""
        return self.folder / str(inside).lstrip("/")

    def key_file(self, user="root", number=""):
        """The user's authorized_keys, or with '2' authorized_keys2."""
        return self.path(f"{machine.USERS[user][1]}/.ssh/authorized_keys{number}")

    def write_keys(self, content, user="root", number=""):
        """Write the key file as its owner would, 0600."""
        file = self.key_file(user, number)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(0o600)
        uid = machine.USERS[user][0]
        os.chown(file, uid, uid)

    def configure(self, *lines):
        """Put lines before Debian's own sshd_config; the next start reads them."""
        (self.folder / "etc/ssh/sshd_config.d/20-test.conf").write_text(
            "".join(f"{line}\n" for line in lines)
        )

    def start(self):
        """Start sshd and return at once; see `wait`."""
        log = (self.folder / "log").open("wb")
        with log:
            self.process = subprocess.Popen(
                [
                    *machine.LEASHED,
                    *machine.APART,
                    "sh",
                    "-c",
                    machine.START,
                    "sh",
                    self.folder,
                    self.name,
                    self.root,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self):
        """Wait until it listens, without a connection, which sshd may hold against us."""
        deadline = time.monotonic() + SECONDS_TO_START
        while "Server listening" not in self.log:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start:\n{self.log}")
            time.sleep(0.01)

    def stop(self):
        """Switch it off, sessions and all: connections are refused."""
        if self.process:
            first = [os.pidfd_open(pid) for pid in self._processes()[:1]]
            self.process.kill()  # --kill-child takes sshd with it, and sshd the machine
            self.process.wait(timeout=SECONDS_TO_START)
            self.process = None
            for handle in first:
                select.select([handle], [], [], SECONDS_TO_START)
                os.close(handle)

    def reboot(self):
        """Switch it off and on."""
        self.stop()
        self.start()
        self.wait()

    def freeze(self):
        """Stop every process of it: connections are taken by the kernel and never answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def run(self, script, user="root", *, check=True):
        """Run a shell script in the machine, not over SSH; what it wrote comes back as text."""
        first = self._processes()[0]
        done = subprocess.run(
            ["nsenter", "-t", str(first), "-m", "-p", "-u", "--", "su", "-s", "/bin/sh", user, "-c", script],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0 or not check, f"{self.name}: {script}: {done.stdout}{done.stderr}"
        return done.stdout

    def ssh(self, key, command="true", user="root", options=SAFE):
        """Run a command by OpenSSH's own client, with this key and nothing else."""
        known = self.folder / "known_hosts"
        known.write_text(self.known_host)
        where = ("-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes", "-p", str(self.port))
        return subprocess.run(
            ["ssh", *options, *where, "-i", key, f"{user}@{self.address}", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def takes(self, key, user="root"):
        """Whether a login with only this key succeeds; anything but yes or a refused key is an error."""
        done = self.ssh(key, "echo in", user)
        if done.returncode == 0 and done.stdout == "in\n":
            return True
        refused = any(words in done.stderr for words in REFUSED)
        assert refused, f"{self.name}: {done.returncode} {done.stdout} {done.stderr}"
        return False

    def _signal(self, number):
        for pid in self._processes():
            os.kill(pid, number)

    def _processes(self):
        """Its processes, sshd first, as this machine counts them."""
        found, left = [], [self.process.pid]
        while left:
            parent = left.pop(0)
            with suppress(OSError):  # it may have ended meanwhile
                children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
                left += map(int, children)
                found += map(int, children)
        return found
