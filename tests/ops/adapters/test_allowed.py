"""The allow-list: what this program cannot say."""

import pytest

from ops.adapters.allowed import WRITES, permitted

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
    assert all("/snapshot/{snapshot}" in path for path in WRITES["DELETE"])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "delete", "HEAD"])
def test_other_methods_do_not_reach_a_guest_itself(method):
    """No creation, no clone, no start, and no other spelling of a method."""
    for path in (
        *GUESTS,
        "nodes/pve1/qemu",
        "nodes/pve1/lxc",
        f"{GUESTS[0]}/clone",
        f"{GUESTS[0]}/status/start",
        f"{GUESTS[0]}/status/stop",
        f"{GUESTS[0]}/status/reset",
    ):
        assert not permitted(method, path)


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize(
    ("method", "path", "parameters"),
    [
        ("PUT", "config", {"delete"}),
        ("PUT", "config", {"tags", "scsi0"}),
        ("PUT", "config", {"protection"}),
        ("PUT", "config", {"tags", "skiplock"}),
        ("PUT", "config", {"description", "cipassword"}),
        ("DELETE", "snapshot/daily", {"force"}),
        ("POST", "status/shutdown", {"skiplock"}),
        ("POST", "snapshot/daily/rollback", {"start", "skiplock"}),
    ],
)
def test_a_write_carries_only_what_an_operation_needs(guest, method, path, parameters):
    """No disk is removed, no lock ended and nothing forced through a call that is allowed as such."""
    assert permitted(method, f"{guest}/{path}")
    assert not permitted(method, f"{guest}/{path}", parameters)


@pytest.mark.parametrize("part", ["..", ".", "a/b", "", "a b", "a%2fb", "-a", "ä"])
def test_a_name_is_one_harmless_part_of_a_path(part):
    """Names that PVE would not give do not get into a path."""
    assert not permitted("GET", f"nodes/{part}/storage")
    assert not permitted("GET", f"storage/{part}")


@pytest.mark.parametrize("guest", GUESTS)
def test_a_snapshots_configuration_may_be_read(guest):
    """A rollback shows what it brings back."""
    assert permitted("GET", f"{guest}/snapshot/before-update/config")


@pytest.mark.parametrize("user", ["ops@pve!ci", "snap+bot@pve", "DOMAIN\\ops@ad", "jürgen@ldap", "a=b@pve!x"])
def test_a_task_is_followed_whoever_began_it(user):
    """PVE takes nearly anything for a user's name, and the name ends the UPID."""
    assert permitted("GET", f"nodes/pve1/tasks/UPID:pve1:1:1:1:qmsnapshot:100:{user}:/status")


@pytest.mark.parametrize("user", ["a/../b@pve", "a b@pve", "a?b@pve", "a#b@pve", "a%2fb@pve"])
def test_a_task_is_one_part_of_a_path(user):
    """What would lead elsewhere is no UPID."""
    assert not permitted("GET", f"nodes/pve1/tasks/UPID:pve1:1:1:1:qmsnapshot:100:{user}:/status")
