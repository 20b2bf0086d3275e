"""The fleet: canaries first, a bound on what is done at once, and a ceiling on failures."""

import threading
import time
from dataclasses import replace

import pytest

from ops.core.rotation import Phase, State, Verdict
from ops.runs.rotation.fleet import Fleet
from ops.runs.rotation.targets import Host

HOSTS = [Host(name=f"h{number:03}", target=None) for number in range(40)]


def ended(verdict):
    """A host's end."""
    return replace(State(), phase=Phase.END, verdict=verdict)


def fleet(rotate, **changes):
    """A fleet with the bounds that a test is not about out of the way."""
    return Fleet(rotate=rotate, **{"parallel": 8, "canaries": 0, "max_failures": 100} | changes)


def verdicts(results):
    """What came of the hosts, in their order."""
    return [result.state.verdict for result in results]


def test_canaries_go_through_all_phases_before_anybody_else():
    """Nobody begins while they are on their way."""
    log = []

    def rotate(host, _waits):
        log.append(("begin", host.name))
        time.sleep(0.002)
        log.append(("end", host.name))
        return ended(Verdict.ROTATED)

    results = fleet(rotate, canaries=2).run(HOSTS)
    assert verdicts(results) == [Verdict.ROTATED] * len(HOSTS)
    assert {name for _, name in log[:4]} == {"h000", "h001"}


def test_more_canaries_than_slots_come_one_after_the_other():
    """And nobody waits for ever."""
    results = fleet(lambda _host, _waits: ended(Verdict.ROTATED), canaries=5, parallel=2).run(HOSTS)
    assert verdicts(results) == [Verdict.ROTATED] * len(HOSTS)


def test_canaries_that_are_waited_for_hold_up_nobody():
    """Dead hosts at the head of the list: a living one is the canary."""
    all_done, done = threading.Event(), []

    def rotate(host, waits):
        if host.name < "h004":
            with waits.aside():
                assert all_done.wait(timeout=5), "the living wait for the dead"
            return ended(Verdict.PENDING)
        done.append(host.name)
        if len(done) == len(HOSTS) - 4:
            all_done.set()
        return ended(Verdict.ROTATED)

    results = fleet(rotate, canaries=1).run(HOSTS)
    assert verdicts(results) == [Verdict.PENDING] * 4 + [Verdict.ROTATED] * (len(HOSTS) - 4)
    assert done[0] == "h004"


def test_a_canary_that_fails_stops_the_fleet():
    """All others are not started."""
    begun = []

    def rotate(host, _waits):
        begun.append(host.name)
        return ended(Verdict.FAILED if host.name == "h001" else Verdict.ROTATED)

    results = fleet(rotate, canaries=2).run(HOSTS)
    assert sorted(begun) == ["h000", "h001"]
    assert verdicts(results)[2:] == [Verdict.NOT_STARTED] * (len(HOSTS) - 2)


@pytest.mark.parametrize("verdict", [Verdict.PENDING, Verdict.REFUSED])
def test_a_host_that_tells_nothing_is_no_canary(verdict):
    """One that is off, or left alone, proves nothing of the keys: the next one is the canary."""
    begun = []

    def rotate(host, _waits):
        begun.append(host.name)
        return ended(verdict if host.name < "h003" else Verdict.FAILED)

    fleet(rotate, canaries=1).run(HOSTS)
    assert begun == ["h000", "h001", "h002", "h003"]


def test_a_canary_whose_old_key_nobody_could_try_is_one():
    """The new key logs in there: the others go side by side."""
    together = threading.Barrier(2)

    def rotate(host, _waits):
        if host.name != "h000":
            together.wait(timeout=5)
        return ended(Verdict.UNPROVEN)

    assert verdicts(fleet(rotate, canaries=1).run(HOSTS[:3])) == [Verdict.UNPROVEN] * 3


def test_too_many_failures_stop_the_fleet():
    """Those that are on their way end; no other begins."""
    begun = []

    def rotate(host, _waits):
        begun.append(host.name)
        return ended(Verdict.FAILED)

    results = fleet(rotate, parallel=1, max_failures=3).run(HOSTS)
    assert len(begun) == 3
    assert verdicts(results).count(Verdict.NOT_STARTED) == len(HOSTS) - 3


def test_no_more_hosts_at_once_than_asked_for():
    """However many threads there are."""
    at_once, most, lock = 0, 0, threading.Lock()

    def rotate(_host, _waits):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.002)
        with lock:
            at_once -= 1
        return ended(Verdict.ROTATED)

    fleet(rotate, parallel=3).run(HOSTS)
    assert most == 3


def test_hosts_that_are_waited_for_hold_up_nobody():
    """More dead hosts than slots, at the head of the list: the living are done while they are waited for."""
    living, done, all_done = len(HOSTS) - 10, [], threading.Event()

    def rotate(host, waits):
        if host.name < "h010":
            with waits.aside():
                assert all_done.wait(timeout=5), "the living wait for the dead"
            return ended(Verdict.PENDING)
        done.append(host)
        if len(done) == living:
            all_done.set()
        return ended(Verdict.ROTATED)

    results = fleet(rotate, parallel=2).run(HOSTS)
    assert verdicts(results) == [Verdict.PENDING] * 10 + [Verdict.ROTATED] * living


def test_an_interrupt_ends_the_fleet():
    """Hosts that wait for their turn are not begun."""
    begun = []

    def rotate(host, _waits):
        begun.append(host.name)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fleet(rotate, parallel=1).run(HOSTS)
    assert len(begun) < len(HOSTS)
