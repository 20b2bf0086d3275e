"""Where a command writes: results to stdout, all else to stderr; what others wrote reaches neither raw."""

import os
import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ops.core.visible import visible

LONG = 240  # columns


class _Careful(Console):
    """A console that takes words for words: no markup, no emoji, and no control sequences."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render it; rich takes out a few control characters only, and Escape is not among them."""
        if isinstance(renderable, str):
            renderable = visible(renderable)
        elif isinstance(renderable, Text) and (plain := visible(renderable.plain)) != renderable.plain:
            renderable = renderable.copy()
            renderable.plain = plain
        return super().render(renderable, options)


def progress_console() -> Console:
    """Where progress and complaints go: stderr, so that stdout stays a result that can be piped."""
    return _Careful(stderr=True)


def result_console() -> Console:
    """Where results go: stdout. In a pipe or a journal its lines are long, and not folded at 80 columns."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return _Careful(width=None if terminal or "COLUMNS" in os.environ else LONG)
