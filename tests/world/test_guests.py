"""Guests: born from what they were really given, reachable with their own keys and with no other."""

import subprocess
from urllib.parse import quote

import asyncssh
import paramiko
import pytest

from lab.guest import Disk

OTHER_KEY = '#cloud-config\nusers:\n  - name: ada\n    ssh_authorized_keys: ["{key}"]\n'
START, STOP = "/nodes/pve1/qemu/101/status/start", "/nodes/pve1/qemu/101/status/stop"


@pytest.fixture
def web(api, make_vm) -> None:
    """A VM born from snippets, running."""
    make_vm()
    assert api.task("POST", START) == "OK"


@pytest.mark.usefixtures("web")
def test_a_vm_has_the_user_the_name_and_the_files_of_its_snippet(world, log_in) -> None:
    """The named user logs in with the named key and finds the named files."""
    assert log_in("web", "ada", "hostname") == "web\n"
    assert log_in("web", "ada", "id -un") == "ada\n"
    assert log_in("web", "ada", "cat /etc/motd") == "born as web"
    assert world.guest(101).login_users() == ["ada"]


@pytest.mark.usefixtures("web")
def test_no_other_key_and_no_other_user_comes_in(log_in, stranger) -> None:
    """A stranger's key is rejected as a key, and so is the right key for another user."""
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada", identity=stranger)
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "root")


@pytest.mark.parametrize(
    "text", ["hostname: web\n", "#cloud-config\nusers: [\n", "#cloud-config\nhostname: web\nusers: []\n"]
)
@pytest.mark.usefixtures("web")
def test_a_wrong_template_is_a_machine_that_nobody_can_reach(world, put_snippet, log_in, text: str) -> None:
    """Without the first line, without valid YAML or without a user there is no way in."""
    put_snippet("web.yaml", text)
    world.call(lambda: setattr(world.pve.vm(101), "status", "stopped"))
    world.guest("web").disk = Disk()
    world.call(lambda: setattr(world.pve.vm(101), "status", "running"))
    assert world.guest("web").login_users() == []
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada")


@pytest.mark.usefixtures("web")
def test_a_pinned_instance_ignores_new_user_data(world, api, put_snippet, log_in, stranger) -> None:
    """Changed user-data changes nothing at the next boot while the instance-id stays."""
    host_key = world.guest("web").disk.host_key
    other = asyncssh.read_private_key(str(stranger)).export_public_key().decode()
    put_snippet(
        "web.yaml", f'#cloud-config\nusers:\n  - name: ada\n    ssh_authorized_keys: ["{other.strip()}"]\n'
    )
    _restart(api)
    assert log_in("web", "ada", "hostname") == "web\n"
    assert world.guest("web").disk.host_key is host_key
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada", identity=stranger)


@pytest.mark.usefixtures("web")
def test_a_new_instance_runs_cloud_init_again(world, api, put_snippet, log_in, stranger) -> None:
    """With another instance-id keys are merged, none is removed, and the host key is a new one."""
    host_key = world.guest("web").disk.host_key
    other = asyncssh.read_private_key(str(stranger)).export_public_key().decode()
    put_snippet(
        "web.yaml", f'#cloud-config\nusers:\n  - name: ada\n    ssh_authorized_keys: ["{other.strip()}"]\n'
    )
    put_snippet("web-meta.yaml", "instance-id: two\n")
    _restart(api)
    assert log_in("web", "ada", "true", stranger) == ""
    assert log_in("web", "ada", "true") == ""
    assert world.guest("web").disk.host_key is not host_key


def test_without_meta_data_the_text_is_the_instance(world, api, make_vm, put_snippet) -> None:
    """PVE hashes user-data and network-data, so one changed line is a new instance."""
    make_vm(cicustom="user=local:snippets/web.yaml")
    assert api.task("POST", START) == "OK"
    first = world.guest("web").disk.instance_id
    _restart(api)
    assert world.guest("web").disk.instance_id == first
    put_snippet("web.yaml", "#cloud-config\n# a comment\n")
    _restart(api)
    assert world.guest("web").disk.instance_id != first


def test_without_snippets_pve_s_own_user_and_keys_count(world, api, make_vm, log_in) -> None:
    """The user and keys of the VM's options are used where no snippet is named."""
    keys = quote(world.identity.public, safe="")
    make_vm(cicustom="", ciuser="grace", sshkeys=keys)
    assert api.task("POST", START) == "OK"
    assert log_in("web", "grace", "hostname") == "web\n"


def test_a_missing_snippet_fails_the_start(world, api, make_vm) -> None:
    """The start task ends in PVE's words and the VM stays off."""
    make_vm()
    (world.pve.storage / "snippets" / "web.yaml").unlink()
    assert api.task("POST", START) == "volume 'local:snippets/web.yaml' does not exist"
    assert api.data("GET", "/nodes/pve1/qemu/101/status/current")["status"] == "stopped"
    assert world.guest("web").listener is None


@pytest.mark.usefixtures("web")
def test_a_stopped_machine_does_not_answer_and_comes_back_the_same(world, api, log_in) -> None:
    """Stop closes its port and cuts sessions; after a start the host key is the known one."""
    guest = world.guest("web")
    host_key = guest.disk.host_key
    assert api.task("POST", STOP) == "OK"
    with pytest.raises(paramiko.ssh_exception.NoValidConnectionsError):
        log_in("web", "ada")
    assert api.task("POST", START) == "OK"
    assert log_in("web", "ada", "hostname") == "web\n"
    assert guest.disk.host_key is host_key
    assert guest.boots == 2


@pytest.mark.usefixtures("web")
def test_the_agent_tells_where_the_vm_is(world, api) -> None:
    """With the agent's package installed and its device there, PVE shows the address that people use."""
    answer = api.data("GET", "/nodes/pve1/qemu/101/agent/network-get-interfaces")["result"]
    assert answer[1]["ip-addresses"][0]["ip-address"] == world.guest_address("web") == "127.64.0.101"


def test_without_the_package_there_is_no_agent(api, make_vm, put_snippet) -> None:
    """A device without the program behind it answers nothing."""
    make_vm()
    put_snippet("web.yaml", "#cloud-config\nhostname: web\n")
    assert api.task("POST", START) == "OK"
    answer = api.ask("GET", "/nodes/pve1/qemu/101/agent/network-get-interfaces")
    assert "agent is not running" in answer.json()["message"]


def test_a_clone_has_its_template_s_agent_and_its_own_cloud_init(world, api, put_snippet, log_in) -> None:
    """A VM cloned from the template is configured, booted and reached like any other."""
    assert api.task("POST", "/nodes/pve1/qemu/9000/clone", newid=102, name="copy", full=1) == "OK"
    put_snippet(
        "copy.yaml", f'#cloud-config\nhostname: copy\nssh_authorized_keys: ["{world.identity.public}"]\n'
    )
    api.data(
        "PUT",
        "/nodes/pve1/qemu/102/config",
        ide2="local-lvm:cloudinit",
        cicustom="user=local:snippets/copy.yaml",
    )
    assert api.task("POST", "/nodes/pve1/qemu/102/status/start") == "OK"
    assert log_in("copy", "debian", "hostname") == "copy\n"
    assert api.ask("GET", "/nodes/pve1/qemu/102/agent/get-host-name").status_code == 200


def test_a_loopback_address_of_the_configuration_is_kept(world, api, make_vm, make_container, log_in) -> None:
    """A static address that can be listened on is where the guest is."""
    make_vm(ipconfig0="ip=127.77.1.2/8,gw=127.0.0.1")
    make_container(net0="name=eth0,bridge=vmbr0,ip=127.77.1.3/8")
    assert api.task("POST", START) == "OK"
    assert (world.guest_address("web"), world.guest_address("box")) == ("127.77.1.2", "127.77.1.3")
    assert log_in("web", "ada", "hostname") + log_in("box", "root", "hostname") == "web\nbox\n"


def test_a_container_is_reached_as_root_with_its_birth_key(api, make_container, log_in, stranger) -> None:
    """The keys given at creation open root's account, and the API shows the address."""
    make_container()
    assert log_in("box", "root", "hostname") == "box\n"
    with pytest.raises(paramiko.AuthenticationException):
        log_in("box", "root", identity=stranger)
    shown = api.data("GET", "/nodes/pve1/lxc/201/interfaces")[1]
    assert shown["inet"] == "127.64.0.201/8"
    assert shown["ip-addresses"][0]["ip-address"] == "127.64.0.201"


@pytest.mark.usefixtures("web")
def test_keys_are_read_from_the_machine_s_own_file_at_each_login(world, log_in, stranger) -> None:
    """What a rotation writes counts at the next login; a file that others may write counts for nothing."""
    files = world.guest("web").files
    path = "/home/ada/.ssh/authorized_keys"
    birth = files[path]
    other = asyncssh.read_private_key(str(stranger)).export_public_key()
    files[path] = birth._replace(content=b"# rotated\nnonsense here\n" + other)
    assert log_in("web", "ada", "id -un", stranger) == "ada\n"
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada")
    files[path] = birth._replace(mode=0o666)
    with pytest.raises(paramiko.AuthenticationException):
        log_in("web", "ada")


@pytest.mark.usefixtures("web")
def test_a_rollback_brings_the_old_files_back(world, api) -> None:
    """A snapshot keeps the disk: keys of that day return with it."""
    assert api.task("POST", "/nodes/pve1/qemu/101/snapshot", snapname="before") == "OK"
    guest = world.guest("web")
    guest.files["/etc/motd"] = guest.files["/etc/motd"]._replace(content=b"changed")
    assert api.ask("POST", "/nodes/pve1/qemu/101/snapshot/before/rollback").status_code == 200
    assert guest.files["/etc/motd"].content == b"born as web"
    assert guest.listener is None


@pytest.mark.usefixtures("web")
def test_a_destroyed_vm_leaves_no_machine(world, api, make_vm) -> None:
    """The next VM of the same id is a new machine."""
    before = world.guest(101)
    assert api.task("POST", STOP) == "OK"
    assert api.task("DELETE", "/nodes/pve1/qemu/101") == "OK"
    with pytest.raises(KeyError):
        world.guest(101)
    make_vm()
    world.reconcile()
    assert world.guest(101).disk.host_key is not before.disk.host_key


@pytest.mark.usefixtures("web")
def test_a_status_set_by_hand_is_followed(world) -> None:
    """Tests may change the fake's state directly; the machine follows before `call` returns."""
    world.call(lambda: setattr(world.pve.vm(101), "status", "stopped"))
    assert world.guest("web").listener is None


@pytest.mark.usefixtures("web")
def test_people_reach_guests_with_their_own_ssh(world) -> None:
    """OpenSSH with the lab's ssh_config knows name, port, user, key and host key."""
    done = subprocess.run(
        ["ssh", "-F", str(world.ssh_config), "web", "cat", "/etc/motd"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "born as web"), done.stderr


def _restart(api) -> None:
    assert api.task("POST", STOP) == "OK"
    assert api.task("POST", START) == "OK"
