"""Rolling back: what is said before, what outlives it, and what is left on a bad day."""

import io

import pytest

TODAYS = {"tags": "environment-lab;expires-2027-06-01", "onboot": 1}


def test_todays_expiry_and_start_at_boot_outlive_it_and_a_running_guest_runs_again(cluster, snapshot, guest):
    """Everything else is the snapshot's."""
    run = snapshot("rollback", guest, "before", "--yes")
    assert run.code == 0
    left = cluster.left(guest)
    assert {key: left[key] for key in TODAYS} == TODAYS
    assert left["status"] == "running"
    assert cluster.guest_of(guest).config["memory"] == 2048
    assert sum(cluster.sent.values()) == 3


def test_a_stopped_guest_stays_stopped_and_equal_settings_are_not_written(cluster, snapshot, guest):
    """One write: the rollback."""

    def stop():
        held = cluster.guest_of(guest)
        held.status, held.started_at = "stopped", None
        held.config.update(tags=held.snapshots["before"]["tags"], onboot=0)

    cluster.call(stop)
    assert snapshot("rollback", guest, "before", "--yes").code == 0
    assert cluster.left(guest)["status"] == "stopped"
    assert cluster.sent == {("POST", "/before/rollback"): 1}
    assert cluster.writes()[0].params["start"] == "0"


def test_what_is_lost_and_what_stays_is_said_before(cluster, snapshot, guest):
    """The age, the settings that go back, the SSH keys, the newer snapshots."""
    cluster.add_snapshot(guest, "after")
    notes = "\n".join(
        snapshot("rollback", guest, "before", "--dry-run", "--json").document["plan"][0]["notes"]
    )
    for words in (
        "lost: everything that was written to its disks since 2026-11-18",
        "goes back: memory: 4096 -> 2048",
        "stays: tags environment-lab;expires-2027-06-01, start at boot 1",
        "switched off hard, and started again",
        "its SSH keys will be those of that day: afterwards, pve-rotate-keys --audit",
        "newer snapshots stay in the list, where the storage can keep them: after",
    ):
        assert words in notes


def test_on_zfs_the_blockers_are_named_before(cluster, snapshot):
    """It goes back to the newest snapshot only."""
    cluster.call(lambda: cluster.pve.storages["local-lvm"].update(type="zfspool"))
    cluster.add_snapshot("web", "after")
    notes = snapshot("rollback", "web", "before", "--dry-run", "--json").document["plan"][0]["notes"]
    assert notes[-1] == (
        "storage local-lvm goes back to its newest snapshot only: refused as long as there is after"
    )


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self):
        """It is one."""
        return True


@pytest.mark.parametrize(("typed", "code"), [("web", 0), ("cache", 1), ("yes", 1), ("", 130)])
def test_it_asks_for_the_guests_name(cluster, snapshot, monkeypatch, typed, code):
    """A yes by habit goes nowhere; the loss is said first."""
    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n" if typed else ""))
    run = snapshot("rollback", "web", "before")
    assert run.code == code
    assert len(cluster.writes()) == (3 if code == 0 else 0)
    assert run.err.index("lost: everything") < run.err.index("Type the guest's name (web)")


def test_where_nobody_can_be_asked_it_refuses(cluster, snapshot, monkeypatch):
    """Before it asks the server anything."""
    monkeypatch.setattr("sys.stdin", io.StringIO("web\n"))
    run = snapshot("rollback", "web", "before")
    assert (run.code, len(cluster.requests)) == (2, 0)
    assert "--yes" in run.err


def test_a_snapshot_that_is_not_whole_is_not_gone_back_to(cluster, snapshot, guest):
    """Nor is one that does not exist."""
    cluster.add_snapshot(guest, "broken", snapstate="prepare")
    assert "not whole (snapstate prepare)" in snapshot("rollback", guest, "broken", "--yes").out
    assert "it has no snapshot nix; it has: before, broken" in snapshot("rollback", guest, "nix", "--yes").out
    assert not cluster.writes()


def test_settings_that_cannot_be_set_again_are_a_failure_with_the_command(cluster, snapshot, guest):
    """Rolled back, with the old expiry date: that must not pass for done."""
    cluster.pve.fail("PUT", f"/{cluster.guest_of(guest).vmid}/config", 500, "got timeout")
    run = snapshot("rollback", guest, "before", "--yes", "--json")
    assert run.code == 1
    (outcome,) = run.document["outcomes"]
    assert outcome["result"] == "failed"
    tool = "qm" if guest == "web" else "pct"
    command = f"{tool} set {outcome['vmid']} --onboot 1 --tags 'environment-lab;expires-2027-06-01'"
    assert "today's tags and start at boot could not be set again: " in outcome["words"]
    assert command in outcome["words"]
    assert [count for (method, _), count in cluster.sent.items() if method == "PUT"] == [1]


def test_the_way_to_set_todays_settings_is_said_before_anything_is_sent(
    cluster, snapshot, guest, monkeypatch
):
    """A rollback that is killed afterwards has not lost them: the terminal still shows them."""

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.adapters.snapshots.Snapshots.roll_back", killed)
    run = snapshot("rollback", guest, "before", "--yes")
    assert run.code == 130
    assert "--tags 'environment-lab;expires-2027-06-01'" in run.err


def test_an_extension_in_the_last_moment_counts(cluster, snapshot, guest, monkeypatch):
    """Today's settings are read after the question and the wait for a lock, not with the plan."""
    vmid = cluster.guest_of(guest).vmid

    def wait(*_, **__):
        cluster.call(lambda: cluster.pve.guest(vmid).config.update(tags="environment-lab;expires-2028-01-01"))

    monkeypatch.setattr("ops.runs.snapshots.steps.wait_until_unlocked", wait)
    assert snapshot("rollback", guest, "before", "--yes").code == 0
    assert cluster.left(guest)["tags"] == "environment-lab;expires-2028-01-01"


def test_a_rollback_that_broke_off_gives_todays_settings_back(cluster, snapshot, guest):
    """The configuration was rolled back, and then the start failed."""
    cluster.end_tasks("the guest did not start", work=True)
    run = snapshot("rollback", guest, "before", "--yes")
    assert run.code == 1
    assert "the guest did not start" in run.out
    assert {key: cluster.left(guest)[key] for key in TODAYS} == TODAYS


def test_tags_that_a_guest_has_no_more_cannot_come_back_unnoticed(cluster, snapshot, guest):
    """The program cannot take a setting away: it says so, with the command."""
    cluster.call(lambda: cluster.guest_of(guest).config.pop("tags"))
    run = snapshot("rollback", guest, "before", "--yes")
    assert run.code == 1
    assert "--onboot 1 --delete tags" in run.out
    assert cluster.left(guest)["onboot"] == 1
    assert not any("tags" in request.params for request in cluster.writes())


def test_a_guest_that_was_started_while_a_person_was_asked_runs_again(cluster, snapshot, guest, monkeypatch):
    """What the plan saw may be minutes old."""
    held = cluster.guest_of(guest)

    def stop():
        held.status, held.started_at = "stopped", None

    def wait(*_, **__):
        cluster.call(lambda: setattr(held, "status", "running"))

    cluster.call(stop)
    monkeypatch.setattr("ops.runs.snapshots.steps.wait_until_unlocked", wait)
    assert snapshot("rollback", guest, "before", "--yes").code == 0
    assert cluster.left(guest)["status"] == "running"


def test_a_rollback_that_left_its_lock_and_the_old_settings_says_so(cluster, snapshot, guest):
    """PVE's lock is not taken off; the command is for whoever does."""

    def lock():
        held = cluster.guest_of(guest)
        held.config.update(tags="environment-lab;expires-2026-12-01")
        cluster.pve.snapshot_lock(held.vmid, "rollback")

    cluster.end_tasks("disk on fire", work=False, then=lock)
    run = snapshot("rollback", guest, "before", "--yes", "--lock-wait", "0", "--json")
    (outcome,) = run.document["outcomes"]
    assert (run.code, outcome["result"]) == (1, "failed")
    assert "disk on fire" in outcome["words"]
    assert "could not be set again: the guest is locked (rollback)" in outcome["words"]
    assert "--tags 'environment-lab;expires-2027-06-01'" in outcome["words"]
    assert cluster.left(guest)["lock"] == "rollback"


def _start_afterwards(cluster, guest, run):
    """As PVE does: the rollback's worker forks the start as a task of its own, and ends.

    `run` says how many looks afterwards find the guest down before it runs.
    """
    held = cluster.guest_of(guest)
    looks = []

    async def rolled_back(_node, body):
        await body()
        held.status = "stopped"

    def looked(_proxmox, _guest):
        looks.append(held.status)
        if len(looks) == run + 2:  # the plan's look, and the one before the rollback
            held.status = "running"
        return held.status == "running"

    cluster.within_tasks(rolled_back, lambda *_: None)
    return looked


def test_a_guest_that_starts_after_the_rollback_is_waited_for(cluster, snapshot, guest, monkeypatch):
    """The task of a rollback ends before the guest's start does."""
    looked = _start_afterwards(cluster, guest, run=2)
    monkeypatch.setattr("ops.adapters.proxmox.Proxmox.runs", looked)
    monkeypatch.setattr("ops.runs.snapshots.rollback.LOOK_EVERY", 0.01)
    assert snapshot("rollback", guest, "before", "--yes").code == 0
    assert cluster.left(guest)["status"] == "running"


def test_a_guest_that_does_not_come_back_is_a_failure(cluster, snapshot, guest, monkeypatch):
    """Its start failed in a task that nobody was told of: rolled back and down is not done."""
    looked = _start_afterwards(cluster, guest, run=10**6)
    monkeypatch.setattr("ops.adapters.proxmox.Proxmox.runs", looked)
    monkeypatch.setattr("ops.runs.snapshots.rollback.LOOK_EVERY", 0.01)
    monkeypatch.setattr("ops.runs.snapshots.rollback.START", 0.1)
    run = snapshot("rollback", guest, "before", "--yes", "--json")
    (outcome,) = run.document["outcomes"]
    assert (run.code, outcome["result"]) == (1, "failed")
    assert "it went back, and does not run" in outcome["words"]
    assert {key: cluster.left(guest)[key] for key in TODAYS} == TODAYS


def test_a_guest_of_the_ha_manager_is_told_about_before(cluster, snapshot, guest):
    """It starts what it wants running, a locked guest, too."""
    held = cluster.guest_of(guest)
    cluster.call(lambda: setattr(held, "ha_state", "started"))
    notes = "\n".join(
        snapshot("rollback", guest, "before", "--dry-run", "--json").document["plan"][0]["notes"]
    )
    kind = "vm" if guest == "web" else "ct"
    assert f"ha-manager set {kind}:{held.vmid} --state ignored" in notes
