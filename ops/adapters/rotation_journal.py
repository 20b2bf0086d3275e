"""What a rotation has done so far, on disk, so that a killed run can be gone on with. Holds no secret."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.errors import LifecycleError

SUFFIX = ".jsonl"


def journal_directory(environment: Mapping[str, str]) -> Path:
    """Where journals lie: systemd's STATE_DIRECTORY, or the user's own state directory."""
    if environment.get("STATE_DIRECTORY"):
        return Path(environment["STATE_DIRECTORY"]) / "rotations"
    if environment.get("XDG_STATE_HOME"):
        return Path(environment["XDG_STATE_HOME"]) / "pve-lifecycle" / "rotations"
    try:
        home = Path(environment.get("HOME") or "~").expanduser()
    except RuntimeError:  # a user of whom only the number is known
        raise LifecycleError(
            "there is no place for the journal: this user has no home",
            remedy="Set XDG_STATE_HOME to a directory that this user may write to.",
        ) from None
    return home / ".local" / "state" / "pve-lifecycle" / "rotations"


@dataclass(kw_only=True)
class Journal:
    """One run: a line for its purpose, a line for each step of a host, each on disk before the step is done.

    `purpose` are the fingerprints of the keys that are added and removed.
    """

    path: Path
    purpose: Mapping[str, list[str]]
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def tag(self) -> str:
        """The run's name; it stands in the names of its backups."""
        return self.path.stem

    def note(self, host: str, *, phase: str, verdict: str | None, words: str, lasting: bool) -> None:
        """Add a line; a lasting one outlives a power failure, any one the death of this process."""
        line = {"host": host, "phase": phase, "verdict": verdict, "words": words}
        with self._lock:
            _append(self.path, line, lasting=lasting)

    def close(self) -> None:
        """The run has done all that it was for: nobody needs to go on with it."""
        _append(self.path, {"complete": True}, lasting=True)


def begin(directory: Path, tag: str, purpose: Mapping[str, list[str]]) -> Journal:
    """A new journal, in a file that is its owner's alone."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"{tag}{SUFFIX}"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _append(path, {"purpose": purpose}, lasting=True)
        _sync_directory(directory)
    except OSError as error:
        raise _unwritable(directory, error) from None
    return Journal(path=path, purpose=purpose)


def unfinished(directory: Path, purpose: Mapping[str, list[str]]) -> Journal | None:
    """The journal of the newest run for the same purpose, unless that came to its end."""
    for path in sorted(_journals(directory), key=_written, reverse=True):
        lines = list(_read(path))
        if not lines or lines[0].get("purpose") != purpose:
            continue
        if any(line.get("complete") for line in lines):  # what an older run says has been overtaken
            return None
        return Journal(path=path, purpose=purpose)
    return None


def _journals(directory: Path) -> list[Path]:
    try:
        return [path for path in directory.iterdir() if path.suffix == SUFFIX]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LifecycleError(f"cannot be read: {error.strerror}", where=str(directory)) from None


def _written(path: Path) -> int:
    """When it was written last: its name tells the time that the run was told."""
    return path.stat().st_mtime_ns


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines that are whole: of the last one a crash may have left a part."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise LifecycleError(f"cannot be read: {error.strerror}", where=str(path)) from None
    for line in text.splitlines():
        try:
            document = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(document, dict):
            yield document


def _append(path: Path, document: Mapping[str, Any], *, lasting: bool) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(handle, b"\n" + json.dumps(document).encode())
            if lasting:
                os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise _unwritable(path, error) from None


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> LifecycleError:
    return LifecycleError(
        f"the journal cannot be written: {error.strerror}",
        where=str(path),
        remedy="Nothing is done to a host that is not noted first. Set XDG_STATE_HOME to a place with room.",
    )
