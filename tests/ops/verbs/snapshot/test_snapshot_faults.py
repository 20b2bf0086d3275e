"""The table of faults: for each command the exit code, the words, and what is left behind."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ops.adapters.proxmox import Proxmox
from ops.runs.snapshots import steps as snapshots

COMMANDS = {
    "create": ("create", "{}", "--name", "new"),
    "rollback": ("rollback", "{}", "before", "--yes"),
    "delete": ("delete", "{}", "before"),
    "keep": ("keep", "{}", "before", "--until", "2027-01-31", "--reason", "the audit"),
    "release": ("release", "{}", "kept"),
}
TASKS = ("create", "rollback", "delete")
PATIENCE = ("--lock-wait", "0", "--timeout", "0.2", "--json")
BLOCKED = "can't rollback, 'before' is not most recent snapshot on 'tank:vm-100-disk-0'"
DESCRIPTION = "/nodes/{node}/%s/{vmid}/snapshot/{snapname}/config"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong, and what is promised: `result` None is an error before any guest was looked at."""

    arrange: Callable
    words: str
    result: str | None = "failed"
    sent: int = 1
    commands: tuple[str, ...] = TASKS


def _locked(lock):
    return Fault(
        arrange=lambda cluster, guest: cluster.pve.snapshot_lock(cluster.guest_of(guest).vmid, lock),
        words=f"the guest is locked ({lock}), still after 0 s",
        result="refused",
        sent=0,
        commands=tuple(COMMANDS),
    )


def _task_ends(words):
    return lambda cluster, _guest: cluster.end_tasks(words, work=False)


def _without(privileges):
    def arrange(cluster, _guest):
        for grants in cluster.pve.acl.values():
            for _, held in grants:
                held.difference_update(privileges)

    return arrange


def _offline(cluster, guest):
    cluster.pve.set_node_offline(cluster.guest_of(guest).node)


def _cannot_be_snapshotted(cluster, guest):
    key = "scsi0" if guest == "web" else "rootfs"
    cluster.guest_of(guest).config[key] = "local:100/vm-100-disk-0.raw,size=8G"


def _described(cluster, _guest):
    for kind in ("qemu", "lxc"):
        cluster.pve.fail("PUT", DESCRIPTION % kind, 500, "cluster not ready - no quorum?")


def _expires_meanwhile(cluster, _guest):
    for method, path in (("POST", "/snapshot"), ("POST", "/rollback"), ("DELETE", "/before")):
        cluster.pve.fail(method, path, 401, "permission denied - invalid PVE ticket")


FAULTS = {
    "lock of a backup": _locked("backup"),
    "lock of a migration": _locked("migrate"),
    "lock of a deletion that broke off": _locked("snapshot-delete"),
    "lost quorum": Fault(arrange=lambda cluster, _: cluster.pve.lose_quorum(), words="no quorum"),
    "lost quorum, description": Fault(arrange=_described, words="no quorum", commands=("keep", "release")),
    "node offline": Fault(
        arrange=_offline,
        words="its node pve1 is offline",
        result="refused",
        sent=0,
        commands=tuple(COMMANDS),
    ),
    "403": Fault(
        arrange=_without({"VM.Snapshot", "VM.Snapshot.Rollback"}),
        words="lacks VM.Snapshot",
        commands=tuple(COMMANDS),
    ),
    "401 before": Fault(
        arrange=lambda cluster, _: cluster.pve.apitokens.clear(),
        words="Proxmox refused the token ops@pve!lab",
        result=None,
        sent=0,
        commands=tuple(COMMANDS),
    ),
    "401 in the middle": Fault(arrange=_expires_meanwhile, words="Proxmox refused the token ops@pve!lab"),
    "task error": Fault(arrange=_task_ends("disk on fire"), words="disk on fire"),
    "storage full": Fault(arrange=_task_ends("lvcreate: insufficient free space"), words="insufficient free"),
    "storage that cannot snapshot": Fault(
        arrange=_cannot_be_snapshotted,
        words="on storage local (dir), which cannot snapshot it",
        result="refused",
        sent=0,
        commands=("create",),
    ),
    "not most recent snapshot": Fault(
        arrange=_task_ends(BLOCKED),
        words="Newer, and lost with it: kept. If they may go: pve-snapshot delete",
        commands=("rollback",),
    ),
}
# VM and container by turns, so that every fault meets both.
TABLE = [
    pytest.param(fault, command, ("web", "cache")[(row + column) % 2], id=f"{name}-{command}")
    for row, (name, fault) in enumerate(FAULTS.items())
    for column, command in enumerate(fault.commands)
]


@pytest.fixture
def ready(cluster, guest):
    """A second snapshot, newer and kept."""
    cluster.add_snapshot(guest, "kept", description="keep until 2027-01-01: x")
    return cluster


@pytest.mark.parametrize(("fault", "command", "guest"), TABLE)
def test_a_fault_ends_with_1_and_words_and_leaves_everything_as_it_was(
    ready, snapshot, guest, fault, command
):
    """No write is sent twice, and none at all where it was clear before."""
    ready.call(lambda: fault.arrange(ready, guest))
    before = ready.left(guest)
    run = snapshot(*(word.format(guest) for word in COMMANDS[command]), *PATIENCE)
    assert run.code == 1
    if fault.result is None:
        assert fault.words in run.err
    else:
        (outcome,) = run.document["outcomes"]
        assert outcome["result"] == fault.result
        assert fault.words in outcome["words"]
    assert ready.left(guest) == before
    assert sum(ready.sent.values()) == fault.sent


@pytest.mark.parametrize("command", TASKS)
def test_a_task_with_warnings_is_done_and_the_warning_is_shown(ready, snapshot, guest, command):
    """Exit code 0, for it is done; the log is a person's to read."""
    ready.end_tasks("WARNINGS: 1", work=True)
    run = snapshot(*(word.format(guest) for word in COMMANDS[command]), "--json")
    assert run.code == 0
    (outcome,) = run.document["outcomes"]
    assert outcome["result"] == "warnings"
    assert outcome["words"].startswith("WARNINGS: 1")
    names = set(ready.left(guest)["snapshots"])
    assert names == {"before", "kept"} ^ {"create": {"new"}, "delete": {"before"}}.get(command, set())


@pytest.mark.parametrize("command", TASKS)
def test_a_task_that_does_not_end_is_neither_repeated_nor_unlocked(ready, snapshot, guest, command):
    """Its UPID is said; what goes on at the node goes on."""
    ready.never_end_tasks("snapshot")
    run = snapshot(*(word.format(guest) for word in COMMANDS[command]), *PATIENCE)
    assert run.code == 1
    (outcome,) = run.document["outcomes"]
    assert outcome["result"] == "unknown"
    assert "UPID:pve1:" in outcome["words"]
    assert "goes on at the node" in outcome["words"]
    assert "(snapshot)" in outcome["words"]
    assert ready.left(guest)["lock"] == "snapshot"
    assert list(ready.sent.values()) == [1]
    if command == "rollback":
        assert "--tags 'environment-lab;expires-2027-06-01'" in outcome["words"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_guest_that_goes_between_the_list_and_the_action_is_not_a_crash(
    ready, snapshot, guest, command, monkeypatch
):
    """Nothing is sent, and the other guests have their turn."""
    listed = Proxmox.guests

    def vanishing(self):
        found = listed(self)
        gone = ready.guest_of(guest)
        ready.call(lambda: (ready.pve.vms if guest == "web" else ready.pve.cts).remove(gone))
        return found

    monkeypatch.setattr(Proxmox, "guests", vanishing)
    run = snapshot(*(word.format(guest) for word in COMMANDS[command]), *PATIENCE)
    assert run.code == 1
    assert "does not exist" in run.out + run.err
    assert not ready.writes()


def test_a_batch_goes_on_after_a_guest_that_failed(ready, snapshot, guest):
    """One is locked; the other has its snapshot; the exit code says that not all was done."""
    ready.call(lambda: ready.pve.snapshot_lock(ready.guest_of(guest).vmid, "backup"))
    other = "cache" if guest == "web" else "web"
    run = snapshot("create", "--all", "--name", "new", *PATIENCE)
    assert run.code == 1
    assert {each["name"]: each["result"] for each in run.document["outcomes"]} == {
        guest: "refused",
        other: "done",
    }
    assert "new" in ready.left(other)["snapshots"]


def test_a_lock_that_goes_in_time_is_waited_for(ready, snapshot, guest, monkeypatch):
    """A backup ends, and then the snapshot is taken."""
    vmid = ready.guest_of(guest).vmid
    ready.call(lambda: ready.pve.snapshot_lock(vmid, "backup"))
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        ready.call(lambda: ready.pve.unlock(vmid))

    monkeypatch.setattr(snapshots, "pause", sleep)
    assert snapshot("create", guest, "--name", "new").code == 0
    assert slept
