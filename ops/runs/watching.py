"""Watching a run on stderr: warnings, a bar on a terminal, and a line for each end, also in a journal."""

from collections.abc import Iterable
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from ops import consoles
from ops.core.model import Guest
from ops.core.outcomes import Outcome


class Watching:
    """Progress of a run that does the same to many guests; a context, at whose end the bar goes."""

    def __init__(self, doing: str) -> None:
        self._console = consoles.progress_console()
        self._bar = Progress(
            TextColumn(doing),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def warn(self, words: str) -> None:
        """Say what is odd."""
        self._console.print(Text(f"warning: {words}", style="yellow"), soft_wrap=True)

    def begun(self, count: int) -> None:
        """Show the bar for so many."""
        self._bar.start()
        self._task = self._bar.add_task("", total=count)

    def ended(self, outcomes: Iterable[Outcome]) -> None:
        """Say what came of one of them."""
        for outcome in outcomes:
            took = "" if outcome.seconds is None else f" ({outcome.seconds:.1f} s)"
            line = f"{called(outcome.guest)}: {outcome.action}: {outcome.result}{took}"
            self._console.print(Text(line), soft_wrap=True)
        self._bar.advance(self._task)


def called(guest: Guest) -> str:
    """Return how a line names a guest."""
    return f"{guest.name} ({guest.vmid})".strip()
