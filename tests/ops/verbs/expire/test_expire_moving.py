"""What changes while a run is at work: between the scan and the stop, and until the guest is down."""

import asyncio
import threading

import pytest


def move(world, vm, node):
    """Let the guest live on another node, as after a migration."""

    def there():
        world.pve.add_node(node)
        vm.node = node

    world.call(there)


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("tags", "environment-lab;expires-2026-02-28", "its last day is 2026-02-28"),
        ("tags", "environment-lab;expires-2026-02-15;no-expire", "no-expire: it stays"),
        ("tags", "environment-prod", "prod: never stopped"),
    ],
)
def test_a_tag_that_was_changed_after_the_scan_is_honoured(
    world, guest, expire, people, container, key, value, words
):
    """Typed while the notice went out: the guest is left, without a write, and that is no failure."""
    saved = guest(101, container=container)
    people.when_told = lambda: world.call(lambda: saved.config.update({key: value}))
    run = expire()
    (outcome,) = run.document["outcomes"]
    assert (run.code, saved.status, world.writes()) == (0, "running", [])
    assert (outcome["action"], outcome["result"]) == ("leave", "done")
    assert words in outcome["words"]


@pytest.mark.parametrize(
    ("change", "words"),
    [({"protection": 1}, "protection"), ({"tags": "environment-lab;expires-soon"}, "names no day")],
)
def test_what_makes_a_guest_doubtful_after_the_scan_is_a_refusal(world, guest, expire, people, change, words):
    """It was due and cannot be judged any more: it runs on, and the exit code says so."""
    doubtful = guest(101)
    people.when_told = lambda: world.call(lambda: doubtful.config.update(change))
    run = expire()
    (outcome,) = run.document["outcomes"]
    assert (run.code, doubtful.status, outcome["result"]) == (1, "running", "refused")
    assert words in outcome["words"]


def test_who_stopped_it_first_does_not_matter(world, guest, expire, people):
    """A guest that somebody shut down meanwhile is left."""
    vm = guest(101)
    people.when_told = lambda: world.call(lambda: setattr(vm, "status", "stopped"))
    run = expire()
    assert (run.code, world.writes(), run.document["stopped"]) == (0, [], [])
    assert "it is stopped" in run.document["outcomes"][0]["words"]


def test_a_guest_that_has_moved_is_stopped_where_it_is(world, guest, expire, people):
    """Its node is looked up once more."""
    vm = guest(101)
    people.when_told = lambda: move(world, vm, "pve2")
    run = expire()
    assert (run.code, vm.status) == (0, "stopped")
    assert [write.path for write in world.writes()] == ["/nodes/pve2/qemu/101/status/shutdown"]


def test_a_guest_that_is_gone_is_no_failure(world, guest, expire, people):
    """Somebody deleted it meanwhile; expiry has nothing to stop."""
    vm = guest(101)
    people.when_told = lambda: world.call(lambda: world.pve.vms.remove(vm))
    run = expire()
    assert (run.code, world.writes()) == (0, [])
    assert "it is gone" in run.document["outcomes"][0]["words"]


def test_a_guest_that_migrates_is_waited_for_and_stopped_where_it_is(world, guest, expire, people):
    """Its lock is the migration's, and when that is gone, so is the guest from its old node."""
    vm = guest(101)
    people.when_told = lambda: world.call(lambda: world.pve.snapshot_lock(101, "migrate"))
    threading.Timer(0.5, lambda: (world.call(lambda: world.pve.unlock(101)), move(world, vm, "pve2"))).start()
    run = expire("--lock-wait", "30")
    assert (run.code, vm.status) == (0, "stopped")
    assert [write.path for write in world.writes()] == ["/nodes/pve2/qemu/101/status/shutdown"]


def test_a_lock_is_waited_for(world, guest, expire):
    """A backup ends while the run waits, and then the guest is stopped."""
    vm = guest(101)
    scale(world, 0.01)
    world.call(lambda: asyncio.ensure_future(world.pve.backup(101, secs=20)))
    run = expire("--lock-wait", "30")
    assert (run.code, vm.status, len(world.writes())) == (0, "stopped", 1)


@pytest.mark.parametrize("lock", ["backup", "migrate", "snapshot-delete"])
def test_a_lock_that_stays_is_a_refusal(world, guest, expire, lock):
    """Waited for, not ended by force; the next run tries again."""
    vm = guest(101)
    world.call(lambda: world.pve.snapshot_lock(101, lock))
    run = expire("--lock-wait", "0.1")
    (outcome,) = run.document["outcomes"]
    assert (run.code, vm.status, vm.lock, world.writes()) == (1, "running", lock, [])
    assert (outcome["result"], outcome["words"][:12]) == ("refused", "locked (" + lock[:4])


@pytest.mark.parametrize("container", [False, True])
def test_a_guest_of_the_ha_manager_is_followed_until_it_is_down(world, guest, expire, container):
    """The manager's task ends at once and the guest runs on for a while; nothing is said twice."""
    vm = guest(101, container=container, ha_state="started")
    scale(world, 0.01)
    run = expire()
    assert (run.code, vm.status, run.document["stopped"]) == (0, "stopped", [101])
    assert len(world.writes()) == 1


def test_a_guest_of_the_ha_manager_that_stays_up_is_a_failure(world, guest, expire):
    """The task said OK, and what counts is the guest."""
    vm = guest(101, ha_state="started")
    scale(world, 0.01)
    world.call(lambda: setattr(world.pve, "ha_delay", 10_000))
    run = expire("--shutdown-timeout", "1")
    (outcome,) = run.document["outcomes"]
    assert (run.code, vm.status, run.document["stopped"]) == (1, "running", [])
    assert (outcome["result"], outcome["words"]) == ("failed", "still running after 2 s")


def test_a_guest_that_does_not_listen_is_ended_hard(world, guest, expire):
    """A dead agent, no ACPI: after the deadline Proxmox ends it, and the report marks it."""
    deaf = guest(101, config={"agent": "1"}, acpi=False, agent={}, agent_hangs=True)
    scale(world, 1.0)
    run = expire("--shutdown-timeout", "1")
    (outcome,) = run.document["outcomes"]
    assert (run.code, deaf.status, outcome["slow"]) == (0, "stopped", True)
    assert outcome["words"] == "it was not down within 1 s and was ended hard"


def scale(world, seconds):
    """Let PVE's seconds take so many real ones."""
    world.call(lambda: setattr(world.pve, "time_scale", seconds))
