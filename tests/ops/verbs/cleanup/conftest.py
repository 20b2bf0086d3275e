"""What the tests of the clean-up arrange, and what they look at afterwards."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.runs import looking
from ops.runs.cleanup import run as cleanup

OLD = timedelta(days=30)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("ops.adapters.locks.INTERVAL", 0.02)
    monkeypatch.setattr(looking, "LOOK_AGAIN", 0.02)


@pytest.fixture
def hold(world):
    """Give a guest a snapshot of an age, by the time of the run."""

    def give(guest, name, age=OLD, **more):
        taken = int((datetime.fromisoformat(os.environ["LIFECYCLE_NOW"]) - age).timestamp())
        world.call(lambda: guest.snapshots.__setitem__(name, {"snaptime": taken, **more}))

    return give


@pytest.fixture
def samples():
    """Name, labels and value of all samples in a text file."""

    def read(path):
        families = text_string_to_metric_families(path.read_text())
        return [(each.name, each.labels, each.value) for family in families for each in family.samples]

    return read


@pytest.fixture
def value(samples):
    """The one value of a metric with these labels."""

    def find(path, metric, **labels):
        (found,) = [
            v for name, given, v in samples(path) if name == metric and labels.items() <= given.items()
        ]
        return found

    return find


@pytest.fixture
def due(world):
    """A VM with one snapshot that is due, and another guest with one, which must go whatever happens."""
    taken = int((datetime.now(UTC) - OLD).timestamp())

    def build():
        due = world.pve.add_vm(101, "web")
        other = world.pve.add_ct(102, "other", node="pve2")
        for guest in (due, other):
            guest.snapshots["old"] = {"snaptime": taken, "description": ""}
        return due

    return world.call(build)


@pytest.fixture
def deletions(world):
    """The DELETEs that the server got for a guest."""
    return lambda vmid=101: [request for request in world.writes(vmid) if request.method == "DELETE"]


@pytest.fixture
def the_other_is_gone(world):
    """A batch goes on after a failed item."""
    return lambda: world.pve.ct(102).snapshots == {}


@pytest.fixture
def at_its_turn(world, monkeypatch):
    """Let something happen after the plan was made and before it is applied."""
    decide_all = cleanup.decide_all

    def arrange(change):
        def decided(*arguments):
            plan = decide_all(*arguments)
            world.call(change)
            return plan

        monkeypatch.setattr(cleanup, "decide_all", decided)

    return arrange


@pytest.fixture
def tasks_that(world):
    """Make every deletion from a VM run something else in its task, which has its body as an argument."""
    task = world.pve.task

    def arrange(work):
        async def changed(node, ttype, tid, user, body, **more):
            async def instead():
                return await work(body)

            return await task(node, ttype, tid, user, instead if ttype == "qmdelsnapshot" else body, **more)

        world.pve.task = changed

    return arrange
