"""What the host of the operations is given: every unit, the settings, and no secret where others look."""

import re
import shlex
import subprocess
from base64 import b64decode
from pathlib import Path

import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.models import OperationsHost as Access
from components.operations_host import OperationsHostArgs, environment_file, script
from components.settings import parse_settings

ROOT = Path(__file__).parents[2]
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
ACCESS = Access(address="ops.example.org", host_key=HOST_KEY)
ENVIRON = {
    "PROXMOX_VE_ENDPOINT": "https://pve1.example.org:8006/",
    "PROXMOX_VE_API_TOKEN": "pulumi@pve!deploy=canary-deployment",
    "PVE_LIFECYCLE_API_TOKEN": "ops@pve!timers=canary-operations",
    "PVE_LIFECYCLE_HOST_PRIVATE_KEY": "canary-key",
    "PVE_LIFECYCLE_APPRISE": "tgram://canary/1 mailto://$user:pa\\ss@example.org",
}
ACCEPTED = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


def _args(**more):
    stack = parse_settings({"environment": "lab", "time_zone": "Europe/Paris"}, {})
    return OperationsHostArgs.from_environment(ACCESS, stack, ENVIRON | more)


def _files(text):
    lines = [shlex.split(line) for line in text.splitlines() if line.startswith("write_file ")]
    return {path: (mode, owner, b64decode(content).decode()) for _, path, mode, owner, content in lines}


def test_every_unit_of_the_repository_lands_on_the_host():
    """As it is, readable by all; its timers are started, and its command is looked for."""
    text = script(_args())
    units = {path.name: path.read_text() for path in (ROOT / "systemd").iterdir()}
    files = _files(text)
    assert {name: files[f"/etc/systemd/system/{name}"] for name in units} == {
        name: ("0644", "root:root", content) for name, content in units.items()
    }
    enabled = re.search(r"systemctl --quiet enable (.*)", text)[1].split()
    assert enabled == sorted(name for name in units if name.endswith(".timer"))
    looked_for = re.search(r"for command in (.*) ;", text)[1].split()
    assert {f"ExecStart={command}" for command in looked_for} <= {
        line.partition(" ")[0] for content in units.values() for line in content.splitlines()
    }
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


def test_the_settings_are_roots_alone_and_hold_the_smaller_token():
    """They are read before systemd becomes another user; the deployment's token stays where it is."""
    text = script(_args())
    mode, owner, content = _files(text)["/etc/pve-lifecycle/environment"]
    assert (mode, owner) == ("0600", "root:root")
    assert 'PROXMOX_VE_API_TOKEN="ops@pve!timers=canary-operations"' in content
    assert 'PVE_LIFECYCLE_TIME_ZONE="Europe/Paris"' in content
    assert "canary-deployment" not in content
    assert "canary-key" not in content
    assert "canary" not in text


def test_the_certificate_goes_along(tmp_path):
    """A file of this machine is of no use there: its text is written, and named by its new place."""
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    files = _files(script(_args(PROXMOX_VE_CA_FILE=str(tmp_path / "ca.pem"))))
    assert files["/etc/pve-lifecycle/ca.pem"] == ("0644", "root:root", "-----BEGIN CERTIFICATE-----\n")
    assert 'PROXMOX_VE_CA_FILE="/etc/pve-lifecycle/ca.pem"' in files["/etc/pve-lifecycle/environment"][2]
    with pytest.raises(pulumi.RunError, match=r"PROXMOX_VE_CA_FILE: .* cannot be read"):
        _args(PROXMOX_VE_CA_FILE=str(tmp_path / "none.pem"))


@settings(max_examples=40)
@given(value=ACCEPTED)
def test_a_value_arrives_as_it_was(value):
    """In double quotes an EnvironmentFile follows the shell, which stands in for systemd here."""
    read = subprocess.run(
        ["sh", "-c", f'{environment_file({"VALUE": value})}printf %s "$VALUE"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert read.stdout == value


def test_a_line_break_is_refused():
    """It would begin another variable."""
    with pytest.raises(ValueError, match="line break"):
        environment_file({"PVE_LIFECYCLE_APPRISE": "json://a\nPROXMOX_VE_INSECURE=true"})
