"""One run of an operation at a time, for each cluster."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ops.errors import LifecycleError

PLACE = "Set XDG_RUNTIME_DIR to a directory that this user may write to."


def lock_directory(environment: Mapping[str, str]) -> Path:
    """Where lock files lie: systemd's RUNTIME_DIRECTORY, the user's XDG_RUNTIME_DIR, or his cache."""
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        if environment.get(name):
            return Path(environment[name])
    if cache := environment.get("XDG_CACHE_HOME"):
        return Path(cache) / "pve-lifecycle"
    try:
        home = Path(environment.get("HOME") or "~").expanduser()
    except RuntimeError:  # a user of whom only the number is known
        raise LifecycleError(
            "there is no place for the lock file: this user has no home", remedy=PLACE
        ) from None
    return home / ".cache" / "pve-lifecycle"


@contextmanager
def only_run(operation: str, endpoint: str, environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Hold the operation's lock; the kernel lets go of it when the process ends, however it ends.

    Raises:
        LifecycleError: another run holds it, or the file cannot be made.
    """
    mark = hashlib.sha256(endpoint.encode()).hexdigest()[:12]
    path = lock_directory(environment) / f"{operation}-{mark}.lock"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout:
        raise LifecycleError(
            f"another run of {operation} is at work on this cluster",
            where=str(path),
            remedy="Wait until it has ended; a run that was killed leaves no lock behind.",
        ) from None
    except OSError as error:
        raise LifecycleError(
            f"the lock file cannot be made: {error.strerror}",
            where=str(path),
            remedy=PLACE,
        ) from None
    with lock:
        lock.release()  # `with` took it a second time
        yield
