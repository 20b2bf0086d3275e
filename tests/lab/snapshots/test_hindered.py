"""Where no snapshot can be taken nothing is changed; and a snapshot is in nobody's way."""

import pytest

from tests.lab.snapshots.guests import CT, NOW, TAKEN, VM, config, snapshots, writes

pytestmark = pytest.mark.lab


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
    assert writes(world, 151, since) == []


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
    assert int(config(world, 151)["memory"]) == 1024
    world.call(world.pve.failures.clear)
    project.up(now=NOW)
    assert int(config(world, 151)["memory"]) == 2048
    assert list(snapshots(world, 151)) == [TAKEN]


def test_production_has_its_snapshot_too(make_project, world):
    """Protection, of Pulumi and of Proxmox VE, is in nobody's way."""
    shop = VM | {"name": "till", "vm_id": 152}
    project = make_project("prod", environment="prod", virtual_machines=[shop])
    project.up(now=NOW)
    project.write(virtual_machines=[shop | {"description": "said anew"}])
    project.up(now=NOW)
    assert list(snapshots(world, 152)) == [TAKEN]
    project.up("--expect-no-changes", now=NOW)
    assert list(snapshots(world, 152)) == [TAKEN]


def test_a_destroy_takes_the_guest_with_itssnapshots(make_project, world):
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
