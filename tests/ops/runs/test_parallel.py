"""Side by side, and one at a time in one place."""

import threading
import time

import pytest

from ops.runs.parallel import one_at_a_time_by, pause, side_by_side


def test_results_come_in_the_items_order():
    """Whoever is done first."""
    assert side_by_side(lambda n: (time.sleep(0.01 * n), n)[1], [3, 1, 2], workers=3) == [3, 1, 2]


def test_never_two_at_once_in_one_place_and_places_side_by_side():
    """A barrier of two that only different places can pass together."""
    busy: set[str] = set()
    meeting = threading.Barrier(2, timeout=5)
    done = []

    def work(item):
        place, step = item
        assert place not in busy
        busy.add(place)
        meeting.wait()
        busy.discard(place)
        done.append(item)
        return step

    items = [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert one_at_a_time_by(lambda item: item[0], work, items, places=2) == [1, 2, 1, 2]
    assert [step for place, step in done if place == "a"] == [1, 2]


def test_an_exception_ends_the_batch():
    """What has not begun is not begun."""
    begun = []

    def work(n):
        begun.append(n)
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        side_by_side(work, range(100), workers=1)
    assert len(begun) < 100


def test_what_still_waits_when_the_batch_ends_is_not_begun():
    """A pause is over at once, and the work with it; outside a batch it is a sleep."""
    waiting, begun = threading.Event(), []

    def work(n):
        if n == 0:
            waiting.wait(5)
            raise RuntimeError("the end")
        waiting.set()
        pause(60)
        begun.append(n)

    with pytest.raises(RuntimeError, match="the end"):
        side_by_side(work, range(2), workers=2)
    assert not begun
    pause(0.0)
