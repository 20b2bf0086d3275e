"""The user-data, judged and applied by cloud-init itself."""

import re
from dataclasses import replace

import pytest
import yaml

from components.cloud_init import Distribution, container_script, meta_data, security_files, user_data

pytestmark = pytest.mark.system

SEED = "/var/lib/cloud/seed/nocloud"
LOG = "/var/log/cloud-init.log"
STAGES = ("init --local", "init", "modules --mode=config", "modules --mode=final")


def boot(guest, user, identity):
    """One boot of a VM with this on its cloud-init drive; gives back what cloud-init logged."""
    guest.write(f"{SEED}/user-data", user)
    guest.write(f"{SEED}/meta-data", identity)
    guest.run("sh", "-c", f"rm -rf /run/cloud-init; : >{LOG}")
    for stage in STAGES:
        guest.run("cloud-init", *stage.split())
    return guest.read(LOG)


def modules_that_ran(log):
    """The modules of once-an-instance whose work was done in that boot."""
    return set(re.findall(r"Running config-(\S+) using lock .*/instances/", log))


@pytest.fixture(scope="module")
def vm(new_guest, birth):
    """A VM after its first boot, and that boot's log."""
    with new_guest() as opened:
        log = boot(opened, user_data(birth), meta_data("vm-101", birth.hostname))
        yield opened, log


def test_every_user_data_is_what_cloud_init_expects(guest, birth):
    """Its own schema, for each distribution, environment and switch."""
    kinds = [
        {"distribution": distribution, "environment": environment}
        for distribution in Distribution
        for environment in ("lab", "prod")
    ]
    switches = [
        {"agent_enabled": False},
        {"auto_security_updates": False},
        {"mail_to": None, "mail_relay": None},
        {"user": "root"},
        {"ssh_keys": ()},
    ]
    variants = [replace(birth, **change) for change in kinds + switches]
    paths = [f"/probe/{number}.yaml" for number, _ in enumerate(variants)]
    for path, variant in zip(paths, variants, strict=True):
        guest.write(path, user_data(variant))
    script = 'for f; do cloud-init schema --config-file "$f"; done'
    output = guest.run("sh", "-ec", script, "sh", *paths)
    assert output.count("Valid cloud-config") == len(variants), output


def test_the_schema_would_notice(guest, birth):
    """A misspelt type is an error there, not a warning that is overlooked."""
    guest.write("/probe/bad.yaml", user_data(birth).replace("ssh_pwauth: false", "ssh_pwauth: [1]"))
    assert "ssh_pwauth" in guest.run("cloud-init", "schema", "--config-file", "/probe/bad.yaml", check=False)
    guest.write("/probe/bad.yaml", "\n" + user_data(birth))
    assert "#cloud-config" in guest.run(
        "cloud-init", "schema", "--config-file", "/probe/bad.yaml", check=False
    )


def test_the_first_boot_has_no_complaint(vm):
    """Each module ended well; the one service manager that a root lacks is not asked for."""
    guest, log = vm
    status = yaml.safe_load(guest.read("/run/cloud-init/status.json"))["v1"]
    stages = ("init-local", "init", "modules-config", "modules-final")
    assert [status[stage]["errors"] for stage in stages] == [[], [], [], []]
    assert "failed with" not in log


def test_the_user_and_the_keys_are_there(vm, birth):
    """The very line of the key, in a file that only the user reads, and sudo without a password."""
    guest, _ = vm
    assert guest.read("/home/ops/.ssh/authorized_keys") == birth.ssh_keys[0] + "\n"
    assert guest.run("su", "ops", "-c", "sudo -n id -u").split()[-1] == "0"
    assert guest.run("getent", "shadow", "ops").split(":")[1].startswith("!")
    assert guest.run("hostname").strip() == "web"
    assert guest.run("readlink", "-f", "/etc/localtime").strip().endswith("Europe/Paris")


def test_the_packages_came_without_a_question(vm):
    """The files were there first; dpkg neither asked nor left a version of its own beside them."""
    guest, _ = vm
    installed = set(guest.run("dpkg-query", "-W", "-f", "${Package}\n").split())
    assert {"qemu-guest-agent", "unattended-upgrades", "prometheus-node-exporter-collectors"} <= installed
    assert not {"exim4-base", "postfix"} & installed
    leftovers = guest.run("find", "/etc", "-name", "*.dpkg-*", "-o", "-name", "*.ucf-*").split()
    assert leftovers == []


def test_vm_and_container_hold_the_same_bytes(vm, container, birth):
    """Whoever brought the file."""
    guest, _ = vm
    for file in security_files(birth):
        assert guest.read(file.path) == container.read(file.path) == file.content
        state = guest.run("stat", "-c", "0%a %U:%G", file.path).strip()
        assert state == f"{file.mode} {file.owner}"


def test_a_second_boot_with_another_text_runs_nothing_again(vm, birth):
    """The instance-id is pinned: an edited template or a new key reaches new guests only."""
    guest, first = vm
    keys = guest.read("/home/ops/.ssh/authorized_keys")
    edited = replace(birth, user="eve", ssh_keys=("ssh-ed25519 AAAA eve",), mail_to="eve@example.org")
    log = boot(guest, user_data(edited), meta_data("vm-101", birth.hostname))
    assert {
        "users-groups",
        "ssh",
        "write-files",
        "package-update-upgrade-install",
        "runcmd",
    } <= modules_that_ran(first)
    assert modules_that_ran(log) == set()
    assert guest.run("id", "eve", check=False).endswith("no such user\n")
    assert guest.read("/home/ops/.ssh/authorized_keys") == keys
    assert "eve@" not in guest.read("/etc/apt/apt.conf.d/52unattended-upgrades-local")


def test_an_instance_id_that_changes_makes_it_all_anew(vm, birth):
    """Why it is pinned: Proxmox's own id follows the text, and then users and files are made again."""
    guest, _ = vm
    edited = user_data(replace(birth, user="mallory", ssh_keys=("ssh-ed25519 AAAA mallory",)))
    log = boot(guest, edited, meta_data("vm-101-again", birth.hostname))
    assert "users-groups" in modules_that_ran(log)
    assert "mallory" in guest.run("id", "mallory")


def test_the_script_finds_nothing_to_do_where_cloud_init_has_been(new_guest, birth):
    """Both roads end at the same files: after cloud-init's files the script writes none of them."""
    with new_guest() as guest:
        for file in security_files(birth):
            guest.write(file.path, file.content, file.mode)
        calls = container_script(birth).partition("install_packages() {")[0]
        files = re.search(r"^guest_files\(\) \{\n.*?^\}", container_script(birth), re.DOTALL | re.MULTILINE)
        write_file = re.search(
            r"^write_file\(\) \{\n.*?^\}", container_script(birth), re.DOTALL | re.MULTILINE
        )
        output = guest.run("sh", "-s", stdin=f"{calls}\n{write_file[0]}\n{files[0]}\nguest_files")
        assert output.splitlines() == ["changed: /etc/sudoers.d/90-lifecycle"]
