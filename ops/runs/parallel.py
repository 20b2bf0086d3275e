"""Work side by side: with a bound, or one at a time on each node and the nodes beside each other."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
_here = threading.local()  # `ended`: the event of the batch that this thread works for


def side_by_side(
    work: Callable[[T], R], items: Iterable[T], *, workers: int, ended: threading.Event | None = None
) -> list[R]:
    """Return what the work gives for each item, in the items' order.

    An exception ends the batch: what has begun is waited for, what has not is not begun; `ended` is set
    before the wait, for work that can stop half-way. Failures that the batch should survive are results, not
    exceptions.
    """
    pool = ThreadPoolExecutor(max_workers=workers)
    end = ended or threading.Event()

    def begun(item: T) -> R:
        _here.ended = end
        return work(item)

    try:
        return list(pool.map(begun, items))
    except BaseException:
        end.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def one_at_a_time_by(
    place: Callable[[T], Hashable], work: Callable[[T], R], items: Iterable[T], *, places: int
) -> list[R]:
    """Work on the items of one place in their order, never two at once, and on up to `places` side by side.

    Returns the results grouped by place, in the order in which the places first appear. An exception or
    Ctrl-C ends every row after the item that it is at.
    """
    rows: dict[Hashable, list[T]] = defaultdict(list)
    for item in items:
        rows[place(item)].append(item)
    ended = threading.Event()

    def along(row: list[T]) -> list[R]:
        return [work(item) for item in row if not ended.is_set()]

    return [
        result
        for results in side_by_side(along, rows.values(), workers=places, ended=ended)
        for result in results
    ]


def pause(seconds: float) -> None:
    """Sleep before something is begun; in a batch that has ended, end this thread's work, too."""
    ended: threading.Event | None = getattr(_here, "ended", None)
    if ended is None:
        time.sleep(seconds)
    elif ended.wait(seconds):
        raise KeyboardInterrupt
