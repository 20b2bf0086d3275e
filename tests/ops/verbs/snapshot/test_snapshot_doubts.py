"""What cannot be known is not claimed, and what is only for show stands in nobody's way."""

import json

import pytest
from aiohttp import web

from ops.snapshot import main


def _says(cluster, path, data):
    cluster.pve.fail("GET", path, 200, json.dumps({"data": data}), html=True)


def test_a_no_of_proxmox_that_no_disk_explains_is_tried(cluster, snapshot, guest):
    """The task itself is the judge; an administrator hears of the doubt before."""
    _says(cluster, "/feature", {"hasFeature": 0})
    run = snapshot("create", guest, "--name", "new", "--json")
    assert run.code == 0
    assert "no disk shows why: it is tried" in run.document["plan"][0]["notes"][0]
    assert "new" in cluster.left(guest)["snapshots"]


@pytest.mark.parametrize("listed", ["paused", "unknown", "stopped"])
def test_whether_a_guest_runs_is_asked_of_its_node(cluster, snapshot, listed):
    """The cluster's list is seconds old, and has more words than running and stopped."""
    row = {"vmid": 100, "name": "web", "node": "pve1", "type": "qemu", "status": listed}
    _says(cluster, "/cluster/resources", [row])
    taken = snapshot("create", "web", "--ram", "--dry-run")
    assert "with RAM" in taken.out
    assert "stopped" not in taken.out
    assert "switched off hard" in snapshot("rollback", "web", "before", "--dry-run").out


def test_a_storage_that_cannot_be_looked_at_prevents_no_rollback(cluster, snapshot, guest):
    """It would only have told whether newer snapshots are in the way."""
    cluster.add_snapshot(guest, "after")
    cluster.pve.fail("GET", "/nodes/pve1/storage", 500, "got timeout")
    run = snapshot("rollback", guest, "before", "--yes", "--json")
    assert run.code == 0
    assert "newer: after; not known whether the storage minds" in run.document["plan"][0]["notes"][-1]


def test_todays_tags_that_were_written_and_not_confirmed_are_there(cluster, snapshot, guest):
    """An answer that is cut off is no reason to send a person to the node."""
    today = cluster.left(guest)["tags"]
    answer = cluster.pve._answer

    async def cut(request, *rest):
        given = await answer(request, *rest)
        return web.Response(text="") if request.method == "PUT" else given

    cluster.pve._answer = cut
    run = snapshot("rollback", guest, "before", "--yes", "--json")
    assert (run.code, run.document["outcomes"][0]["words"]) == (0, "")
    assert cluster.left(guest)["tags"] == today


def test_a_guest_that_cannot_be_read_again_hides_no_other(cluster, snapshot):
    """The second look at the cluster fails, too."""
    cluster.pve.fail("GET", "/lxc/101/snapshot", 500, "gone")
    answer, looks = cluster.pve._answer, []

    async def once(request, *rest):
        looks.extend([1] if request.path.endswith("/cluster/resources") else [])
        given = await answer(request, *rest)
        return web.Response(status=403) if len(looks) > 1 else given

    cluster.pve._answer = once
    run = snapshot("list", "--json")
    assert (run.code, [each["vmid"] for each in run.document["snapshots"]]) == (1, [100])
    assert [each["vmid"] for each in run.document["outcomes"]] == [101]


def test_with_a_closed_standard_input_nobody_is_asked(cluster, snapshot, monkeypatch):
    """As in `<&-`: usage, and nothing was done."""
    monkeypatch.setattr("sys.stdin", None)
    assert snapshot("rollback", "web", "before").code == 2
    assert not cluster.writes()


def test_metrics_that_cannot_be_written_hide_no_report(cluster, operate, tmp_path):
    """One document, the snapshot is there, and exit code 1 with the reason."""
    run = operate(main, "create", "web", "--name", "new", "--json", "--metrics", str(tmp_path / "none"))
    assert (run.code, run.document["outcomes"][0]["result"]) == (1, "done")
    assert "the metrics cannot be written" in run.err
