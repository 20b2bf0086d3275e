"""The preflight's login to the node: each way in which it can fail is a thing of its own to mend."""

import json
import os
import socket

import asyncssh
import pytest


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def _node_setting(monkeypatch, **changes) -> None:
    nodes = json.loads(os.environ["PROXMOX_VE_SSH_NODES"])
    nodes["pve1"].update(changes)
    monkeypatch.setenv("PROXMOX_VE_SSH_NODES", json.dumps(nodes))


def test_root_needs_no_sudo(run_preflight, node, monkeypatch):
    """As root the commands are run plainly: a node need not have sudo."""
    node.username = "root"
    monkeypatch.setenv("PROXMOX_VE_SSH_USERNAME", "root")
    assert run_preflight().code == 0
    assert node.commands == ["/usr/sbin/pvesm apiinfo", "test -w /var/lib/vz/snippets"]


def _refused(_node, monkeypatch):
    _node_setting(monkeypatch, port=_free_port())


def _other_host_key(_node, monkeypatch):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    _node_setting(monkeypatch, host_key=other)


def _host_key_of_another_type(_node, monkeypatch):
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    _node_setting(monkeypatch, host_key=other)


def _unknown_host_key(_node, monkeypatch):
    _node_setting(monkeypatch, host_key=None)


def _malformed_host_key(_node, monkeypatch):
    _node_setting(monkeypatch, host_key="ssh-ed25519 AAAAnonsense")


def _wrong_key(node, _monkeypatch):
    node.authorized = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()


def _malformed_key(_node, monkeypatch):
    broken = os.environ["PROXMOX_VE_SSH_PRIVATE_KEY"].replace("\n", " ")
    monkeypatch.setenv("PROXMOX_VE_SSH_PRIVATE_KEY", broken)


def _no_key(_node, monkeypatch):
    monkeypatch.delenv("PROXMOX_VE_SSH_PRIVATE_KEY")


def _no_entry(_node, monkeypatch):
    monkeypatch.setenv("PROXMOX_VE_SSH_NODES", "{}")


def _no_home(_node, monkeypatch):
    monkeypatch.delenv("HOME")


def _no_sudo(node, _monkeypatch):
    node.answers["sudo -n /usr/sbin/pvesm apiinfo"] = (1, "sudo: a password is required")


def _no_tee(node, _monkeypatch):
    command = next(command for command in node.answers if "tee" in command)
    node.answers[command] = (1, "")


SSH_FAULTS = [
    (_refused, "ssh", "connection refused", "sshd"),
    (_other_host_key, "ssh", "host key has changed", "before you replace"),
    (_host_key_of_another_type, "ssh", "host key has changed", "before you replace"),
    (
        _unknown_host_key,
        "ssh",
        "not known (it offers ssh-ed25519 SHA256:",
        "host_key in PROXMOX_VE_SSH_NODES",
    ),
    (_malformed_host_key, "ssh", "not of the form", "ssh_host_ed25519_key.pub"),
    (_wrong_key, "ssh", "refused the key SHA256:", "authorized_keys"),
    (_malformed_key, "ssh", "cannot be read", "line breaks"),
    (_no_key, "ssh", "not set: PROXMOX_VE_SSH_PRIVATE_KEY", "PROXMOX_VE_SSH_NODES="),
    (_no_entry, "ssh", "PROXMOX_VE_SSH_NODES with the node pve1", '"address"'),
    (_no_home, "ssh", "HOME is not set", "Environment=HOME"),
    (_no_sudo, "snippets over ssh", "a password is required", "NOPASSWD: /usr/sbin/pvesm"),
    (
        _no_tee,
        "snippets over ssh",
        "no sudo for tee into /var/lib/vz/snippets",
        "/usr/bin/tee /var/lib/vz/snippets/*",
    ),
]


@pytest.mark.parametrize("row", SSH_FAULTS, ids=[row[0].__name__.strip("_") for row in SSH_FAULTS])
def test_a_fault_of_ssh_is_told_from_the_others(row, run_preflight, node, monkeypatch):
    """Refused, another host key, a refused key and missing rights are different things to mend."""
    fault, name, what, remedy = row
    fault(node, monkeypatch)
    result = run_preflight()
    assert result.code == 1
    assert result.checks[name]["status"] == "failed"
    assert what in result.checks[name]["what"]
    assert remedy in result.checks[name]["remedy"]


def test_known_hosts_is_enough(run_preflight, node, tmp_path, monkeypatch):
    """Without a host_key in the settings, the one in ~/.ssh/known_hosts counts."""
    _unknown_host_key(node, monkeypatch)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{node.port} {node.public_host_key}\n")
    assert run_preflight().checks["ssh"]["status"] == "ok"


def test_a_storage_without_a_directory_takes_no_snippets(run_preflight, cluster):
    """Snippets are files: a block storage is refused with its name."""
    del cluster.storages["local"]["path"]
    check = run_preflight().checks["snippets over ssh"]
    assert (check["status"], "no directory" in check["what"]) == ("failed", True)
