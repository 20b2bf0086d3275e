"""A run leaves its own metrics however it ends."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ops.adapters import metrics
from ops.core.outcomes import Outcome
from ops.errors import LifecycleError


@dataclass
class Record:
    """What a run says of itself; one that says nothing has failed. `trouble` is filled in at its end."""

    outcomes: tuple[Outcome, ...] = ()
    succeeded: bool = False
    trouble: str = ""


@contextmanager
def recorded(directory: Path | None, operation: str, now: datetime) -> Iterator[Record]:
    """Write the run's file at its end; nothing without a directory.

    A run that fails keeps its own error. One that ends well and cannot be recorded finds that in `trouble`:
    what it did is to be reported all the same.
    """
    record = Record()
    started = time.monotonic()

    def write(*, succeeded: bool) -> None:
        if directory is not None:
            seconds = time.monotonic() - started
            metrics.write_run(
                directory,
                operation,
                now=now,
                seconds=seconds,
                succeeded=succeeded,
                outcomes=record.outcomes,
            )

    try:
        yield record
    except BaseException:
        with contextlib.suppress(LifecycleError):
            write(succeeded=False)
        raise
    try:
        write(succeeded=record.succeeded)
    except LifecycleError as error:
        record.trouble = str(error)
