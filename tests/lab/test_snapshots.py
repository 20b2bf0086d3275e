"""Before `up` changes a guest, a snapshot of what it was exists; and none where nothing changes."""

from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VM = {"name": "db", "vm_id": 151, "distribution": "debian", "snapshot_before_change": True}
CT = {"name": "queue", "vm_id": 251, "distribution": "debian", "snapshot_before_change": True}
RELAY = {"host": "mail.example.org", "sender": "lab@example.org"}
TAKEN = "before-change-20261123-120000"


@pytest.fixture(scope="module")
def project(make_project):
    """A stack with a VM and a container, once up."""
    made = make_project(virtual_machines=[VM], containers=[CT])
    made.up(now=NOW)
    return made


@pytest.fixture(autouse=True)
def _as_at_first(project, world):
    """Each test begins with the guests as they were made, and without snapshots."""
    before = dict(project.config)
    yield
    world.call(world.pve.failures.clear)
    if project.config != before:
        project.write(**{"mail_to": "", "mail_relay": {}} | before)
        project.up(now=NOW)
    world.call(lambda: [world.pve.guest(vmid).snapshots.clear() for vmid in (151, 251)])


def _snapshots(world, vmid):
    return world.call(lambda: {name: dict(snap) for name, snap in world.pve.guest(vmid).snapshots.items()})


def _config(world, vmid):
    return world.call(lambda: dict(world.pve.guest(vmid).config))


def _writes(world, vmid, since):
    return [
        (request.method, request.path.rsplit("/", 1)[1])
        for request in world.writes()[since:]
        if request.vmid == vmid
    ]


def test_a_first_creation_and_a_second_up_take_none(project, world):
    """There is nothing to go back to, and nothing that changes."""
    project.up("--expect-no-changes", now=NOW)
    assert not _snapshots(world, 151)
    assert not _snapshots(world, 251)


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
        snapshots = _snapshots(world, vmid)
        assert list(snapshots) == [TAKEN]
        assert int(snapshots[TAKEN]["memory"]) == 1024
        assert int(_config(world, vmid)["memory"]) == now_memory
        writes = _writes(world, vmid, since)
        assert writes[0] == ("POST", "snapshot")
        assert writes.count(("POST", "snapshot")) == 1
        assert ("PUT", "config") in writes
    description = _snapshots(world, 151)[TAKEN]["description"]
    assert description == f"before pulumi up of stack {project.stack} changes description, memory"
    project.up("--expect-no-changes", now=NOW)


def test_a_snapshot_that_cleanup_took_is_not_missed(project, world):
    """A week later it is gone, and that is no difference; the next change has its own."""
    project.write(containers=[CT | {"memory": 512}])
    project.up(now=NOW)
    world.call(world.pve.ct(251).snapshots.clear)
    project.up("--expect-no-changes", now=NOW + timedelta(days=8))
    assert not _snapshots(world, 251)


def test_what_was_changed_by_hand_is_kept_before_it_is_put_right(project, world):
    """The declaration is as it was; the refresh finds the difference, and `up` takes it back."""
    world.call(lambda: world.pve.vm(151).config.update(memory="4096"))
    project.up(now=NOW)
    assert int(_snapshots(world, 151)[TAKEN]["memory"]) == 4096
    assert int(_config(world, 151)["memory"]) == 1024
    assert not _snapshots(world, 251)


def test_a_script_that_runs_again_is_a_change_of_its_container(project, world):
    """An edited template or mail address changes what is in it, and a VM not at all."""
    project.write(mail_to="ops@example.org", mail_relay=RELAY)
    runs = len(world.provisioned)
    project.up(now=NOW)
    assert len(world.provisioned) == runs + 1
    assert list(_snapshots(world, 251)) == [TAKEN]
    assert not _snapshots(world, 151)


def test_container_and_script_in_one_up_take_one_snapshot(project, world):
    """The second would hold a guest that is half changed."""
    project.write(containers=[CT | {"memory": 512}], mail_to="ops@example.org", mail_relay=RELAY)
    project.up(now=NOW)
    assert [int(snap["memory"]) for snap in _snapshots(world, 251).values()] == [1024]


def test_a_second_change_at_the_same_time_has_its_own_name(project, world):
    """LIFECYCLE_NOW may stand still; the older snapshot is kept as well."""
    for memory in (512, 768):
        project.write(containers=[CT | {"memory": memory}])
        project.up(now=NOW)
    assert {name: int(snap["memory"]) for name, snap in _snapshots(world, 251).items()} == {
        TAKEN: 1024,
        f"{TAKEN}-2": 512,
    }


def test_a_storage_that_cannot_snapshot_is_said_by_the_preview(project, world):
    """Neither the preview nor an `up` without one goes on; no call changes the guest."""
    storage = world.pve.storages["local-lvm"]
    before = storage["type"]
    project.write(virtual_machines=[VM | {"memory": 2048}])
    since = len(world.writes())
    world.call(lambda: storage.update(type="lvm"))
    try:
        preview = project.pulumi("preview", "--stack", project.stack, now=NOW, check=False)
        up = project.up(now=NOW, check=False)
    finally:
        world.call(lambda: storage.update(type=before))
    for result in (preview, up):
        assert result.status != 0
        assert "db (151): no snapshot, and so no change: it cannot be snapshotted" in result.output
        assert "set snapshot_before_change of this guest to false" in result.output
    assert _writes(world, 151, since) == []


def test_a_snapshot_that_fails_stops_the_change(project, world):
    """Refused by Proxmox: the guest is as it was, and the next `up` does both."""
    world.call(
        lambda: world.pve.fail(
            "POST",
            "/nodes/{node}/qemu/{vmid}/snapshot",
            403,
            "Permission check failed (/vms/151, VM.Snapshot)",
        )
    )
    project.write(virtual_machines=[VM | {"memory": 2048}])
    result = project.up(now=NOW, check=False)
    assert result.status != 0
    assert "lacks VM.Snapshot on /vms/151" in result.output
    assert int(_config(world, 151)["memory"]) == 1024
    world.call(world.pve.failures.clear)
    project.up(now=NOW)
    assert int(_config(world, 151)["memory"]) == 2048
    assert list(_snapshots(world, 151)) == [TAKEN]


def test_production_has_its_snapshot_too(make_project, world):
    """Protection, of Pulumi and of Proxmox VE, is in nobody's way."""
    shop = VM | {"name": "till", "vm_id": 152}
    project = make_project("prod", environment="prod", virtual_machines=[shop])
    project.up(now=NOW)
    project.write(virtual_machines=[shop | {"description": "said anew"}])
    project.up(now=NOW)
    assert list(_snapshots(world, 152)) == [TAKEN]
    project.up("--expect-no-changes", now=NOW)
    assert list(_snapshots(world, 152)) == [TAKEN]


def test_a_destroy_takes_the_guest_with_its_snapshots(make_project, world):
    """Nothing of the snapshot stands in the way, and none is taken of what is to go."""
    project = make_project(
        virtual_machines=[VM | {"name": "gone", "vm_id": 153}],
        containers=[CT | {"name": "away", "vm_id": 253}],
    )
    project.up(now=NOW)
    project.write(
        virtual_machines=[VM | {"name": "gone", "vm_id": 153, "memory": 2048}],
        containers=[CT | {"name": "away", "vm_id": 253, "memory": 512}],
    )
    project.up(now=NOW)
    since = len(world.writes())
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", project.stack, now=NOW)
    assert world.call(lambda: [world.pve.guest(153), world.pve.guest(253)]) == [None, None]
    assert "snapshot" not in {request.path.rsplit("/", 1)[1] for request in world.writes()[since:]}
