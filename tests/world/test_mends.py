"""What the real provider relies on and the fake alone does not give."""

from collections.abc import Callable

import pytest
import requests

CONFIG = "/nodes/pve1/qemu/101/config"


@pytest.fixture
def vm(api) -> dict[str, object]:
    """A stopped VM's configuration as the API gives it."""
    assert api.task("POST", "/nodes/pve1/qemu", vmid=101, name="web", scsi0="file=local-lvm:8,") == "OK"
    return api.data("GET", CONFIG)


def test_a_new_drive_is_spelled_by_its_volume(vm) -> None:
    """A drive given as file=STORE:SIZE with a trailing comma becomes a named volume."""
    assert vm["scsi0"] == "local-lvm:vm-101-disk-0,size=8G"


@pytest.mark.usefixtures("vm")
def test_a_change_keeps_numbers_as_numbers(api) -> None:
    """The provider cannot read cores that came back as text."""
    api.data("PUT", CONFIG, cores="4", onboot="1", memory="2048")
    changed = api.data("GET", CONFIG)
    assert (changed["cores"], changed["onboot"]) == (4, 1)
    assert changed["memory"] == "2048"


@pytest.mark.usefixtures("vm")
def test_a_change_allocates_a_new_drive(api) -> None:
    """A disk added by a change exists on its storage afterwards."""
    api.data("PUT", CONFIG, scsi1="file=local-lvm:3,discard=on,")
    assert api.data("GET", CONFIG)["scsi1"] == "local-lvm:vm-101-disk-1,discard=on,size=3G"
    volumes = {item["volid"]: item for item in api.data("GET", "/nodes/pve1/storage/local-lvm/content")}
    assert volumes["local-lvm:vm-101-disk-1"]["size"] == 3 * 1024**3


@pytest.mark.usefixtures("vm")
def test_a_refused_change_allocates_nothing(api) -> None:
    """A change that fails leaves no volume behind."""
    answer = api.ask("PUT", CONFIG, scsi1="local-lvm:3", digest="0" * 40)
    assert answer.status_code == 500
    volumes = [item["volid"] for item in api.data("GET", "/nodes/pve1/storage/local-lvm/content")]
    assert "local-lvm:vm-101-disk-1" not in volumes


@pytest.mark.usefixtures("vm")
def test_an_unchanged_drive_keeps_its_volume(api) -> None:
    """A drive written back as it was read allocates nothing."""
    api.data("PUT", CONFIG, scsi0="file=local-lvm:vm-101-disk-0,size=8G")
    assert api.data("GET", CONFIG)["scsi0"] == "local-lvm:vm-101-disk-0,size=8G"


@pytest.mark.usefixtures("vm")
def test_a_network_device_gets_its_model_and_mac(api) -> None:
    """PVE writes virtio=MAC where it was given model=virtio."""
    api.data("PUT", CONFIG, net0="model=virtio,bridge=vmbr0,macaddr=BC:24:11:00:00:07")
    assert api.data("GET", CONFIG)["net0"] == "virtio=BC:24:11:00:00:07,bridge=vmbr0"


@pytest.mark.usefixtures("vm")
def test_tags_are_canonical_after_a_change(api) -> None:
    """PVE lower-cases, sorts and de-duplicates tags whenever they are written."""
    api.data("PUT", CONFIG, tags="Web,lab;web")
    assert api.data("GET", CONFIG)["tags"] == "lab;web"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_cloud_init_drive_has_its_own_name(api, method: str) -> None:
    """The provider knows a cloud-init drive by the name of its volume."""
    drive = {"ide2": "file=local-lvm:cloudinit,media=cdrom"}
    assert api.task("POST", "/nodes/pve1/qemu", vmid=101, **(drive if method == "POST" else {})) == "OK"
    if method == "PUT":
        api.data("PUT", CONFIG, **drive)
    assert api.data("GET", CONFIG)["ide2"] == "local-lvm:vm-101-cloudinit,media=cdrom"
    volumes = [item["volid"] for item in api.data("GET", "/nodes/pve1/storage/local-lvm/content")]
    assert "local-lvm:vm-101-cloudinit" in volumes


def test_an_image_is_imported_into_a_new_disk(api) -> None:
    """An image downloaded without network becomes the disk of a new VM."""
    where = {"content": "import", "filename": "debian.qcow2", "url": "https://images.invalid/debian.qcow2"}
    assert api.task("POST", "/nodes/pve1/storage/local/download-url", **where) == "OK"
    drive = "file=local-lvm:0,import-from=local:import/debian.qcow2,discard=on"
    assert api.task("POST", "/nodes/pve1/qemu", vmid=101, scsi0=drive) == "OK"
    assert api.data("GET", CONFIG)["scsi0"].startswith("local-lvm:vm-101-disk-0,discard=on,size=")
    assert api.task("PUT", "/nodes/pve1/qemu/101/resize", disk="scsi0", size="8G") == "OK"
    assert api.data("GET", CONFIG)["scsi0"].endswith(",size=8G")


def test_an_absent_image_is_not_imported(api) -> None:
    """PVE refuses an import of what is not there."""
    drive = "local-lvm:0,import-from=local:import/none.qcow2"
    assert "does not exist" in api.task("POST", "/nodes/pve1/qemu", vmid=101, scsi0=drive)
    assert 101 not in {item["vmid"] for item in api.data("GET", "/nodes/pve1/qemu")}


@pytest.mark.usefixtures("vm")
def test_a_disk_never_shrinks(api) -> None:
    """PVE refuses a smaller size in the task."""
    ended = api.task("PUT", "/nodes/pve1/qemu/101/resize", disk="scsi0", size="2G")
    assert ended == "shrinking disks is not supported"


def test_a_snippet_is_listed_at_once(api, put_snippet: Callable[[str, str], str]) -> None:
    """The provider looks for a snippet straight after writing it over SSH."""
    put_snippet("web.yaml", "#cloud-config\n")
    listed = api.data("GET", "/nodes/pve1/storage/local/content", content="snippets")
    assert [(item["volid"], item["size"]) for item in listed] == [("local:snippets/web.yaml", 14)]


def test_a_removed_snippet_is_gone(world, api, put_snippet: Callable[[str, str], str]) -> None:
    """What the API removes is removed on the node too."""
    put_snippet("web.yaml", "#cloud-config\n")
    assert api.task("DELETE", "/nodes/pve1/storage/local/content/local:snippets/web.yaml") == "OK"
    assert api.data("GET", "/nodes/pve1/storage/local/content", content="snippets") == []
    assert list(world.pve.storage.rglob("*.yaml")) == []


def test_the_cluster_is_preloaded(api) -> None:
    """There is a template to clone, and container templates to make containers from."""
    template = api.data("GET", "/nodes/pve1/qemu/9000/config")
    assert (template["name"], template["template"]) == ("debian-12-template", 1)
    listed = [
        item["volid"] for item in api.data("GET", "/nodes/pve1/storage/local/content", content="vztmpl")
    ]
    assert len(listed) == 2


def test_a_slash_at_the_end_of_a_path_is_no_other_path(world, api, make_vm) -> None:
    """The provider deletes a VM at `.../101/?purge=1`; PVE takes that, and the VM is gone."""
    make_vm()
    assert api.task("DELETE", "/nodes/pve1/qemu/101/", purge=1) == "OK"
    assert world.pve.vm(101) is None
    assert world.writes(101)[-1].path == "/nodes/pve1/qemu/101"


def test_only_a_container_s_description_ends_in_a_newline(api, make_vm, make_container) -> None:
    """PVE keeps a container's description as lines, and so do its snapshots."""
    make_vm(description="a VM")
    make_container(description="a container")
    assert api.data("GET", CONFIG)["description"] == "a VM"
    container = "/nodes/pve1/lxc/201"
    assert api.data("GET", f"{container}/config")["description"] == "a container\n"
    api.data("PUT", f"{container}/config", description="two\nlines\n")
    assert api.data("GET", f"{container}/config")["description"] == "two\nlines\n"
    assert api.task("POST", f"{container}/snapshot", snapname="one", description="why") == "OK"
    assert api.data("GET", f"{container}/snapshot")[0]["description"] == "why\n"


def test_a_token_does_what_its_role_says(world, open_api, make_vm) -> None:
    """The operations' token may stop a guest and may not delete, make or reconfigure one."""
    make_vm()
    operations = open_api(world.accounts.operations)
    assert operations.task("POST", "/nodes/pve1/qemu/101/status/start") == "OK"
    assert operations.task("POST", "/nodes/pve1/qemu/101/status/stop") == "OK"
    assert operations.ask("PUT", "/nodes/pve1/qemu/101/config", tags="lab").status_code == 200
    for method, path, parameters in (
        ("DELETE", "/nodes/pve1/qemu/101", {}),
        ("POST", "/nodes/pve1/qemu", {"vmid": 102}),
        ("PUT", "/nodes/pve1/qemu/101/config", {"cores": 2}),
        ("PUT", "/nodes/pve1/qemu/101/config", {"ciuser": "eve"}),
    ):
        assert operations.ask(method, path, **parameters).status_code == 403


def test_a_wrong_token_is_refused(open_api) -> None:
    """Who has no secret gets no answer."""
    assert open_api("pulumi@pve!lab=wrong").ask("GET", "/nodes").status_code == 401


def test_the_certificate_is_the_lab_s_own(world) -> None:
    """A client that trusts the system only does not trust the lab."""
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"{world.endpoint}/api2/json/version", timeout=10)


def test_every_request_is_noted_without_secrets(world, api, make_vm) -> None:
    """The journal says who asked what about which guest, and what the answer was."""
    make_vm(cipassword="canary")
    noted = world.writes(101)
    assert [(request.method, request.path, request.status) for request in noted] == [
        ("POST", "/nodes/pve1/qemu", 200)
    ]
    assert noted[0].who == "pulumi@pve!lab"
    assert noted[0].params["name"] == "web"
    assert "canary" not in str(list(world.requests))
    assert api.ask("DELETE", "/nodes/pve1/qemu/999").status_code == 500
    assert world.writes(999)[0].status == 500


@pytest.mark.parametrize(("store", "able"), [("local-lvm", 1), ("local", 0)])
def test_whether_a_guest_can_be_snapshotted_depends_on_its_disks(store, able, api, world) -> None:
    """For VMs and containers; a raw file cannot, a thin volume can."""
    world.call(
        lambda: (
            world.pve.add_vm(101, "web", config={"scsi0": f"{store}:101/vm-101-disk-0.raw,size=8G"}),
            world.pve.add_ct(102, "cache", config={"rootfs": f"{store}:102/vm-102-disk-0.raw,size=8G"}),
        )
    )
    for guest in ("qemu/101", "lxc/102"):
        assert api.data("GET", f"/nodes/pve1/{guest}/feature", feature="snapshot")["hasFeature"] == able


def test_a_vms_configuration_is_the_one_that_is_asked_for(api, world) -> None:
    """With what waits for the next start, without it, and as a snapshot holds it."""
    world.call(lambda: world.pve.add_vm(101, "web", status="running", config={"memory": 1024, "cores": 1}))
    assert api.task("POST", "/nodes/pve1/qemu/101/snapshot", snapname="before") == "OK"
    api.data("PUT", CONFIG, memory="2048", description="later")
    assert api.data("GET", CONFIG)["memory"] == "2048"
    assert api.data("GET", CONFIG, current=1)["memory"] == "1024"
    before = api.data("GET", CONFIG, snapshot="before")
    assert (before["memory"], before.get("description")) == ("1024", None)
    assert api.ask("GET", CONFIG, snapshot="never").status_code == 500
