"""Hosts from a file: as administrators write them, and as the stack tells them."""

import json

import pytest

from ops.adapters.host_file import read
from ops.errors import LifecycleError


def entries(path):
    """The hosts as tuples."""
    return [(each.name, each.address, each.port, each.user) for each in read(path)]


def test_lines_with_and_without_port_and_user(tmp_path):
    """In whatever order the two stand; a name alone is its own address; comments and blanks are none."""
    path = tmp_path / "hosts"
    path.write_text(
        "# all\nweb 192.0.2.1\n\ndb 192.0.2.2 2222 ops # here\nci 192.0.2.3 ada 22\nmail.example.org\n"
    )
    assert entries(path) == [
        ("web", "192.0.2.1", None, None),
        ("db", "192.0.2.2", 2222, "ops"),
        ("ci", "192.0.2.3", 22, "ada"),
        ("mail.example.org", "mail.example.org", None, None),
    ]


def test_the_stacks_own_output_is_taken(tmp_path):
    """As `pulumi stack output guests --json` writes it; a guest under DHCP may have no address yet."""
    rows = [
        {
            "name": "web",
            "vmid": 101,
            "kind": "qemu",
            "user": "admin",
            "address": "192.0.2.1",
            "expires_on": None,
        },
        {"name": "cache", "vmid": 201, "kind": "lxc", "user": "root", "address": None},
    ]
    for document in (rows, {row["name"]: row for row in rows}):
        path = tmp_path / "guests.json"
        path.write_text(json.dumps(document))
        assert entries(path) == [("web", "192.0.2.1", None, "admin"), ("cache", None, None, "root")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("web 192.0.2.1 22 23\n", "line 1"),
        ("web 192.0.2.1\ndb 192.0.2.2 0\n", "line 2"),
        ("web 192.0.2.1 ada eve\n", "line 1"),
        ("192.0.2.1 2222 ada\n", "line 1"),
        ("web 192.0.2.1\nweb 192.0.2.2\n", "names web twice"),
        ("# nobody\n", "names no host"),
        ("[1, 2]", "not a list of hosts"),
        ("[{", "not a list of hosts"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, text, words):
    """Before anybody is asked anything."""
    path = tmp_path / "hosts"
    path.write_text(text)
    with pytest.raises(LifecycleError, match=words):
        read(path)


def test_a_file_that_is_not_there(tmp_path):
    """Said as what it is."""
    with pytest.raises(LifecycleError, match="No such file"):
        read(tmp_path / "none")


def test_the_mark_that_windows_puts_before_a_text_is_none_of_it(tmp_path):
    """It would become a part of the first name, or hide a comment."""
    path = tmp_path / "hosts"
    path.write_text("# hosts\r\nweb 192.0.2.1\r\n", "utf-8-sig")
    assert entries(path) == [("web", "192.0.2.1", None, None)]
