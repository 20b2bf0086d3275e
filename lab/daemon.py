"""The lab as a background process: a directory that says where, and a lock that says whether it lives."""

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .ports import is_free
from .tls import write_private
from .world import World

START_SECONDS = 30.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 1.0
REMOVE_SECONDS = 2.0
LOCK_SECONDS = 1.0  # whoever asks whether a lab lives holds the lock for a moment
API_PORT = 8006
IGNORE_FILE = "# made by python -m lab\n*\n"


class LabError(Exception):
    """What a person can do something about."""


@dataclass(frozen=True)
class Site:
    """The lab's directory; what lies in it belongs to one run."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held for as long as the lab lives: no dead process holds a lock."""
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """What the background process says."""
        return self.path / "log"

    @property
    def environment(self) -> Path:
        """Lines to evaluate in a shell; written last, so its presence says that all is ready."""
        return self.path / "env"

    @property
    def is_running(self) -> bool:
        """Whether a process serves this lab."""
        try:
            with self.lock.open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except BlockingIOError:
            return True
        return False

    @property
    def is_ready(self) -> bool:
        """Whether it serves and has said where."""
        return self.is_running and self.environment.is_file()

    @property
    def pid(self) -> int:
        """Whose the lock is."""
        return int(self.lock.read_text("utf-8") or 0)


def start(site: Site) -> None:
    """Start the lab in the background and wait until it serves; a living one is left alone."""
    if site.is_running:
        _wait_until_ready(site, None)
        return
    clear(site)
    site.path.mkdir(parents=True)
    command = [sys.executable, "-m", "lab", "up", "--foreground", "--directory", str(site.path)]
    with site.log.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_until_ready(site, process)
    except BaseException:  # Ctrl-C does not reach it: it has a session of its own
        _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop(site: Site) -> bool:
    """End the lab and remove its directory; says whether one ran."""
    ran = site.is_running
    if ran:
        pid = site.pid
        os.kill(pid, signal.SIGTERM)
        if not _until(lambda: not site.is_running, STOP_SECONDS):
            os.kill(pid, signal.SIGKILL)
            _until(lambda: not site.is_running, STOP_SECONDS)
        _remove(site)
    else:
        clear(site)
    return ran


def clear(site: Site) -> None:
    """Remove what an earlier run left; refuses a directory that no lab made."""
    _refuse_foreign(site)
    _remove(site)


def _remove(site: Site) -> None:
    shutil.rmtree(site.path, ignore_errors=True)  # a lab that ends removes the same files at the same time
    if not _until(lambda: not site.path.exists(), REMOVE_SECONDS):
        raise LabError(f"{site.path} cannot be removed")


def _refuse_foreign(site: Site) -> None:
    try:
        content = list(site.path.iterdir())
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise LabError(f"{site.path} is no directory: name another --directory") from None
    if content and not {site.lock, site.log} & set(content):
        raise LabError(f"{site.path} is not empty and no lab's: name another --directory")


def _remove_leftovers(site: Site) -> None:
    """What a killed lab left, snippets above all; the log is this run's already."""
    for path in set(site.path.iterdir()) - {site.lock, site.log}:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def serve(site: Site) -> None:
    """Be the lab until interrupted or told to end; leaves nothing but the log."""
    signal.signal(signal.SIGTERM, _interrupt)
    _refuse_foreign(site)
    site.path.mkdir(parents=True, exist_ok=True)
    try:
        with _own(site), _world(site) as world:
            (site.path / ".gitignore").write_text(IGNORE_FILE, "utf-8")
            write_private(site.environment, _exports(world.environment()).encode())
            sys.stdout.write(f"The lab serves {world.endpoint}\n")
            sys.stdout.flush()
            _wait_until_forgotten(site)
    except KeyboardInterrupt:
        sys.stdout.write("The lab ends\n")
        clear(site)


def _wait_until_forgotten(site: Site) -> None:
    """Serve until interrupted, or until somebody removed the directory: nobody could end it then."""
    own = site.lock.stat()
    while site.lock.exists() and os.path.samestat(site.lock.stat(), own):
        time.sleep(LOOK_SECONDS)


@contextmanager
def _own(site: Site) -> Iterator[IO[str]]:
    with site.lock.open("a+") as file:
        if not _until(lambda: _locked(file), LOCK_SECONDS):
            raise LabError(f"a lab runs in {site.path} already")
        _remove_leftovers(site)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _world(site: Site) -> World:
    """At Proxmox's own port if that is free."""
    return World(site.path, port=API_PORT if is_free(API_PORT) else 0)


def _exports(environment: dict[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _wait_until_ready(site: Site, process: subprocess.Popen[bytes] | None) -> None:
    def over() -> bool:
        return site.is_ready or (process is not None and process.poll() is not None)

    _until(over, START_SECONDS)
    if not site.is_ready:
        said = site.log.read_text("utf-8", "replace")[-2000:] if site.log.is_file() else ""
        raise LabError(f"the lab did not start; {site.log} says:\n{said}")


def _until(reached: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
