"""A stack's file, `Pulumi.STACK.yaml`, replaced at once or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ops.errors import LifecycleError


def path_of(stack: str, directory: Path) -> Path:
    """Where the stack's settings stand."""
    return directory / f"Pulumi.{stack}.yaml"


def edit(path: Path, change: Callable[[str], str]) -> bool:
    """Replace the file's text by what `change` makes of it; return whether it became another one.

    Raises:
        LifecycleError: it cannot be read or written, or `change` raised a ValueError.
    """
    try:
        before = path.read_bytes().decode("utf-8")
        after = change(before)
        if after == before:
            return False
        _replace(path, after.encode("utf-8"))
    except ValueError as error:
        raise LifecycleError(
            f"is not edited: {error}", where=str(path), remedy="Edit it by hand; nothing was changed there."
        ) from None
    except OSError as error:
        raise LifecycleError(f"cannot be edited: {error.strerror}", where=str(path)) from None
    return True


def _replace(path: Path, content: bytes) -> None:
    mode = path.stat().st_mode & 0o7777
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
