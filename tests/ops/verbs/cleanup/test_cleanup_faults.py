"""What the server, its tasks and its guests can do to a clean-up: exit code, words, what is left behind."""

import time

import pytest
from fakepve.model import TaskError

from ops.cleanup_snapshots import main
from ops.runs.cleanup import deletions as cleanup_deletions
from ops.runs.cleanup import run as cleanup

SNAPSHOT = "/nodes/pve1/qemu/101/snapshot/old"
HERE, GONE = {"old"}, set()


def fails(status, message):
    """A way to make the server refuse the deletion."""
    return lambda world: world.pve.fail("DELETE", SNAPSHOT, status, message)


def offline(world):
    """A way to take the VM's node away, and leave the other's."""
    world.pve.set_node_offline("pve1")


REFUSALS = {
    "backup": (lambda world: world.pve.snapshot_lock(101, "backup"), "locked (backup)", 0),
    "migrate": (lambda world: world.pve.snapshot_lock(101, "migrate"), "locked (migrate)", 0),
    "snapshot-delete": (
        lambda world: world.pve.snapshot_lock(101, "snapshot-delete"),
        "locked (snapshot-delete)",
        0,
    ),
    "offline": (offline, "its node pve1 is offline", 0),
    "quorum": (fails(500, "cluster not ready - no quorum?"), "no quorum", 1),
    "forbidden": (
        fails(403, "Permission check failed (/vms/101, VM.Snapshot)"),
        "lacks VM.Snapshot on /vms/101",
        1,
    ),
    "expired": (fails(401, "invalid token value!"), "refused the token ops@pve!lab", 1),
    "replication": (
        fails(500, "snapshot 'old' needed by replication job '101-0' - run replication first"),
        "needed by replication job",
        1,
    ),
}


@pytest.mark.parametrize("fault", REFUSALS)
def test_what_the_server_does_not_allow_is_told_and_tried_once(
    world, operate, due, fault, deletions, the_other_is_gone
):
    """Exit code 1, PVE's reason, the snapshot as it was, and the other guest's gone."""
    arrange, words, sent = REFUSALS[fault]
    world.call(lambda: arrange(world))
    run = operate(main, "--all", "--lock-wait", "0")
    assert (run.code, set(due.snapshots), len(deletions())) == (1, HERE, sent)
    assert words in " ".join(run.out.split())
    assert the_other_is_gone()


def test_without_a_quorum_nothing_is_deleted(world, operate, due):
    """The whole cluster is read-only; every guest says so."""
    world.call(world.pve.lose_quorum)
    run = operate(main, "--all")
    assert (run.code, set(due.snapshots), len(world.writes())) == (1, HERE, 2)
    assert run.out.count("no quorum") == 2


def test_a_token_that_was_revoked_deletes_nothing(world, operate, due):
    """The first question already fails; the words name the token."""
    world.call(world.pve.apitokens.clear)
    run = operate(main, "--all")
    assert (run.code, set(due.snapshots), world.writes()) == (1, HERE, [])
    assert "refused the token ops@pve!lab" in run.err


def test_a_token_that_sees_nothing_is_not_nothing_to_do(world, operate):
    """An empty list is what a token without rights gets."""
    world.call(world.pve.vms.clear)
    run = operate(main, "--all")
    assert run.code == 1
    assert "sees no guest at all" in run.err


@pytest.mark.parametrize("words", ["storage is full", "zfs error: dataset is busy", "VM is locked (backup)"])
def test_a_task_that_fails_is_a_failure_with_its_words(
    world, operate, due, words, deletions, tasks_that, the_other_is_gone
):
    """The call was accepted, which is not success."""

    async def fail(_body):
        raise TaskError(words)

    tasks_that(fail)
    run = operate(main, "--all")
    assert (run.code, set(due.snapshots), len(deletions())) == (1, HERE, 1)
    assert words in run.out
    assert the_other_is_gone()


def test_a_task_with_warnings_is_done(world, operate, due):
    """And what it warned of is shown."""
    task = world.pve.task

    async def warned(node, ttype, *rest, **more):
        upid = await task(node, ttype, *rest, **more)
        world.pve.tasks[upid]["exitstatus"] = "WARNINGS: 1"
        return upid

    world.pve.task = warned
    run = operate(main, "--all")
    assert (run.code, set(due.snapshots)) == (0, GONE)
    assert "warnings" in run.out
    assert "WARNINGS: 1" in run.out


def test_a_lock_that_goes_in_time_is_waited_for(world, operate, due, monkeypatch, the_other_is_gone):
    """A backup ends, and the deletion follows in the same run; the others did not wait for it."""
    world.call(lambda: world.pve.snapshot_lock(101, "backup"))
    order = []
    wait = cleanup_deletions.wait_until_unlocked

    def unlock_then_wait(proxmox, guest, *, at_most, **more):
        if guest.vmid == 101 and at_most > 0:
            order.append(the_other_is_gone())
            world.call(lambda: world.pve.unlock(101))
        return wait(proxmox, guest, at_most=at_most, **more)

    monkeypatch.setattr(cleanup_deletions, "wait_until_unlocked", unlock_then_wait)
    run = operate(main, "--all", "--lock-wait", "5")
    assert (run.code, set(due.snapshots), order) == (0, GONE, [True])


def kept(world):
    """A person types a keep line in Proxmox's own interface."""
    world.pve.vm(101).snapshots["old"]["description"] = "keep until 2999-12-31: the auditors come"


def replaced(world):
    """A person takes a new one under the old name."""
    world.pve.vm(101).snapshots["old"]["snaptime"] = int(time.time())


def moved(world):
    """The guest is migrated."""
    world.pve.vm(101).node = "pve2"


def gone(world):
    """The guest is deleted."""
    world.pve.vms.remove(world.pve.vm(101))


def deleted(world):
    """Somebody else was quicker."""
    world.pve.vm(101).snapshots.clear()


@pytest.mark.parametrize(
    ("change", "code", "left", "words"),
    [
        (kept, 1, HERE, "has changed since the run began: kept until 2999-12-31: the auditors come"),
        (replaced, 1, HERE, "has changed since the run began: 0 h 0 min old"),
        (moved, 1, HERE, "the guest has moved to pve2; the next run takes it"),
        (gone, 0, HERE, "the guest is gone, and its snapshots with it"),
        (deleted, 0, GONE, "was gone before its turn"),
    ],
)
def test_what_changes_between_the_plan_and_its_turn_is_seen(
    world, operate, due, change, code, left, words, at_its_turn, deletions, the_other_is_gone
):
    """Each snapshot is looked at just before; what is not as it was is not deleted."""
    at_its_turn(lambda: change(world))
    run = operate(main, "--all")
    assert (run.code, set(due.snapshots), deletions()) == (code, left, [])
    assert words in " ".join(run.out.split())
    assert the_other_is_gone()


def test_a_guest_that_moves_while_the_list_is_read_is_found_again(world, operate, due, monkeypatch):
    """It is asked for once more, where it is now."""
    observe = cleanup.observe

    def observed(proxmox):
        inventory = observe(proxmox)
        world.call(lambda: moved(world))
        return inventory

    monkeypatch.setattr(cleanup, "observe", observed)
    assert (operate(main, "--all").code, set(due.snapshots)) == (0, GONE)
