"""The snapshot before a change: taken, or the change is stopped with words; `tests/lab` shows the order."""

import asyncio
import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import mocks
from pulumi.runtime import settings as engine
from pulumi.runtime._callbacks import _CallbackServicer

from lab.world import World
from ops.errors import LifecycleError
from ops.providers import snapshot
from ops.providers.snapshot import Snapshot, SnapshotArgs, changed, take

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DB = SnapshotArgs(guest="db", vm_id=151, now=NOW)
QUEUE = SnapshotArgs(guest="queue", vm_id=251, now=NOW)
NAME = "before-change-20261123-120000"
WHY = "before pulumi up of stack lab changes memory"


@pytest.fixture
def world(monkeypatch):
    """A VM and a container, and the token of the deployment in the environment."""
    with World() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        running.call(lambda: running.pve.add_vm(151, "db", config={"memory": "1024", "scsi0": "local-lvm:x"}))
        running.call(lambda: running.pve.add_ct(251, "queue", status="running"))
        yield running


def _snapshots(world, vmid):
    return world.call(lambda: {name: dict(snap) for name, snap in world.pve.guest(vmid).snapshots.items()})


NOTES = {
    "db": "the guest is stopped: nothing was being written",
    "queue": "the container's processes are frozen while it is taken",
}


@pytest.mark.parametrize("args", [DB, QUEUE], ids=["vm", "container"])
def test_it_is_named_for_the_change_and_says_why(world, args):
    """The time in the name, the reason in the description, no RAM; the words go into the engine's output."""
    words = take(args, WHY, dry_run=False)
    taken = {name: kept["description"].strip() for name, kept in _snapshots(world, args.vm_id).items()}
    assert taken == {NAME: WHY}
    assert words == f"{args.guest}: snapshot {NAME} taken before the change ({NOTES[args.guest]})"
    (request,) = world.writes(args.vm_id)
    assert "vmstate" not in request.params


def test_a_name_that_is_taken_is_numbered(world):
    """Two changes may fall into one second, or LIFECYCLE_NOW stands still."""
    for _ in range(3):
        take(DB, WHY, dry_run=False)
    assert list(_snapshots(world, 151)) == [NAME, f"{NAME}-2", f"{NAME}-3"]


def test_a_preview_writes_nothing(world):
    """It only says what will be done."""
    words = take(DB, WHY, dry_run=True)
    assert words == f"db: a snapshot will be taken before the change ({NOTES['db']})"
    assert world.writes() == []


def _storage_without_snapshots(world):
    world.pve.storages["local-lvm"]["type"] = "lvm"


def _locked(world):
    world.pve.vm(151).config["lock"] = "backup"


def _answer_lost(world):
    world.pve.fail("POST", "/nodes/{node}/qemu/{vmid}/snapshot", 596, "broken pipe")


def _forbidden(world):
    words = "Permission check failed (/vms/151, VM.Snapshot)"
    world.pve.fail("POST", "/nodes/{node}/qemu/{vmid}/snapshot", 403, words)


def _gone(world):
    world.pve.vms[:] = [vm for vm in world.pve.vms if vm.vmid != 151]


def _offline(world):
    world.pve.nodes["pve2"] = {"online": False}
    world.pve.vm(151).node = "pve2"


FAULTS = [
    (_storage_without_snapshots, "scsi0 on storage local-lvm (lvm), which cannot snapshot it", 0),
    (_locked, "the guest is locked (backup)", 0),
    (_answer_lost, "its answer was lost", 1),
    (_forbidden, "lacks VM.Snapshot on /vms/151", 1),
    (_gone, "no guest that the token may see has the number or name '151'", 0),
    (_offline, "the node cannot be reached by the one that answers", 0),
]


@pytest.mark.parametrize(("fault", "words", "writes"), FAULTS, ids=[each[0].__name__ for each in FAULTS])
def test_without_a_snapshot_there_is_no_change(world, monkeypatch, fault, words, writes):
    """What stands in the way is said with a remedy, nothing is sent twice, and no snapshot is left."""
    monkeypatch.setattr(snapshot, "LOCK_WAIT", 0.0)
    monkeypatch.setattr("ops.adapters.api.READ_DELAYS", (0.0, 0.0))
    world.call(lambda: fault(world))
    with pytest.raises(LifecycleError) as raised:
        take(DB, WHY, dry_run=False)
    assert words in str(raised.value)
    assert "db (151): no snapshot, and so no change" in str(raised.value)
    assert "set snapshot_before_change of this guest to false" in str(raised.value)
    assert len(world.writes()) == writes


def _change(old, new):
    return SimpleNamespace(old_inputs=old, new_inputs=new, name="db")


def test_the_guests_of_a_stack_do_not_wait_for_each_other(monkeypatch):
    """Two are taken at once, and a guest's second change waits for its first one's and takes none."""
    both_are_there = threading.Barrier(2, timeout=10)
    taken = []

    def slow(args, _description, *, dry_run):
        both_are_there.wait()
        taken.append(args.guest)
        return args.guest

    async def run():  # what is set in here ends with it, so that no other test meets this root resource
        engine.set_root_resource(SimpleNamespace())
        mocks.set_mocks(SimpleNamespace(), project="pve-lifecycle", stack="test", preview=False)
        db, queue = Snapshot(None, DB), Snapshot(None, QUEUE)
        hooks = [each.hooks.before_update[0] for each in (db, queue, queue)]
        await asyncio.gather(*(hook(_change({}, {})) for hook in hooks))
        await _CallbackServicer.shutdown()  # the server of the hooks, which would outlive its loop

    monkeypatch.setattr(snapshot, "take", slow)
    asyncio.run(run())
    assert sorted(taken) == ["db", "queue"]


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(properties=st.dictionaries(st.text(max_size=3), VALUES, max_size=4), default=VALUES)
def test_what_the_provider_adds_is_no_change(properties, default):
    """Neither what equals itself nor a name that one side alone has."""
    assert changed(_change(properties, properties)) == []
    assert changed(_change(properties | {"added": default}, properties)) == []
    ours, theirs = properties | {"__defaults": 0}, properties | {"__defaults": default}
    assert changed(_change(ours, theirs)) == []


def test_what_differs_is_named_by_its_property():
    """However deep: the names are what a person finds in the snapshot's description."""
    old = {"memory": {"dedicated": 1024.0}, "tags": ["a"], "name": "db", "disks": [{"size": 10}]}
    new = {"memory": {"dedicated": 2048.0, "__defaults": []}, "tags": ["a", "b"], "name": "db", "disks": [{}]}
    assert changed(_change(old, new)) == ["memory", "tags"]


def test_a_secret_is_never_looked_at():
    """A description is no place for what depends on one."""

    async def names():
        return changed(_change({"stdin": "old"}, {"stdin": pulumi.Output.secret("new")}))

    assert asyncio.run(names()) == []
