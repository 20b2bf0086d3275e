"""What every machine of the farm is made of: Debian's own sshd, a folder that becomes /etc, and the mounts.

A machine has name spaces of its own, so that /etc, /root, /home and /run are its own as well: sshd, sudo and
the shell use their default paths. Its sshd is the first process of its process space; with it, all is over.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

PACKAGES = {"/usr/sbin/sshd": "openssh-server", "/usr/bin/ssh": "openssh-client", "/usr/bin/sudo": "sudo"}
SHELLS = {"/usr/bin/tcsh": "tcsh", "/usr/bin/fish": "fish", "/usr/bin/busybox": "busybox"}
DEBOOTSTRAP = {"/usr/sbin/debootstrap": "debootstrap"}
POLICY = Path("/usr/sbin/policy-rc.d")
APT = "/tmp/pve-lifecycle-apt.lock"  # noqa: S108  one for all users of the machine; apt itself does not wait
COPIED = (
    *("pam.d", "security", "login.defs", "environment", "nsswitch.conf", "ld.so.cache", "localtime"),
    *("bash.bashrc", "profile", "alternatives"),
)
USERS = {"root": (0, "/root"), "ops": (4242, "/home/ops"), "sshd": (4243, "/run/sshd")}
SUDOERS = """\
Defaults env_reset, secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ops ALL=(ALL) NOPASSWD: ALL
"""  # Debian's own, and cloud-init's line for `ops`

# $1 is the machine's folder, $2 its name, $3 the root that sshd and the shells come from: this machine's own,
# or another release's. Nothing that is mounted here is seen outside.
START = """
set -eu
[ "$3" = / ] || mount --bind "$3" /mnt
mount --bind "$1/etc" /etc
mount --bind "$1/root" /root
mount --bind "$1/home" /home
mount -t tmpfs -o mode=755 run /run
mkdir -m 755 /run/sshd
mount -t proc proc /proc
hostname "$2"
if [ "$3" != / ]; then
  for folder in proc dev etc root home run; do mount --rbind "/$folder" "/mnt/$folder"; done
  exec chroot /mnt /usr/sbin/sshd -D -e
fi
exec /usr/sbin/sshd -D -e
"""
APART = ("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child")
# Killed with the process that started it, whatever ends that one.
LEASHED = ("setpriv", "--pdeathsig", "KILL", "--")


def missing() -> str | None:
    """Why this machine can hold no farm, or None."""
    if os.geteuid() != 0:
        return "needs root, for name spaces with mounts of their own"
    if platform.freedesktop_os_release().get("ID") != "debian":
        return "needs Debian, for its sshd"
    return None


def provide(packages: Mapping[str, str] = PACKAGES) -> None:
    """Install what is missing, of sshd, ssh and sudo at first; the service is neither started nor enabled."""
    with FileLock(APT):
        wanted = [package for path, package in packages.items() if not Path(path).exists()]
        if not wanted:
            return
        quiet = not POLICY.exists()
        if quiet:
            POLICY.write_text("#!/bin/sh\nexit 101\n")
            POLICY.chmod(0o755)
        try:
            _do("apt-get", "-q", "update")
            _do("apt-get", "-q", "-y", "install", "--no-install-recommends", *wanted)
            if "openssh-server" in wanted and shutil.which("systemctl"):
                _do("systemctl", "disable", "--quiet", "ssh.service")
        finally:
            if quiet:
                POLICY.unlink()


def update() -> None:
    """Let apt read its lists anew: without them it does not know what its sources are."""
    with FileLock(APT):
        _do("apt-get", "-q", "update")


def punishes() -> bool:
    """Whether this sshd knows PerSourcePenalties (9.8 and later)."""
    return b"persourcepenalties" in Path("/usr/sbin/sshd").read_bytes()


def make_etc(etc: Path, name: str) -> None:
    """A small /etc with three users, of whom `ops` may use sudo without a password."""
    etc.mkdir()
    for entry in COPIED:
        source = Path("/etc", entry)
        if source.is_dir():
            shutil.copytree(source, etc / entry, symlinks=True)
        elif source.exists():
            shutil.copy(source, etc / entry)
    (etc / "hosts").write_text(f"127.0.0.1 localhost {name}\n")
    people = [f"{user}:x:{uid}:{uid}::{home}:/bin/bash\n" for user, (uid, home) in USERS.items()]
    (etc / "passwd").write_text("".join(people))
    (etc / "group").write_text("".join(f"{user}:x:{uid}:\n" for user, (uid, _) in USERS.items()))
    (etc / "shadow").write_text("".join(f"{user}:*:20000:0:99999:7:::\n" for user in USERS))
    (etc / "shadow").chmod(0o600)
    (etc / "sudoers").write_text(SUDOERS)
    (etc / "sudoers").chmod(0o440)


def make_sshd(folder: Path, address: str, port: int) -> None:
    """Debian's own sshd_config, and a host key; what a test sets comes before Debian's lines, and so wins."""
    (folder / "sshd_config.d").mkdir(parents=True)
    shutil.copy("/usr/share/openssh/sshd_config", folder / "sshd_config")
    where = f"ListenAddress {address}\nPort {port}\nHostKey /etc/ssh/ssh_host_ed25519_key\n"
    (folder / "sshd_config.d/10-here.conf").write_text(where)
    if (
        punishes()
    ):  # how often a test may look at a host is no matter of the clock; a test that wants it says so
        (folder / "sshd_config.d/30-usual.conf").write_text("PerSourcePenalties no\n")
    key = folder / "ssh_host_ed25519_key"
    _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key))


def make_homes(folder: Path) -> None:
    """Homes with an empty ~/.ssh, modes and owners as sshd wants them."""
    for user in ("root", "ops"):
        uid, home = USERS[user]
        place = folder / home.lstrip("/")
        (place / ".ssh").mkdir(parents=True)
        for path in (place, place / ".ssh"):
            path.chmod(0o700)
            os.chown(path, uid, uid)


def _do(*argv: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
