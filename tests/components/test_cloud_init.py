"""What a guest is born with, judged by what a machine would read from it."""

import re
import shlex
from dataclasses import fields, replace

import pytest
import yaml
from jinja2 import UndefinedError, meta

from components.cloud_init import (
    Birth,
    Delivery,
    Distribution,
    GuestFile,
    Identity,
    MailRelay,
    container_script,
    meta_data,
    security_files,
    user_data,
)
from components.operations_host import Installation
from components.templating import TEMPLATES, base64_text, environment, render

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA ada@example.org"
RELAY = MailRelay(host="relay.example.org", sender="web@example.org")
BIRTH = Birth(
    hostname="web.example.org",
    distribution=Distribution.DEBIAN,
    environment="lab",
    user="ops",
    ssh_keys=(KEY,),
    auto_security_updates=True,
    agent_enabled=True,
    mail_to="ops@example.org",
    mail_relay=RELAY,
    time_zone="Europe/Paris",
)
CONTEXTS = {
    "meta-data.yaml.j2": Identity,
    "user-data.yaml.j2": Delivery,
    "container.sh.j2": Delivery,
    "operations-host.sh.j2": Installation,
}
APT = "/etc/apt/apt.conf.d/"


def _file(birth, ending):
    return next(file for file in security_files(birth) if file.path.endswith(ending)).content


def _cloud_config(birth):
    text = user_data(birth)
    assert text.startswith("#cloud-config\n")
    return yaml.safe_load(text)


def _script_files(script):
    lines = [shlex.split(line) for line in script.splitlines() if line.startswith("write_file ")]
    assert all(len(line) == 5 for line in lines)
    return {path: (mode, owner, text) for _, path, mode, owner, text in lines}


def test_a_vm_can_be_entered_with_the_keys_and_in_no_other_way():
    """What Proxmox would have written is replaced as a whole, so name, user and keys are all in it."""
    config = _cloud_config(BIRTH)
    assert config["users"] == [
        {
            "name": "ops",
            "groups": ["sudo"],
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "shell": "/bin/bash",
            "lock_passwd": True,
            "ssh_authorized_keys": [KEY],
        }
    ]
    assert (config["hostname"], config["fqdn"], config["manage_etc_hosts"]) == (
        "web",
        "web.example.org",
        True,
    )
    assert (config["ssh_pwauth"], config["disable_root"], config["timezone"]) == (False, True, "Europe/Paris")


def test_root_as_the_user_keeps_its_keys():
    """Cloud-init would answer root's key with 'please log in as another user'."""
    config = _cloud_config(replace(BIRTH, user="root"))
    assert config["disable_root"] is False
    assert config["users"][0].keys() == {"name", "shell", "lock_passwd", "ssh_authorized_keys"}


def test_no_key_at_all_is_no_empty_list():
    """The schema of cloud-init refuses an empty list and null."""
    assert "ssh_authorized_keys" not in _cloud_config(replace(BIRTH, ssh_keys=()))["users"][0]


def test_the_agent_comes_first_and_waits_for_no_upgrade():
    """Pulumi waits for the agent; a full upgrade before it takes minutes."""
    config = _cloud_config(BIRTH)
    assert config["packages"][0] == "qemu-guest-agent"
    assert config["package_upgrade"] is False
    assert [command[1:] for command in config["runcmd"][:2]] == [
        ["enable", "qemu-guest-agent.service"],
        ["start", "qemu-guest-agent.service"],
    ]


def test_without_the_agent_nothing_of_it_is_left():
    """A guest whose agent is off is not made to install one; a container never is."""
    assert "qemu-guest-agent" not in user_data(replace(BIRTH, agent_enabled=False))
    assert "qemu-guest-agent" not in container_script(BIRTH)


@pytest.mark.parametrize("updates", [True, False])
def test_the_exporters_collectors_always_come_along(updates):
    """They are what node_reboot_required comes from, and only a recommendation of the exporter."""
    birth = replace(BIRTH, auto_security_updates=updates)
    assert "prometheus-node-exporter-collectors" in _cloud_config(birth)["packages"]
    assert re.search(r"for package in .*\bprometheus-node-exporter-collectors\b", container_script(birth))


def test_the_meta_data_pins_the_instance():
    """Proxmox's own id would change with each edit of the user-data."""
    assert yaml.safe_load(meta_data("vm-101", "web")) == {"instance-id": "vm-101", "local-hostname": "web"}


@pytest.mark.parametrize("distribution", Distribution)
@pytest.mark.parametrize("environment", ["lab", "prod"])
def test_vm_and_container_get_the_same_files(distribution, environment):
    """Same path, mode, owner and bytes, whoever brings them."""
    birth = replace(BIRTH, distribution=distribution, environment=environment)
    expected = {file.path: file for file in security_files(birth)}
    in_vm = {
        entry["path"]: GuestFile(
            path=entry["path"], mode=entry["permissions"], owner=entry["owner"], content=entry["content"]
        )
        for entry in _cloud_config(birth)["write_files"]
    }
    assert in_vm == expected
    in_container = _script_files(container_script(birth))
    sudo_rule = in_container.pop("/etc/sudoers.d/90-lifecycle")
    assert sudo_rule[:2] == ("0440", "root:root")
    assert in_container == {
        path: (file.mode, file.owner, base64_text(file.content)) for path, file in expected.items()
    }


def test_root_in_a_container_has_no_second_user():
    """Proxmox itself gave root the keys; there is nobody to give sudo to."""
    script = container_script(replace(BIRTH, user="root"))
    assert "\nbirth_keys " not in script
    assert "sudoers" not in script


def test_updates_that_are_off_are_switched_off():
    """Images come with updates on, so silence would leave them on; nothing else of updates is brought."""
    birth = replace(BIRTH, auto_security_updates=False, mail_relay=None)
    assert [file.path for file in security_files(birth)] == [APT + "21auto-upgrades-local"]
    assert 'APT::Periodic::Unattended-Upgrade "0";' in _file(birth, "21auto-upgrades-local")
    assert not {"unattended-upgrades", "needrestart"} & set(_cloud_config(birth)["packages"])
    assert "apt-daily" not in user_data(birth) + container_script(birth)


def test_each_distribution_asks_for_its_own_security_archive():
    """Ubuntu names the suite, Debian the codename and label; the other's way would match nothing."""
    debian = _file(BIRTH, "52unattended-upgrades-local")
    ubuntu = _file(replace(BIRTH, distribution=Distribution.UBUNTU), "52unattended-upgrades-local")
    assert re.findall(r'^  "(.*)";$', debian, re.MULTILINE) == [
        "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
        "origin=Debian,codename=${distro_codename},label=Debian-Security",
    ]
    assert re.findall(r'^  "(.*)";$', ubuntu, re.MULTILINE) == [
        "${distro_id}:${distro_codename}-security",
        "${distro_id}ESMApps:${distro_codename}-apps-security",
        "${distro_id}ESM:${distro_codename}-infra-security",
    ]


def test_services_restart_by_themselves_in_the_lab_only():
    """A database that restarts by itself in the morning is an outage in production."""
    assert "$nrconf{restart} = 'a';" in _file(BIRTH, "90-lifecycle.conf")
    assert "$nrconf{restart} = 'l';" in _file(replace(BIRTH, environment="prod"), "90-lifecycle.conf")


@pytest.mark.parametrize(
    ("relay", "expected"),
    [
        (replace(RELAY, port=465), "tls_starttls off"),
        (replace(RELAY, port=587), "tls_starttls on"),
        (replace(RELAY, tls=False), "tls off"),
        (RELAY, "auth off"),
        (replace(RELAY, user="web"), 'passwordeval "cat /etc/msmtp-password"'),
    ],
)
def test_the_relay_is_spoken_to_as_it_wants(relay, expected):
    """Port 465 speaks TLS from the first byte; a password is read in the guest and is never in here."""
    assert expected in _file(replace(BIRTH, mail_relay=relay), "msmtprc").splitlines()


def test_without_a_relay_no_mail_program_is_installed():
    """Mail without a relay ends in a file that nobody reads."""
    birth = replace(BIRTH, mail_relay=None)
    assert not {"msmtp-mta", "bsd-mailx"} & set(_cloud_config(birth)["packages"])
    assert "msmtprc" not in user_data(birth) + container_script(birth)


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.j2")))
def test_a_template_uses_and_names_only_fields_of_its_context(template):
    """The opening comment lists the very variables, and each is a field of the one dataclass behind it."""
    source = (TEMPLATES / template).read_text()
    used = meta.find_undeclared_variables(environment().parse(source))
    listed = re.search(r"\A\{#.*?Variables:\s(.*?)\..*?#\}", source, re.DOTALL)
    assert listed, "the template opens with a comment that lists its variables"
    assert set(re.split(r",\s+", listed[1])) - {"none"} == used
    assert used <= {field.name for field in fields(CONTEXTS.get(template, Birth))}


def test_no_field_of_a_context_is_without_use():
    """A field that no template reads would be a promise that is not kept."""
    used = set()
    for path in TEMPLATES.glob("*.j2"):
        used |= meta.find_undeclared_variables(environment().parse(path.read_text()))
    assert used == {field.name for context in {*CONTEXTS.values()} for field in fields(context)}


def test_a_name_that_is_not_there_is_an_error(monkeypatch):
    """An empty string in its place would make a guest that looks right."""
    monkeypatch.delitem(Identity.__dataclass_fields__, "hostname")
    with pytest.raises(UndefinedError, match="hostname"):
        render("meta-data.yaml.j2", Identity(instance_id="i", hostname="h"))
