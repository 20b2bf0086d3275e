"""A clean-up of 300 guests with 1,500 snapshots of every age, kind and state, on six nodes; one is away."""

import asyncio
import random
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ops.cleanup_snapshots import main

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 23, 5, 7, 30, tzinfo=PARIS)
WEEK = timedelta(days=7)
NODES = ("pve1", "pve2", "pve3", "pve4", "pve5", "away")
GUESTS, EACH = 300, 5


def keep(day):
    """A keep line for that day, below other words."""
    return f"by Ada\nkeep until {day}: audit"


def seconds(now, age):
    """What a snapshot of that age has as its `snaptime`."""
    return int((now.astimezone(UTC) - age).timestamp())


def kinds(now):
    """Every kind of snapshot: whether the rule names it, its age and what is special about it."""
    today = now.astimezone(PARIS).date()
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)
    return {
        "fresh": (False, timedelta(minutes=5), {}),
        "young": (False, timedelta(days=3), {}),
        "at-the-limit": (False, WEEK, {}),
        "a-second-over": (True, WEEK + timedelta(seconds=1), {}),
        "an-hour-over": (True, WEEK + timedelta(hours=1), {}),
        "old": (True, timedelta(days=20), {}),
        "ancient": (True, timedelta(days=2000), {"description": "before-upgrade"}),
        "with-ram": (True, timedelta(days=9), {"vmstate": "local:vm-state"}),
        "no-time": (False, timedelta(days=9), {"snaptime": 0}),
        "future": (False, timedelta(days=-9), {}),
        "an-hour-ahead": (False, timedelta(hours=-1), {}),
        "broken": (False, timedelta(days=9), {"snapstate": "delete"}),
        "prepared": (False, timedelta(days=9), {"snapstate": "prepare"}),
        "kept": (False, timedelta(days=90), {"description": keep(tomorrow)}),
        "kept-today": (False, timedelta(days=90), {"description": keep(today)}),
        "kept-until-yesterday": (True, timedelta(days=90), {"description": keep(yesterday)}),
        "kept-and-young": (False, timedelta(days=1), {"description": keep(yesterday)}),
        "kept-for-ever": (False, timedelta(days=90), {"description": keep(date.max)}),
        "malformed": (False, timedelta(days=90), {"description": "keep until the audit is over"}),
    }


def fill(pve, now):
    """Build the fleet; returns what must be gone afterwards, as (vmid, snapshot)."""
    chance = random.Random(20261123)  # noqa: S311 - a fleet that is the same every time
    due = set()
    for number in range(GUESTS):
        vmid = 1000 + number
        make = pve.add_ct if number % 3 == 0 else pve.add_vm
        guest = make(vmid, f"guest{vmid}", node=NODES[number % len(NODES)])
        locked, template = number % 23 == 1, number % 29 == 1
        for name in chance.sample(sorted(kinds(now)), EACH):
            old, age, special = kinds(now)[name]
            guest.snapshots[name] = {"snaptime": seconds(now, age), "description": "", **special}
            if old and not locked and not template and guest.node != "away":
                due.add((vmid, name))
        if template and number % 3:
            guest.template = True
        elif template:
            guest.config["template"] = 1
        elif locked:
            guest.lock = guest.config["lock"] = ("backup", "migrate", "snapshot-delete")[number % 3]
    pve.set_node_offline("away")
    return due


def held(pve):
    """Every snapshot that the server has, as (vmid, snapshot)."""
    guests = [*pve.vms, *pve.cts]
    return {(guest.vmid, name) for guest in guests for name in guest.snapshots}


class Watched:
    """Runs every deletion for a moment, and notes how many ran at once on a node and in all."""

    def __init__(self, pve):
        self.running, self.most = Counter(), Counter()
        self.order = defaultdict(list)
        self._task = pve.task
        pve.task = self

    async def __call__(self, node, ttype, tid, user, body, **more):
        """Stand in for the server's way to start a task."""

        async def watched():
            for place in (node, "all"):
                self.running[place] += 1
                self.most[place] = max(self.most[place], self.running[place])
            self.order[node].append(int(tid))
            await asyncio.sleep(0.003)
            self.running.subtract((node, "all"))
            return await body()

        return await self._task(node, ttype, tid, user, watched, **more)


@pytest.fixture
def at(monkeypatch):
    """Set the time of a run, and the zone to Paris."""
    monkeypatch.setenv("PVE_LIFECYCLE_TIME_ZONE", "Europe/Paris")
    return lambda now: monkeypatch.setenv("LIFECYCLE_NOW", now.isoformat())


def test_exactly_what_the_rule_names_is_deleted_one_at_a_time_on_a_node(world, operate, at):
    """Nodes side by side, oldest first; each sent once; a second run deletes nothing."""
    at(NOW)
    due = world.call(lambda: fill(world.pve, NOW))
    before = held(world.pve)
    assert len(before) == GUESTS * EACH
    watched = Watched(world.pve)
    run = operate(main, "--all", "--lock-wait", "0", "--json")
    assert run.code == 1  # locked, broken and away ones are there, and are named
    assert before - held(world.pve) == due
    assert held(world.pve) <= before
    deletes = [(request.vmid, request.path.rpartition("/")[2]) for request in world.writes()]
    assert sorted(deletes) == sorted(due)
    assert {most for node, most in watched.most.items() if node != "all"} == {1}
    assert watched.most["all"] > 1
    taken = {(each["vmid"], each["snapshot"]): each["taken"] for each in run.document["plan"]}
    for node in NODES[:-1]:
        on_it = [
            taken[request.vmid, request.path.rpartition("/")[2]]
            for request in world.writes()
            if f"/{node}/" in request.path
        ]
        assert on_it == sorted(on_it)
    world.requests.clear()
    again = operate(main, "--all", "--lock-wait", "0")
    assert (again.code, world.writes()) == (1, [])


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 29, 5, 0, tzinfo=PARIS),
        datetime(2026, 4, 5, 4, 59, tzinfo=PARIS),
        datetime(2026, 10, 25, 5, 0, tzinfo=PARIS),
        datetime(2026, 11, 1, 1, 30, tzinfo=PARIS),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ],
    ids=["spring", "a-week-after", "autumn", "its-week-after", "the-repeated-hour"],
)
def test_the_clock_changes_of_a_year_change_nothing(world, operate, at, now):
    """The same kinds go and stay on a guest that holds them all."""
    at(now)

    def build():
        web = world.pve.add_vm(101, "web")
        for name, (_, age, special) in kinds(now).items():
            web.snapshots[name] = {"snaptime": seconds(now, age), "description": "", **special}
        return web

    web = world.call(build)
    operate(main, "web")
    assert set(web.snapshots) == {name for name, (old, _, _) in kinds(now).items() if not old}
