"""Bad configuration is refused before any resource, with path, reason and remedy."""

import pytest

from components.settings import SettingsError, parse_settings
from tests.components.stacks import CANARY, HOST_KEY, IMAGE, guest, stack

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
    (
        "a node and no template",
        guest(clone_node="pve2"),
        "virtual_machines[0].clone_node",
        "clone_from",
        "drop it",
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
def test_refused_with_path_reason_and_remedy(changes, path, reason, remedy):
    """Each bad input is named where it stands, with why and what to write instead."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(stack(**changes), {})
    lines = [line for line in str(caught.value).splitlines() if line.startswith(f"  - {path}:")]
    assert lines, caught.value
    assert any(reason in line and remedy in line for line in lines), lines


@pytest.mark.parametrize("place", ["ssh_keys", "additional_ssh_keys"])
def test_a_private_key_is_refused_without_being_repeated(place):
    """A private key pasted as a public one must not reach a log."""
    secret = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----\n"
    with pytest.raises(SettingsError, match="private key") as caught:
        parse_settings(stack(**{place: [secret]}), {})
    assert CANARY not in str(caught.value)
    assert f"{place}[0]" in str(caught.value)


def test_every_problem_is_told_at_once():
    """Nobody mends one line only to be shown the next."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(stack(time_zone="x", nonsense="1", **guest(cores=0)), {})
    assert str(caught.value).count("  - ") == 3
