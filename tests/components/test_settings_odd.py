"""Values that look right and would only fail later, or for somebody else, are refused at once."""

import pytest

from components.settings import SettingsError, parse_settings
from tests.components.stacks import HOST_KEY, guest, stack

FIXED = {"address": "192.0.2.5/24"}
TWO = [{"name": "a", "vm_id": 101} | FIXED, {"name": "b", "vm_id": 102, "address": "192.0.2.5/25"}]

ODD = [
    ("its own gateway", guest(gateway="192.0.2.5", **FIXED), "virtual_machines[0]", "guest's own", "router"),
    (
        "the network as gateway",
        guest(gateway="192.0.2.0", **FIXED),
        "virtual_machines[0]",
        "itself",
        "router",
    ),
    (
        "everybody as gateway",
        guest(gateway="192.0.2.255", **FIXED),
        "virtual_machines[0]",
        "itself",
        "router",
    ),
    (
        "one address, two prefixes",
        {"virtual_machines": TWO},
        "virtual_machines[1].address",
        "taken by virtual_machines[0].address",
        "its own",
    ),
    ("a name like a number", guest(name="101"), "virtual_machines[0].name", "letter", "number"),
    ("a bell in a key", {"ssh_keys": [f"{HOST_KEY} \a"]}, "ssh_keys[0]", "cannot be printed", "comment"),
    ("a tab in a key", {"ssh_keys": [f"{HOST_KEY} a\tx"]}, "ssh_keys[0]", "cannot be printed", "comment"),
    (
        "a line separator",
        {"ssh_keys": [f"{HOST_KEY} a\u2028x"]},
        "ssh_keys[0]",
        "cannot be printed",
        "comment",
    ),
    ("a path as node", {"node": "../pve1"}, "node", "name of a node", "Proxmox VE shows it"),
    ("a node of two words", guest(node="pve 1"), "virtual_machines[0].node", "name of a node", "shows it"),
]


@pytest.mark.parametrize(
    ("changes", "path", "reason", "remedy"), [row[1:] for row in ODD], ids=[row[0] for row in ODD]
)
def test_an_odd_value_is_refused_where_it_stands(changes, path, reason, remedy):
    """Path, reason and remedy, instead of a traceback or a guest that nobody reaches."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(stack(**changes), {})
    (line,) = [line for line in str(caught.value).splitlines() if line.startswith("  - ")]
    assert line.startswith(f"  - {path}: ")
    assert reason in line
    assert remedy in line


@pytest.mark.parametrize("gateway", ["192.0.2.4", "192.0.2.6"])
def test_of_two_addresses_either_may_be_the_gateway(gateway):
    """A network of 31 bits has no address of its own (RFC 3021)."""
    own = "192.0.2.5/31" if gateway == "192.0.2.4" else "192.0.2.7/31"
    assert parse_settings(stack(**guest(address=own, gateway=gateway)), {}).guests[0].gateway == gateway


def test_a_comment_of_a_key_may_say_anything_that_can_be_printed():
    """Quotes, umlauts and shell signs are quoted where they land."""
    key = f'{HOST_KEY} o\'brien "q" ümlaut $(id) 😀'
    assert parse_settings(stack(ssh_keys=[key]), {}).ssh_keys == (key,)
