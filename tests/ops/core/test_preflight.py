"""The preflight's rules: versions, privileges, nodes, storages, templates, clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.core import preflight, privileges
from ops.core.model import Node, Storage
from ops.core.preflight import Check, Status, Wanted
from ops.core.privileges import DEPLOYMENT

WANTED = Wanted(
    node="pve1",
    snippets_storage="local",
    image_storage="local",
    disk_storage="local-lvm",
    container_template="templates:vztmpl/debian.tar.zst",
)
PLACES = {"node": "pve1", "disk_storage": "local-lvm", "image_storage": "local", "snippets_storage": "local"}
TOKEN = "pulumi@pve!lab"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _all(major: int = 9) -> dict[str, bool]:
    return dict.fromkeys(DEPLOYMENT.privileges(major), True)


@pytest.mark.parametrize("privilege", DEPLOYMENT.needs)
def test_each_missing_privilege_is_named_with_its_command(privilege):
    """A token that lacks one privilege is told which, where, what for, and how to get it."""
    held = {name: True for name in _all() if name != privilege}
    check = preflight.judge_privileges({"/": held}, WANTED, major=9, token_id=TOKEN)
    assert check.status is Status.FAILED
    lines = check.what.splitlines()[1:]
    assert lines
    assert all(line.startswith(f"{privilege} on /") and ": to " in line for line in lines)
    assert f'pveum role modify PulumiDeploy -append 1 -privs "{privilege}"' in check.remedy


def test_the_role_on_the_root_is_enough():
    """What the documentation promises: the role on `/` and nothing else."""
    check = preflight.judge_privileges({"/": _all()}, WANTED, major=9, token_id=TOKEN)
    assert check.status is Status.OK


def test_narrower_paths_are_enough_where_they_cover_what_is_used():
    """A role on the paths that the stack touches will do; the root is not asked for more than it must."""
    paths = ("/vms", "/storage/local", "/storage/local-lvm", "/nodes/pve1", "/sdn", "/pool")
    held = {path: _all() for path in paths} | {"/": {"Sys.Modify": False}}
    assert not privileges.missing(held, DEPLOYMENT, major=9, places=PLACES)


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ({"/": {"VM.Audit": True}}, True),
        ({"/": {"VM.Audit": False}}, False),  # it does not propagate
        ({"/vms": {"VM.Audit": False}}, True),  # it holds on the path itself
        ({"/": {"VM.Audit": True}, "/vms": {"VM.Clone": True}}, False),  # a nearer ACL replaces the farther
        ({"/storage": {"VM.Audit": True}}, False),
        ({"/vm": {"VM.Audit": True}}, False),  # a prefix of the text is no parent
        ({}, False),
    ],
)
def test_the_nearest_listed_path_decides(permissions, expected):
    """PVE lists what is in effect at a path; below it holds only what propagates."""
    assert privileges.holds(permissions, "/vms", "VM.Audit") is expected


def test_version_8_calls_the_agents_privilege_by_its_old_name():
    """PVE 9 refuses VM.Monitor in a role, PVE 8 refuses VM.GuestAgent.Audit."""
    assert "VM.Monitor" in DEPLOYMENT.privileges(8)
    assert "VM.GuestAgent.Audit" not in DEPLOYMENT.privileges(8)
    assert "VM.Monitor" not in DEPLOYMENT.privileges(9)


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("9.0.10", Status.OK),
        ("8.0.2", Status.OK),
        ("10.1", Status.OK),
        ("7.4-3", Status.FAILED),
        ("", Status.FAILED),
        ("trunk", Status.FAILED),
    ],
)
def test_version_8_is_the_oldest(version, status):
    """Proxmox VE 8 and later; what is no version is not taken for one."""
    assert preflight.judge_version(version, where="https://pve:8006").status is status


@pytest.mark.parametrize(
    ("version", "status"), [("8.0.2", Status.FAILED), ("8.3.5", Status.FAILED), ("8.4.0", Status.OK)]
)
def test_disk_images_take_a_later_one(version, status):
    """A stack that only clones goes on with any 8."""
    check = preflight.judge_version(version, where="https://pve:8006", from_image=True)
    assert check.status is status
    assert status is Status.OK or "came with 8.4" in check.what
    assert preflight.judge_version(version, where="https://pve:8006").status is Status.OK


def test_an_empty_list_of_nodes_is_a_matter_of_permission():
    """No node at all is a token that sees none, not an empty cluster (TRAPS A21)."""
    check = preflight.judge_node([], "pve1")
    assert check.status is Status.FAILED
    assert "Sys.Audit" in check.remedy


def test_an_offline_node_is_told_from_a_missing_one():
    """Both fail, and each says its own thing."""
    nodes = [Node(name="pve1", online=False), Node(name="pve2", online=True)]
    assert "offline" in preflight.judge_node(nodes, "pve1").what
    assert "the cluster has pve1, pve2" in preflight.judge_node(nodes, "pve3").what


def _storages(**changes: Storage) -> dict[str, Check]:
    storages = {
        "local": Storage(name="local", content=frozenset({"snippets", "import"}), enabled=True, active=True),
        "local-lvm": Storage(
            name="local-lvm", content=frozenset({"images", "rootdir"}), enabled=True, active=True
        ),
        "templates": Storage(name="templates", content=frozenset({"vztmpl"}), enabled=True, active=True),
    } | changes
    return {check.name: check for check in preflight.judge_storages(storages.values(), WANTED)}


def test_each_storage_is_asked_for_what_will_be_put_there():
    """Snippets and images, disks, templates: each storage is judged by its own part."""
    assert {check.status for check in _storages().values()} == {Status.OK}
    assert WANTED.content == {
        "local": {"snippets", "import"},
        "local-lvm": {"images", "rootdir"},
        "templates": {"vztmpl"},
    }


def test_only_clones_need_no_import_content():
    """Without an image nothing is imported, and the storage need not allow it."""
    wanted = Wanted(node="pve1", snippets_storage="a", image_storage="b", disk_storage="c", from_image=False)
    assert wanted.content == {"a": {"snippets"}, "c": {"images", "rootdir"}}


def test_the_remedy_keeps_the_content_that_is_there():
    """`pvesm set --content` replaces the list: what is allowed today stays in the command."""
    local = Storage(name="local", content=frozenset({"iso", "backup"}), enabled=True, active=True)
    check = _storages(local=local)["storage local"]
    assert "import, snippets" in check.what
    assert check.remedy == "pvesm set local --content backup,import,iso,snippets"


def test_a_disabled_storage_is_told_from_an_inactive_one():
    """The one is switched on by a command, the other has a fault to find."""
    off = Storage(name="local", content=frozenset({"snippets", "import"}), enabled=False, active=False)
    down = Storage(name="local", content=frozenset({"snippets", "import"}), enabled=True, active=False)
    assert _storages(local=off)["storage local"].remedy == "pvesm set local --disable 0"
    assert "pvesm status" in _storages(local=down)["storage local"].remedy


@pytest.mark.parametrize(("seconds", "status"), [(60, Status.OK), (61, Status.WARNING)])
def test_a_minute_apart_is_the_limit(seconds, status):
    """Ahead or behind, up to 60 s is fine; more is a warning, never a failure."""
    for there in (NOON + timedelta(seconds=seconds), NOON - timedelta(seconds=seconds)):
        check = preflight.judge_clock(there, NOON, node="pve1")
        assert check.status is status
    assert preflight.passed([check])


def test_a_directory_with_odd_characters_is_quoted():
    """The path comes from the storage's configuration and goes into a shell."""
    commands = [command for command, _, _ in preflight.probes("root", "/mnt/my store/snippets")]
    assert commands[1] == "test -w '/mnt/my store/snippets'"
