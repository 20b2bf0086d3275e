"""A container is set up by its node, anew where it is new; what counts at birth only does not restart it."""

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VM = {"name": "beside", "vm_id": 186, "distribution": "debian"}


@pytest.fixture(scope="module")
def project(make_project):
    """A stack with a container, and a VM for its image."""
    made = make_project(
        virtual_machines=[VM], containers=[{"name": "box", "vm_id": 281, "distribution": "debian"}]
    )
    made.up(now=NOW)
    return made


def test_a_container_made_anew_is_set_up_anew(project, world):
    """Deleted from outside and brought back under the same number, it gets its script again."""
    world.call(lambda: world.pve.cts.remove(world.pve.ct(281)))
    runs = len(world.provisioned)
    project.up(now=NOW)
    assert [run.vmid for run in world.provisioned[runs:]] == [281]
    project.up("--expect-no-changes", now=NOW)


def test_another_distribution_restarts_no_container(project, world):
    """What the guest is told to be counts at birth only."""
    config, before = dict(project.config), len(world.writes())
    project.write(containers=[{"name": "box", "vm_id": 281, "distribution": "ubuntu"}])
    project.up(now=NOW)
    assert not [request for request in world.writes()[before:] if "/status/" in request.path]
    project.write(**config)
    project.up(now=NOW)


def test_a_corrected_checksum_leaves_the_image_there(project, world):
    """The file of the corrected image is another one, so taking the old one away harms nothing."""
    project.write(image=project.config["image"] | {"checksum": "2" * 64})
    project.up(now=NOW)
    volumes = world.call(
        lambda: [name for name in world.pve.storages["local"]["volumes"] if "import/" in name]
    )
    assert len([name for name in volumes if f"-{project.stack}-" in name]) == 1
    project.up("--expect-no-changes", now=NOW)


def test_a_new_key_of_the_node_is_used_from_then_on(project, world):
    """Rotating the node's login does not freeze the containers' setup on the old one."""
    (name,) = world.nodes
    environ = dict(project.environ)
    moved = environ["PROXMOX_VE_SSH_NODES"].replace('"address": "', '"address": "localhost-is-not-', 1)
    assert name in moved
    project.environ["PROXMOX_VE_SSH_NODES"] = moved
    project.write(
        mail_to="ops@example.org", mail_relay={"host": "mail.example.org", "sender": "a@example.org"}
    )
    assert project.up(now=NOW, check=False).status != 0
    project.environ |= environ
    runs = len(world.provisioned)
    project.up(now=NOW)
    assert {run.vmid for run in world.provisioned[runs:]} == {281}
    project.up("--expect-no-changes", now=NOW)
