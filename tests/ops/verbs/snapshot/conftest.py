"""A VM and a container with a snapshot each, and what a test looks at afterwards."""

from collections import Counter
from dataclasses import dataclass

import pytest
from fakepve import TaskError

from ops.snapshot import main

NOON = "2026-11-23T12:00:00+00:00"
TAKEN = 1_795_000_000  # 2026-11-18 10:26:40 UTC
THEN = {"tags": "environment-lab;expires-2026-12-01", "memory": 2048}
TODAY = {"tags": "environment-lab;expires-2027-06-01", "memory": 4096, "onboot": 1}
KINDS = {"web": 100, "cache": 101}


@dataclass
class Cluster:
    """The lab's world with the words of these tests."""

    world: object

    def __getattr__(self, name):
        """All else is the world's."""
        return getattr(self.world, name)

    def guest_of(self, name):
        """What the server holds of a guest."""
        return self.pve.guest(KINDS[name])

    def add_snapshot(self, guest, name, *, taken=None, description="", **more):
        """Put one there, without a task."""

        def add():
            held = self.guest_of(guest)
            parent = {"parent": held.config["parent"]} if "parent" in held.config else {}
            config = {key: value for key, value in held.config.items() if key != "lock"} | THEN | parent
            config.pop("onboot", None)
            when = taken or TAKEN + len(held.snapshots)
            held.snapshots[name] = config | {"snaptime": when, "description": description} | more
            held.config["parent"] = name

        self.call(add)

    def left(self, guest):
        """What a person would find: snapshots with descriptions, tags, start at boot, status, lock."""
        held = self.guest_of(guest)
        if held is None:
            return None
        return {
            "snapshots": {name: each.get("description", "").strip() for name, each in held.snapshots.items()},
            "tags": held.config.get("tags"),
            "onboot": int(held.config.get("onboot", 0)),
            "status": held.status,
            "lock": held.lock,
        }

    def end_tasks(self, words, *, work, then=lambda: None):
        """From now on tasks end with these words, their work done or not done."""

        async def ended(_node, body):
            if work:
                await body()
            then()
            if not words.startswith("WARNINGS"):
                raise TaskError(words)

        def note(record, _vm):
            record["exitstatus"] = words

        self.within_tasks(ended, note)

    def never_end_tasks(self, lock):
        """From now on tasks hold their guest and do not end."""

        async def idle(_node, _body):
            """Nothing is done for now."""

        def note(record, vm):
            record["status"] = "running"
            del record["exitstatus"]
            self.pve.snapshot_lock(vm.vmid, lock)

        self.within_tasks(idle, note)

    def within_tasks(self, work, note=lambda _record, _vm: None):
        """Let a task's work go through `work`, which gets its node, and its record through `note`."""
        begin = self.pve.task

        async def task(node, ttype, tid, user, body, **given):
            upid = await begin(node, ttype, tid, user, lambda: work(node, body), **given)
            note(self.pve.tasks[upid], self.pve.guest(int(tid)))
            return upid

        self.pve.task = task

    @property
    def sent(self):
        """Every write with how often it was sent."""
        return Counter((request.method, request.path.rpartition("snapshot")[2]) for request in self.writes())


@pytest.fixture
def cluster(world, monkeypatch):
    """`web` is a VM with an agent, `cache` a container; both run, and were changed after their snapshot."""
    monkeypatch.setenv("LIFECYCLE_NOW", NOON)
    monkeypatch.setattr("ops.runs.looking.LOOK_AGAIN", 0.0)

    def add():
        disk = "local-lvm:vm-100-disk-0,size=8G"
        world.pve.add_vm(100, "web", status="running", config={"agent": "1", "scsi0": disk} | TODAY)
        world.pve.vm(100).agent_in_image = True
        world.pve.add_ct(101, "cache", status="running", config=dict(TODAY))

    world.call(add)
    made = Cluster(world=world)
    for guest in KINDS:
        made.add_snapshot(guest, "before", description="before the upgrade")
    return made


@pytest.fixture
def snapshot(operate, cluster):
    """Run a verb of `pve-snapshot`."""
    return lambda *words: operate(main, *words)


@pytest.fixture(params=KINDS)
def guest(request):
    """A VM, and a container."""
    return request.param
