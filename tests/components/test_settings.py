"""A stack's configuration as the program reads it: what it may leave to others, and its examples."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest
import yaml

from components.models import Settings
from components.settings import SettingsError, parse_settings, read_now
from tests.components.stacks import CANARY, HOST_KEY, guest, stack

ROOT = Path(__file__).parents[2]

HOST = {"operations_host": {"address": "ops.example.org", "host_key": HOST_KEY}}
OPERATIONS = {"PVE_LIFECYCLE_HOST_PRIVATE_KEY": "text", "PVE_LIFECYCLE_API_TOKEN": f"ops@pve!a={CANARY}"}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_operations_host_needs_a_key_and_a_token(name):
    """Both come from the environment; which of them is missing is said."""
    with pytest.raises(SettingsError, match=f"operations_host: {name} is not set; put the"):
        parse_settings(stack(**HOST), OPERATIONS | {name: ""})
    assert parse_settings(stack(**HOST), OPERATIONS).operations_host.user == "root"


def test_the_operations_do_not_get_the_token_of_the_deployment():
    """That one may destroy guests, and the host of the timers is no place for it."""
    with pytest.raises(SettingsError, match="their smaller role") as caught:
        parse_settings(stack(**HOST), OPERATIONS | {"PROXMOX_VE_API_TOKEN": f"ops@pve!a={CANARY}"})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("day", ["2026-12-31", "2026-12-31 00:00:00 +0000 UTC", "2026-12-31T00:00:00Z"])
def test_a_day_may_stand_without_quotes(day):
    """YAML makes a date of it; Pulumi hands it over as a midnight."""
    settings = parse_settings(stack(**guest(expires_on=day)), {})
    assert settings.virtual_machines[0].expires_on == "2026-12-31"


def test_an_empty_value_is_none():
    """Pulumi.yaml must give every key a default; the empty ones say nothing."""
    assert parse_settings(stack(mail_to="", mail_relay={}, nodes={}), {}).mail_relay is None


def test_node_access_comes_from_the_environment_where_the_stack_gives_none():
    """One variable serves the program and the commands."""
    nodes = json.dumps({"pve1": {"address": "192.0.2.1", "host_key": HOST_KEY}})
    assert parse_settings(stack(), {"PROXMOX_VE_SSH_NODES": nodes}).nodes["pve1"].port == 22


def test_the_time_of_a_run_can_be_given():
    """A preview of another day is asked for with a time that knows its zone."""
    given = {"LIFECYCLE_NOW": "2099-12-24T12:00:00+00:00", "PROXMOX_VE_ENDPOINT": "https://localhost:8006/"}
    assert read_now(given) == datetime(2099, 12, 24, 12, tzinfo=UTC)
    for text in ("2026-12-24", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00+00:00"):
        with pytest.raises(SettingsError, match="LIFECYCLE_NOW"):
            read_now({"LIFECYCLE_NOW": text})


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("day", ["2099-12-24T12:00:00+00:00", "2020-02-29T12:00:00+00:00"])
def test_an_up_does_not_act_by_another_day(monkeypatch, preview, day):
    """Left in the environment it would stop living guests of a real cluster; a preview shows them."""
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: preview)
    given = {"LIFECYCLE_NOW": day, "PROXMOX_VE_ENDPOINT": "https://pve1.example.org:8006/"}
    if preview:
        assert read_now(given) == datetime.fromisoformat(day)
    else:
        with pytest.raises(SettingsError, match=r"LIFECYCLE_NOW says .*for previews; unset it"):
            read_now(given)


def test_an_up_may_act_by_another_hour_of_today(monkeypatch):
    """As expiry, the clean-up and an extension may."""
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: False)
    now = datetime.now(UTC) + timedelta(hours=23)
    given = {"LIFECYCLE_NOW": now.isoformat(), "PROXMOX_VE_ENDPOINT": "https://pve1.example.org:8006/"}
    assert read_now(given) == now


@pytest.mark.parametrize("name", ["lab", "prod"])
def test_the_example_stacks_are_accepted(name, public_key):
    """The commented examples load strictly, once they hold a key and the node is known."""
    config = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"]
    raw = {key.removeprefix("pve-lifecycle:"): value for key, value in config.items()}
    nodes = json.dumps({"pve1": {"address": "192.0.2.1", "host_key": HOST_KEY}})
    login = {"PROXMOX_VE_SSH_NODES": nodes, "PROXMOX_VE_SSH_PRIVATE_KEY": "text"}
    settings = parse_settings(raw | {"ssh_keys": [public_key]}, login)
    assert settings.environment == name
    assert settings.guests


def test_pulumi_yaml_declares_exactly_the_keys_of_the_models():
    """Name, default and description stand in both and agree."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert set(declared) == set(Settings.model_fields)
    for key, field in Settings.model_fields.items():
        assert declared[key]["description"] == field.description
        given = None if field.is_required() else field.get_default(call_default_factory=True)
        assert declared[key].get("default") in (
            given,
            list(given) if isinstance(given, tuple) else given,
            "",
            {},
        )


@pytest.mark.parametrize("name", ["", "ops.example.org ", "[ops.example.org]:2222 ", "|1|abc=|def= "])
def test_a_host_key_may_stand_as_ssh_keyscan_gives_it(name):
    """With the host in front; what reaches the provider is the key."""
    host = {"operations_host": {"address": "ops.example.org", "host_key": f"{name}{HOST_KEY}"}}
    settings = parse_settings(stack(**host), OPERATIONS)
    assert settings.operations_host.host_key == HOST_KEY


@pytest.mark.parametrize("name", ["", "ops.example.org "])
def test_an_rsa_host_key_is_refused(name):
    """The published command provider asks by it for ssh-rsa alone, which OpenSSH has not since 8.8."""
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_public_key().decode().strip()
    host = {"operations_host": {"address": "ops.example.org", "host_key": f"{name}{key}"}}
    with pytest.raises(SettingsError, match=r"operations_host\.host_key: .*ssh-keyscan -t ed25519"):
        parse_settings(stack(**host), OPERATIONS)
