"""A farm of real sshd processes for each test, two key pairs, and the command as an operator types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rotation import machine
from tests.rotation.farm import new_key, open_farm

ROOT = Path(__file__).parents[3]


@pytest.fixture
def farm(tmp_path):
    """An empty farm: `farm.grow(60, keys=[old])` starts machines; all are gone when the test ends."""
    if reason := machine.missing():
        pytest.skip(reason)
    with open_farm(tmp_path / "farm") as opened:
        yield opened


@pytest.fixture
def old(tmp_path):
    """The key that opens the machines now: the path of its private half."""
    return new_key(tmp_path / "old")


@pytest.fixture
def new(tmp_path):
    """The key that shall open them."""
    return new_key(tmp_path / "new")


@pytest.fixture
def home(tmp_path):
    """An operator's home, with nothing in it but an empty ~/.ssh."""
    place = tmp_path / "operator"
    (place / ".ssh").mkdir(mode=0o700, parents=True)
    return place


@pytest.fixture
def start(home, farm, old, new):
    """Start `ops.rotate_keys` on all machines of the farm, from `old` to `new`; give the process."""

    def start(*words, add=new, remove=old, environ=(), user="root"):
        known = ("--hosts", farm.inventory(user), "--known-hosts", farm.known_hosts())
        keys = ("--identity", remove, "--add-key", f"{add}.pub", "--remove-key", f"{remove}.pub")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SSH_", "XDG_"))}
        return subprocess.Popen(
            [sys.executable, "-m", "ops.rotate_keys", *keys, *known, *words],
            cwd=ROOT,
            env=clean | {"HOME": str(home)} | dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.fixture
def rotate(start):
    """Run it to its end: exit code and what it said."""

    def rotate(*words, **about):
        with start(*words, **about) as process:
            said, _ = process.communicate(timeout=300)
        sys.stdout.write(said)
        return process.returncode, said

    return rotate


@pytest.fixture
def report_of(farm, old, new, tmp_path):
    """Rotate the keys of the farm's hosts: exit code, and what the report says of each."""

    def run(*words, user="root"):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ops.rotate_keys", "--json"),
                *("--hosts", farm.inventory(user), "--known-hosts", farm.known_hosts()),
                *("--add-key", f"{new}.pub", "--remove-key", f"{old}.pub", *words),
            ],
            cwd=ROOT,
            env=os.environ | {"XDG_STATE_HOME": tmp_path / "state", "XDG_RUNTIME_DIR": tmp_path / "run"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)["hosts"]

    return run
