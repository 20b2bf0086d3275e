"""The allow-list: what this program cannot say."""

import pytest

from ops.adapters.allowed import ALLOWED, permitted

GUESTS = ("nodes/pve1/qemu/100", "nodes/pve1/lxc/100")


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize(
    "path",
    [
        "{guest}",
        "{guest}/",
        "{guest}/snapshot",
        "{guest}/snapshot/",
        "{guest}/snapshot/..",
        "{guest}/snapshot/.",
        "{guest}/snapshot/../",
        "{guest}/snapshot/a/..",
        "{guest}/snapshot/%2e%2e",
        "{guest}/snapshot/..%2f",
        "{guest}/snapshot/name/../..",
        "{guest}/snapshot/name?x=1",
        "{guest}/snapshot/name#x",
        "{guest}/snapshot/name\n",
        "{guest}/../100",
        "/{guest}",
        "x/{guest}/snapshot/name",
    ],
)
def test_deleting_a_guest_cannot_be_said(guest, path):
    """Not plainly, and not through a path that a server or a library shortens to it."""
    assert not permitted("DELETE", path.format(guest=guest))


@pytest.mark.parametrize("guest", GUESTS)
def test_the_only_thing_that_can_be_deleted_is_a_snapshot(guest):
    """One pattern, and it is a snapshot's."""
    assert permitted("DELETE", f"{guest}/snapshot/before-update")
    assert all("/snapshot/{snapshot}" in path for path in ALLOWED["DELETE"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "delete", "HEAD"])
def test_other_methods_reach_no_guest(method):
    """No creation, no change, and no other spelling of a method."""
    for path in (
        *GUESTS,
        "nodes/pve1/qemu",
        "nodes/pve1/lxc",
        f"{GUESTS[0]}/config",
        f"{GUESTS[0]}/status/stop",
    ):
        assert not permitted(method, path)


@pytest.mark.parametrize("part", ["..", ".", "a/b", "", "a b", "a%2fb", "-a", "ä"])
def test_a_name_is_one_harmless_part_of_a_path(part):
    """Names that PVE would not give do not get into a path."""
    assert not permitted("GET", f"nodes/{part}/storage")
    assert not permitted("GET", f"storage/{part}")
