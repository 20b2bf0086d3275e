"""A Debian root to break: made once by debootstrap, and for each test a copy in memory that leaves nothing.

A copy is an overlay in name spaces of its own. Its first process reads from a pipe; when the test is over,
or is killed, the pipe closes, and the kernel ends every process and every mount with it.
Only debootstrap is installed on the machine; cloud-init, apt's tools, promtool and amtool are in the root.
"""

import hashlib
import os
import platform
import shutil
import socketserver
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from components.cloud_init import Birth, Distribution, MailRelay, container_script
from tests.rotation import machine

INSTALLED = ("ca-certificates", "cloud-init", "sudo", "systemd-sysv")
DOWNLOADED = (
    *("unattended-upgrades", "needrestart"),
    *("prometheus-node-exporter", "prometheus-node-exporter-collectors"),
    *("msmtp-mta", "bsd-mailx", "openssh-server", "tzdata", "qemu-guest-agent"),
)
RECIPE = r"""
set -eu
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
echo 'APT::Install-Recommends "false";' >/etc/apt/apt.conf.d/00test
apt-get -q update
apt-get -q -y install INSTALLED
apt-get -q -y install --download-only DOWNLOADED
cd /tmp
apt-get -q download prometheus prometheus-alertmanager
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xC / ./usr/bin/promtool
dpkg-deb --fsys-tarfile prometheus-alertmanager_*.deb | tar -xC / ./usr
rm prometheus*.deb
cloud='network: {config: disabled}\nlocale: C.UTF-8\ndatasource_list: [NoCloud]\n'
printf "$cloud" >/etc/cloud/cloud.cfg.d/99-test.cfg
""".replace("INSTALLED", " ".join(INSTALLED)).replace("DOWNLOADED", " ".join(DOWNLOADED))
MOUNTS = r"""
set -eu
root=$1 lower=$2
if [ -n "$lower" ]; then
  mount -t tmpfs scratch "$root"
  mkdir "$root/up" "$root/work" "$root/root"
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$root/up,workdir=$root/work" "$root/root"
  root=$root/root
fi
read -r pid rest </proc/self/stat
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 devices "$root/dev"
for device in null zero full random urandom; do
  : >"$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"; ln -s pts/ptmx "$root/dev/ptmx"; ln -s /proc/self/fd "$root/dev/fd"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
hostname guest
echo "$pid $root"
exec cat
"""
SETTINGS = (
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "DEBIAN_FRONTEND=noninteractive",
)


@dataclass(frozen=True)
class Guest:
    """A root that commands can be run in, as if it were a machine."""

    pid: str
    root: str

    def command(self, *argv):
        """The command line that runs `argv` in the root from outside."""
        inside = ["nsenter", "-t", self.pid, "-m", "-p", "-u", "--", "chroot", self.root]
        return [*inside, "env", "-i", *SETTINGS, *argv]

    def run(self, *argv, stdin="", check=True):
        """Run to the end; what it wrote comes back as text, errors within the output."""
        done = subprocess.run(
            self.command(*argv),
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=400,
            check=False,
        )
        output = done.stdout.decode()
        assert done.returncode == 0 or not check, f"{argv} ended with {done.returncode}:\n{output}"
        return output

    def read(self, path):
        """The text of a file, as it is."""
        return self.run("cat", path)

    def write(self, path, text, mode="0644"):
        """Put a file there, with its folders."""
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        self.run("sh", "-c", script, "sh", path, mode, stdin=text)


@contextmanager
def entered(root, lower=""):
    """The guest in `root`: itself, or an overlay in memory over `lower`."""
    apart = ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"]
    with subprocess.Popen(
        [*apart, "sh", "-c", MOUNTS, "sh", str(root), str(lower)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        ready = first.stdout.readline().split()
        assert ready, "the root could not be mounted; see the messages above"
        try:
            yield Guest(*ready)
        finally:
            first.stdin.close()
            first.wait(timeout=30)


@pytest.fixture(scope="session")
def debian():
    """The root of this machine's own release, made on first use and kept in the user's cache."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a Debian root and mount it")
    if platform.freedesktop_os_release().get("ID") != "debian":
        pytest.skip("needs Debian, for its debootstrap, keys and mirror")
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    roots = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pve-lifecycle" / "roots"
    roots.mkdir(parents=True, exist_ok=True)
    root = roots / f"{codename}-{hashlib.sha256((RECIPE + MOUNTS).encode()).hexdigest()[:12]}"
    with FileLock(f"{root}.lock"):
        if not root.exists():
            _make(root, codename)
    return root


def _make(root, codename):
    machine.update()
    machine.provide(machine.DEBOOTSTRAP)
    sources = _sources(codename)
    partial = Path(tempfile.mkdtemp(dir=root.parent, prefix="partial-"))
    try:
        main = sources[0].split()[1]
        _do("debootstrap", "--variant=minbase", codename, str(partial), main)
        (partial / "etc/apt/sources.list").write_text("".join(sources))
        with entered(partial) as guest:
            guest.run("sh", stdin=RECIPE)
        partial.chmod(0o755)
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sources(codename):
    """The machine's own mirrors, the main archive first: no host name is written down in this repository."""
    form = "$(LABEL)|$(CODENAME)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = _do("apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian")
    wanted = {("Debian", codename), ("Debian-Security", f"{codename}-security")}
    found = {
        label: f"{line}\n"
        for label, name, line in (target.split("|") for target in targets.splitlines())
        if (label, name) in wanted and line.endswith(" main")
    }
    assert len(found) == 2, "apt knows no main and security archive of this release; run apt-get update"
    return [found["Debian"], found["Debian-Security"]]


def _do(*argv):
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def new_guest(debian, tmp_path_factory):
    """A way to open a guest of one's own, for a `with`."""
    return lambda: entered(tmp_path_factory.mktemp("guest"), debian)


@pytest.fixture
def guest(new_guest):
    """A guest that nothing has been done to."""
    with new_guest() as opened:
        yield opened


class _Relay(socketserver.StreamRequestHandler):
    """Enough of SMTP to take a message in; what came is kept in the server's `mails`."""

    def handle(self):
        self.wfile.write(b"220 relay\r\n")
        for line in self.rfile:
            if line.strip().upper() == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            self.wfile.write(b"250 ok\r\n")


@pytest.fixture(scope="session")
def relay():
    """A mail relay on a free port of this machine: its port, and the `mails` that it took."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Relay) as server:
        server.daemon_threads = True
        server.mails = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="session")
def birth(relay):
    """A Debian guest of the lab, whose mail goes to the relay."""
    return Birth(
        hostname="web",
        distribution=Distribution.DEBIAN,
        environment="lab",
        user="ops",
        ssh_keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMdKn7M33tC/LkGq3zQz8Qgg2SwIFD7YHfrxfNxSp96V ada",),
        auto_security_updates=True,
        agent_enabled=True,
        mail_to="ops@example.org",
        mail_relay=MailRelay(
            host="127.0.0.1", port=relay.server_address[1], tls=False, sender="web@example.org"
        ),
        time_zone="Europe/Paris",
    )


@pytest.fixture(scope="session")
def container(new_guest, birth):
    """A container after its first provisioning."""
    with new_guest() as opened:
        opened.run("sh", "-s", stdin=container_script(birth))
        yield opened
