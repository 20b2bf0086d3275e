"""Bad configuration is refused before any resource, with path, reason and remedy."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from components.models import Settings
from components.settings import SettingsError, parse_settings, read_now

ROOT = Path(__file__).parents[2]
CANARY = "canary-5e1f"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
IMAGE = {"url": "https://images.example.org/debian-12-20260101.qcow2", "checksum": "0" * 64}


@pytest.fixture
def stack(public_key):
    """A stack that is accepted, as Pulumi hands it over: text, and JSON in text."""

    def build(**changes):
        raw = {
            "environment": "lab",
            "ssh_keys": [public_key],
            "image": IMAGE,
            "virtual_machines": [{"name": "web", "vm_id": 101}],
        } | changes
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in raw.items()}

    return build


def guest(**changes):
    """One VM with something about it."""
    return {"virtual_machines": [{"name": "web", "vm_id": 101} | changes]}


REFUSED = [
    ("unknown key", {"virtual_machine": []}, "virtual_machine", "not known", "misspelling"),
    ("unknown key of a guest", guest(memmory=1), "virtual_machines[0].memmory", "not known", "misspelling"),
    (
        "zero days",
        guest(expiration_days=0),
        "virtual_machines[0].expiration_days",
        "not above 0",
        "whole number",
    ),
    (
        "less than none",
        guest(expiration_days=-1),
        "virtual_machines[0].expiration_days",
        "not above 0",
        "whole",
    ),
    ("half a day", guest(expiration_days=1.5), "virtual_machines[0].expiration_days", "whole number", "14"),
    ("soon", guest(expiration_days="soon"), "virtual_machines[0].expiration_days", "whole number", "14"),
    ("colon in a tag", guest(tags=["team:web"]), "virtual_machines[0].tags[0]", "no tag", "use letters"),
    (
        "own expiry tag",
        guest(tags=["expires-2026-12-31"]),
        "virtual_machines[0].tags[0]",
        "writes itself",
        "settings",
    ),
    (
        "two guests, one id",
        {"containers": [{"name": "db", "vm_id": 101}], "container_template": "local:vztmpl/x"},
        "containers[0].vm_id",
        "taken by virtual_machines[0].vm_id",
        "its own",
    ),
    (
        "two guests, one name",
        {"containers": [{"name": "web", "vm_id": 102}], "container_template": "local:vztmpl/x"},
        "containers[0].name",
        "taken by virtual_machines[0].name",
        "its own",
    ),
    ("malformed key", {"ssh_keys": ["ssh-ed25519 AAAA"]}, "ssh_keys[0]", "does not hold", "copy"),
    (
        "unknown distribution",
        guest(distribution="arch"),
        "virtual_machines[0].distribution",
        "not known",
        "debian",
    ),
    ("no such day", guest(expires_on="2026-02-30"), "virtual_machines[0].expires_on", "no day", "YYYY-MM-DD"),
    (
        "days in prod",
        {"environment": "prod"} | guest(expiration_days=14),
        "virtual_machines[0]",
        "never expires",
        "remove",
    ),
    (
        "a day in prod",
        {"environment": "prod"} | guest(expires_on="2099-01-01"),
        "virtual_machines[0]",
        "never",
        "remove",
    ),
    ("no key", {"ssh_keys": []}, "virtual_machines[0]", "no SSH key", "add one"),
    (
        "nothing to make it from",
        {"image": {}},
        "virtual_machines[0]",
        "nothing to make it from",
        "clone_from",
    ),
    ("image and template", guest(clone_from=9000, image=IMAGE), "virtual_machines[0]", "exclude", "keep one"),
    (
        "no container template",
        {
            "containers": [{"name": "c", "vm_id": 102}],
            "nodes": {"pve1": {"address": "a", "host_key": HOST_KEY}},
        },
        "containers[0]",
        "no template",
        "container_template",
    ),
    (
        "no way to the node",
        {"containers": [{"name": "c", "vm_id": 102}], "container_template": "local:vztmpl/x"},
        "containers[0].node",
        "not in nodes",
        "host_key",
    ),
    ("unknown environment", {"environment": "test"}, "environment", "not known", "lab"),
    ("no environment", {"environment": ""}, "environment", "required", "add it"),
    ("no time zone", {"time_zone": "Mars/Olympus"}, "time_zone", "no time zone", "Europe/Paris"),
    ("address without prefix", guest(address="192.0.2.1"), "virtual_machines[0].address", "prefix", "dhcp"),
    (
        "gateway under dhcp",
        guest(gateway="192.0.2.1"),
        "virtual_machines[0]",
        "fixed address",
        "drop gateway",
    ),
    ("vm_id below 100", guest(vm_id=99), "virtual_machines[0].vm_id", "below 100", "100 or more"),
    ("a name with a dot", guest(name="web.lab"), "virtual_machines[0].name", "63", "a-z"),
    ("a quoted number", guest(cores="2"), "virtual_machines[0].cores", "whole number", "quotes"),
    ("mail without relay", {"mail_to": "ops@example.org"}, "mail_to", "stays on the guest", "mail_relay"),
    (
        "no-expire with days",
        guest(expiration_days=3, no_expire={"reason": "x", "review_on": "2099-01-01"}),
        "virtual_machines[0]",
        "contradicts",
        "keep one",
    ),
    (
        "too many days",
        guest(expiration_days=10**7),
        "virtual_machines[0].expiration_days",
        "above 36500",
        "or less",
    ),
    ("a netmask", guest(address="192.0.2.1/255.255.255.0"), "virtual_machines[0].address", "", "prefix"),
    ("a network", guest(address="192.0.2.0/24"), "virtual_machines[0].address", "the network", "guest's own"),
    (
        "a gateway elsewhere",
        guest(address="192.0.2.2/24", gateway="198.51.100.1"),
        "virtual_machines[0]",
        "not in the network",
        "correct",
    ),
    ("no gateway", guest(gateway="999.1.1.1"), "virtual_machines[0].gateway", "no IPv4 address", "192.0.2.1"),
    (
        "one address twice",
        {"virtual_machines": [{"name": f"vm{n}", "vm_id": n, "address": "192.0.2.2/24"} for n in (101, 102)]},
        "virtual_machines[1].address",
        "taken by virtual_machines[0].address",
        "its own",
    ),
    ("made from itself", guest(clone_from=101), "virtual_machines[0].clone_from", "from itself", "template"),
    ("a cut checksum", {"image": IMAGE | {"checksum_algorithm": "sha512"}}, "image", "128 digits", "correct"),
    ("options in a bridge", guest(bridge="vmbr0,tag=5"), "virtual_machines[0].bridge", "letters", "only"),
    ("a list in one word", guest(tags="a,b"), "virtual_machines[0].tags", "not a list", "below it"),
    ("a word for a list", {"virtual_machines": "foo"}, "virtual_machines", "not a list", "below it"),
    (
        "renewal in prod",
        {"environment": "prod"} | guest(renew="x"),
        "virtual_machines[0].renew",
        "never",
        "remove",
    ),
    (
        "an endless text",
        guest(description="x" * 1001),
        "virtual_machines[0].description",
        "longer",
        "shorter",
    ),
    (
        "no key for the node",
        {
            "containers": [{"name": "c", "vm_id": 102}],
            "nodes": {"pve1": {"address": "a", "host_key": HOST_KEY}},
        },
        "containers",
        "PROXMOX_VE_SSH_PRIVATE_KEY",
        "private key",
    ),
]


@pytest.mark.parametrize(
    ("changes", "path", "reason", "remedy"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_with_path_reason_and_remedy(stack, changes, path, reason, remedy):
    """Each bad input is named where it stands, with why and what to write instead."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(stack(**changes), {})
    lines = [line for line in str(caught.value).splitlines() if line.startswith(f"  - {path}:")]
    assert lines, caught.value
    assert any(reason in line and remedy in line for line in lines), lines


@pytest.mark.parametrize("place", ["ssh_keys", "additional_ssh_keys"])
def test_a_private_key_is_refused_without_being_repeated(stack, place):
    """A private key pasted as a public one must not reach a log."""
    secret = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(SettingsError, match="private key") as caught:
        parse_settings(stack(**{place: [secret]}), {})
    assert CANARY not in str(caught.value)
    assert f"{place}[0]" in str(caught.value)


def test_every_problem_is_told_at_once(stack):
    """Nobody mends one line only to be shown the next."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(stack(time_zone="x", nonsense="1", **guest(cores=0)), {})
    assert str(caught.value).count("  - ") == 3


HOST = {"operations_host": {"address": "ops.example.org", "host_key": HOST_KEY}}
OPERATIONS = {"PVE_LIFECYCLE_HOST_PRIVATE_KEY": "text", "PVE_LIFECYCLE_API_TOKEN": f"ops@pve!a={CANARY}"}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_operations_host_needs_a_key_and_a_token(stack, name):
    """Both come from the environment; which of them is missing is said."""
    with pytest.raises(SettingsError, match=f"operations_host: {name} is not set; put the"):
        parse_settings(stack(**HOST), OPERATIONS | {name: ""})
    assert parse_settings(stack(**HOST), OPERATIONS).operations_host.user == "root"


def test_the_operations_do_not_get_the_token_of_the_deployment(stack):
    """That one may destroy guests, and the host of the timers is no place for it."""
    with pytest.raises(SettingsError, match="their smaller role") as caught:
        parse_settings(stack(**HOST), OPERATIONS | {"PROXMOX_VE_API_TOKEN": f"ops@pve!a={CANARY}"})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("day", ["2026-12-31", "2026-12-31 00:00:00 +0000 UTC", "2026-12-31T00:00:00Z"])
def test_a_day_may_stand_without_quotes(stack, day):
    """YAML makes a date of it; Pulumi hands it over as a midnight."""
    settings = parse_settings(stack(**guest(expires_on=day)), {})
    assert settings.virtual_machines[0].expires_on == "2026-12-31"


def test_an_empty_value_is_none(stack):
    """Pulumi.yaml must give every key a default; the empty ones say nothing."""
    assert parse_settings(stack(mail_to="", mail_relay={}, nodes={}), {}).mail_relay is None


def test_node_access_comes_from_the_environment_where_the_stack_gives_none(stack):
    """One variable serves the program and the commands."""
    nodes = json.dumps({"pve1": {"address": "192.0.2.1", "host_key": HOST_KEY}})
    assert parse_settings(stack(), {"PROXMOX_VE_SSH_NODES": nodes}).nodes["pve1"].port == 22


def test_the_time_of_a_run_can_be_given():
    """A preview of another day is asked for with a time that knows its zone."""
    assert read_now({"LIFECYCLE_NOW": "2026-12-24T12:00:00+00:00"}) == datetime(2026, 12, 24, 12, tzinfo=UTC)
    for text in ("2026-12-24", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00+00:00"):
        with pytest.raises(SettingsError, match="LIFECYCLE_NOW"):
            read_now({"LIFECYCLE_NOW": text})


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
