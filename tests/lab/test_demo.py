"""The demonstration runs to its end, twice, and an interruption leaves nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path):
    """A directory for the demonstration's lab, which is ended whatever happens."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    yield tmp_path, environ
    subprocess.run([sys.executable, "-m", "lab", "down"], cwd=tmp_path, env=environ, check=True)


def _processes(directory):
    """Processes that were started with the directory in their arguments or that work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            inside = (entry / "cwd").resolve().is_relative_to(directory)
        except OSError:
            continue
        if (inside or str(directory) in words) and int(entry.name) != os.getpid():
            found.append(words)
    return found


@pytest.mark.usefixtures("engine")
def test_the_demonstration_runs_to_its_end_twice(place):
    """Up, quiet, the guests, a login, what expiry would do; and again over the living lab."""
    directory, environ = place
    command = [sys.executable, "-m", "lab.demo"]
    for _ in range(2):
        done = subprocess.run(
            command, cwd=directory, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for said in (
            "expires-",
            "   web\n",
            "web: its day is over, it would be stopped",
            "pulumi preview",
            "PROXMOX_VE_ENDPOINT",
        ):
            assert said in done.stdout


@pytest.mark.usefixtures("engine")
def test_an_interrupted_demonstration_leaves_no_process(place):
    """Ctrl-C in the middle of the first up ends the lab and the engine."""
    directory, environ = place
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.demo"],
        cwd=directory,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    for line in process.stdout:
        if "creating" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    deadline = time.monotonic() + 20
    while _processes(directory) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _processes(directory) == []
