"""Where an engine is kept: for each user, for each version of what it is made from, made once."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from lab.engine.model import EngineError

UNFINISHED = ".unfinished-"


def location(environment: Mapping[str, str], made_from: str) -> Path:
    """Give the directory of an engine that is made from this; see `fingerprint`."""
    base = environment.get("XDG_CACHE_HOME", "")
    # The standard says that a relative path there is to be ignored.
    caches = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return caches / "pve-lifecycle" / f"engine-{made_from}"


def fingerprint(sources: Path, versions: Iterable[str]) -> str:
    """Give twelve digits that change with any source file, its place, or any version."""
    digest = sha256("\n".join(versions).encode())
    for file in sorted(path for path in sources.rglob("*") if path.is_file()):
        digest.update(f"\n{file.relative_to(sources)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def locked(root: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the engine's directory alone; the lock goes with its process, however that ends."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EngineError(
            f"The engine has no place: {error}. Set XDG_CACHE_HOME to a directory that you may write to."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"Another run is preparing the engine in {root}: waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sweep(root: Path) -> None:
    """Remove what runs that were killed left behind; call it with the lock held."""
    for leftover in root.rglob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def make_once(target: Path, make: Callable[[Path], None]) -> Path:
    """Let `make` fill a directory beside `target`, and give it that name when it is whole.

    A directory with its final name is therefore finished, and is never made again.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{target.name}-", dir=target.parent))
    try:
        unfinished.chmod(0o755)
        make(unfinished)
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target
