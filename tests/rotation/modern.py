"""A Debian root whose sshd punishes (PerSourcePenalties, 9.8 and later), for a machine with an older one."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.rotation import machine

RELEASE = "trixie"  # the first with such an sshd
PACKAGES = "openssh-server,sudo"


def punishing_root() -> Path:
    """This machine's own root where that will do; else one that is made once and kept in the user's cache."""
    if machine.punishes():
        return Path("/")
    roots = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pve-lifecycle" / "roots"
    roots.mkdir(parents=True, exist_ok=True)
    root = roots / f"{RELEASE}-sshd"
    with Path(f"{root}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _make(root)
    return root


def _make(root: Path) -> None:
    machine.update()
    machine.provide(machine.DEBOOTSTRAP)
    partial = Path(tempfile.mkdtemp(dir=root.parent, prefix="partial-"))
    try:
        _do("debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, str(partial), _mirror())
        partial.chmod(0o755)
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _mirror() -> str:
    """The machine's own: no host name is written down in this repository."""
    form = ("--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian")
    return _do("apt-get", "indextargets", *form).split()[0]


def _do(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
