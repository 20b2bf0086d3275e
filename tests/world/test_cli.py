"""`python -m lab`: in the background, idempotent, and clean after a kill."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import daemon
from lab.__main__ import main

LAB = "J\u00f6rg's lab"  # a shell and ssh would make several words of it
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Run]:
    """Run a verb in a directory of its own; whatever runs is ended afterwards."""
    root = Path(__file__).parents[2]

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "lab", *words, "--directory", str(tmp_path / LAB)],
            capture_output=True,
            text=True,
            cwd=root,
            timeout=60,
            check=False,
        )

    yield run
    run("down")


def pid_of(tmp_path: Path) -> int:
    """Who serves."""
    return int((tmp_path / LAB / "lock").read_text())


def test_a_lab_goes_up_and_down(lab: Run, tmp_path: Path) -> None:
    """Up says where it is, status lists the guests, env is for the shell of whoever types what up said."""
    up = lab("up")
    assert up.returncode == 0, up.stderr
    assert "https://127.0.0.1:" in up.stdout
    assert "debian-12-template" in lab("status").stdout
    line = up.stdout.splitlines()[-1].removeprefix("Use it in this shell: ")
    shell = subprocess.run(
        ["sh", "-c", f'{line}\nprintf %s "$PROXMOX_VE_SSH_PRIVATE_KEY"'],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout.strip() == (tmp_path / LAB / "node_identity").read_text().strip()
    assert (tmp_path / LAB / "env").stat().st_mode & 0o777 == 0o600
    assert lab("down").stdout == "The lab ended\n"
    assert not (tmp_path / LAB).exists()
    assert (lab("status").returncode, lab("env").returncode, lab("down").returncode) == (3, 1, 0)


def test_up_twice_is_one_lab(lab: Run, tmp_path: Path) -> None:
    """A second up leaves the running lab alone and says the same."""
    first = lab("up").stdout
    pid = pid_of(tmp_path)
    assert lab("up").stdout == first
    assert pid_of(tmp_path) == pid


def test_a_killed_lab_is_noticed_and_starts_anew(lab: Run, tmp_path: Path) -> None:
    """After kill -9 status says that none runs, and up starts another without the old one's files."""
    lab("up")
    pid = pid_of(tmp_path)
    stale = tmp_path / LAB / "node" / "var" / "lib" / "vz" / "snippets" / "stale.yaml"
    stale.write_text("#cloud-config\n")
    os.kill(pid, signal.SIGKILL)
    assert lab("status").returncode == 3
    assert lab("up").returncode == 0
    assert pid_of(tmp_path) != pid
    assert not stale.exists()


def test_a_lab_whose_directory_is_removed_ends(lab: Run, tmp_path: Path) -> None:
    """Nobody could end it any more, so it ends itself."""
    lab("up")
    pid = pid_of(tmp_path)
    shutil.rmtree(tmp_path / LAB)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()


def test_a_foreground_lab_ends_by_interrupt_and_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C ends it with exit code 0, and its directory is gone."""
    directory = tmp_path / LAB
    command = [sys.executable, "-m", "lab", "up", "--foreground", "--directory", str(directory)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("The lab serves https://")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 0
    assert not directory.exists()


def test_a_directory_of_somebody_else_s_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither up nor down touches files that no lab made."""
    (tmp_path / "thesis.txt").write_text("three years")
    for verb in ("up", "down"):
        assert main([verb, "--directory", str(tmp_path)]) == 1
        assert "no lab's" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("place", "said"),
    [("{file}", "is no directory"), ("{file}/.lab", "is no directory"), ("/sys/lab", "/sys/lab")],
)
def test_a_place_that_cannot_be_one_is_told(tmp_path, capsys, place, said) -> None:
    """In words, without a traceback; what lies there stays."""
    file = tmp_path / "file"
    file.write_text("three years")
    assert main(["up", "--directory", place.format(file=file)]) == 1
    words = capsys.readouterr().err
    assert words.startswith("lab: ")
    assert said in words
    assert file.read_text() == "three years"


def processes_of(directory: Path) -> list[str]:
    """The command lines that name a directory."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            lines.append((entry / "cmdline").read_bytes().decode(errors="replace"))
    return [line for line in lines if str(directory) in line]


def test_an_interrupted_start_leaves_no_lab(tmp_path, monkeypatch) -> None:
    """Ctrl-C in the first second does not reach the lab, which has a session of its own."""
    begun = []

    def interrupted(*_) -> None:
        begun.extend(processes_of(tmp_path))
        raise KeyboardInterrupt

    monkeypatch.setattr(daemon, "_wait_until_ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        daemon.start(daemon.Site(tmp_path / LAB))
    assert begun
    assert processes_of(tmp_path) == []


def test_other_systems_are_told(monkeypatch, capsys) -> None:
    """Where the lab cannot run it says why."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert main(["status"]) == 1
    assert "needs Linux" in capsys.readouterr().err


def test_missing_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the extra the remedy is said."""
    monkeypatch.setattr("importlib.util.find_spec", {"asyncssh": 1, "yaml": 1}.get)
    assert main(["up"]) == 1
    assert "needs fakepve: pip install '.[lab]'" in capsys.readouterr().err
