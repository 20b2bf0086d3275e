"""The tools that we compare with, in an environment of their own in the user's cache."""

import os
import subprocess
import sys
import venv
from pathlib import Path

PEERS = ("ansible-core==2.19.14", "parallel-ssh==2.16.0.post1")


def directory() -> Path:
    """The environment's `bin`, made on first use; its name holds the versions."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pve-lifecycle"
    place = cache / f"peers-{'-'.join(PEERS).replace('==', '-')}-{sys.version_info[0]}.{sys.version_info[1]}"
    done = place / ".complete"
    if not done.exists():
        venv.create(place, with_pip=True, clear=True)
        words = ["install", "--quiet", *PEERS]
        subprocess.run([place / "bin/pip", *words], check=True)  # noqa: S603  the list above
        done.touch()
    return place / "bin"
