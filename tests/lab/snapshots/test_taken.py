"""Before `up` changes a guest, a snapshot of what it was exists; and none where nothing changes."""

from datetime import timedelta

import pytest

from tests.lab.snapshots.guests import CT, NOW, RELAY, TAKEN, VM, config, snapshots, writes

pytestmark = pytest.mark.lab


def test_a_first_creation_and_a_second_up_take_none(project, world):
    """There is nothing to go back to, and nothing that changes."""
    project.up("--expect-no-changes", now=NOW)
    assert not snapshots(world, 151)
    assert not snapshots(world, 251)


def test_the_snapshot_of_what_it_was_is_there_before_the_change(project, world):
    """VM and container: the stored configuration is the old one, and the calls come in that order."""
    project.write(
        virtual_machines=[VM | {"memory": 2048, "description": "more memory"}],
        containers=[CT | {"memory": 512}],
    )
    preview = project.pulumi("preview", "--stack", project.stack, now=NOW).output
    assert "db: a snapshot will be taken before the change" in preview
    assert "queue: a snapshot will be taken before the change" in preview
    since = len(world.writes())
    said = project.up(now=NOW).output
    assert f"db: snapshot {TAKEN} taken before the change" in said
    for vmid, now_memory in ((151, 2048), (251, 512)):
        taken = snapshots(world, vmid)
        assert list(taken) == [TAKEN]
        assert int(taken[TAKEN]["memory"]) == 1024
        assert int(config(world, vmid)["memory"]) == now_memory
        written = writes(world, vmid, since)
        assert written[0] == ("POST", "snapshot")
        assert written.count(("POST", "snapshot")) == 1
        assert ("PUT", "config") in written
    description = snapshots(world, 151)[TAKEN]["description"]
    assert description == f"before pulumi up of stack {project.stack} changes description, memory"
    project.up("--expect-no-changes", now=NOW)


def test_a_snapshot_that_cleanup_took_is_not_missed(project, world):
    """A week later it is gone, and that is no difference; the next change has its own."""
    project.write(containers=[CT | {"memory": 512}])
    project.up(now=NOW)
    world.call(world.pve.ct(251).snapshots.clear)
    project.up("--expect-no-changes", now=NOW + timedelta(days=8))
    assert not snapshots(world, 251)


def test_what_was_changed_by_hand_is_kept_before_it_is_put_right(project, world):
    """The declaration is as it was; the refresh finds the difference, and `up` takes it back."""
    world.call(lambda: world.pve.vm(151).config.update(memory="4096"))
    project.up(now=NOW)
    assert int(snapshots(world, 151)[TAKEN]["memory"]) == 4096
    assert int(config(world, 151)["memory"]) == 1024
    assert not snapshots(world, 251)


def test_a_script_that_runs_again_is_a_change_of_its_container(project, world):
    """An edited template or mail address changes what is in it, and a VM not at all."""
    project.write(mail_to="ops@example.org", mail_relay=RELAY)
    runs = len(world.provisioned)
    project.up(now=NOW)
    assert len(world.provisioned) == runs + 1
    assert list(snapshots(world, 251)) == [TAKEN]
    assert not snapshots(world, 151)


def test_container_and_script_in_one_up_take_one_snapshot(project, world):
    """The second would hold a guest that is half changed."""
    project.write(containers=[CT | {"memory": 512}], mail_to="ops@example.org", mail_relay=RELAY)
    project.up(now=NOW)
    assert [int(snap["memory"]) for snap in snapshots(world, 251).values()] == [1024]


def test_a_second_change_at_the_same_time_has_its_own_name(project, world):
    """LIFECYCLE_NOW may stand still; the older snapshot is kept as well."""
    for memory in (512, 768):
        project.write(containers=[CT | {"memory": memory}])
        project.up(now=NOW)
    assert {name: int(snap["memory"]) for name, snap in snapshots(world, 251).items()} == {
        TAKEN: 1024,
        f"{TAKEN}-2": 512,
    }
