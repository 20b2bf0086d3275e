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
    directory = tmp_path / "J\u00f6rg's place"  # as homes are called
    directory.mkdir()
    yield directory, environ
    if (directory / ".lab").is_dir():
        subprocess.run([sys.executable, "-m", "lab", "down"], cwd=directory, env=environ, check=True)


def _demonstrate(directory, environ):
    command = [sys.executable, "-m", "lab.demo"]
    return subprocess.run(
        command, cwd=directory, env=environ, capture_output=True, text=True, timeout=300, check=False
    )


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
    """Up, quiet, the guests, a login, what expiry would do; again; and what to type next."""
    directory, environ = place
    for _ in range(2):
        done = _demonstrate(directory, environ)
        assert done.returncode == 0, done.stdout + done.stderr
        for said in (
            "expires-",
            "   web\n",
            "web: its day is over, it would be stopped",
            "pulumi preview",
            "PROXMOX_VE_ENDPOINT",
        ):
            assert said in done.stdout
    lines = [line.strip() for line in done.stdout.splitlines()]
    typed = [next(line for line in lines if line.startswith(words)) for words in (". ", "cd ", "ssh -F ")]
    assert subprocess.check_output(["sh", "-euc", "\n".join([*typed[:2], "pwd"])], text=True) == (
        f"{directory / '.lab' / 'project'}\n"
    )
    ssh = f"{typed[2].partition('#')[0]} -o BatchMode=yes hostname"
    assert subprocess.check_output(["sh", "-euc", ssh], text=True, stdin=subprocess.DEVNULL) == "web\n"


@pytest.mark.usefixtures("engine")
def test_a_demonstration_that_fails_says_what_it_leaves(place):
    """Nobody would look for a lab after an error."""
    directory, environ = place
    project = directory / ".lab" / "project"
    assert subprocess.run([sys.executable, "-m", "lab", "up"], cwd=directory, env=environ, check=True)
    project.mkdir()
    (project / "Pulumi.lab.yaml").write_text("config: {pve-lifecycle:environment: nonsense}\n")
    done = _demonstrate(directory, environ)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "python -m lab down` ends it" in done.stderr


@pytest.mark.usefixtures("engine")
def test_a_place_that_cannot_be_one_is_told(place):
    """In words; and no lab is said to be left."""
    directory, environ = place
    (directory / ".lab").write_text("three years")
    done = _demonstrate(directory, environ)
    assert (done.returncode, done.stderr) == (
        1,
        f"demo: {directory / '.lab'} is no directory: name another --directory\n",
    )


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
