"""What a run leaves for Prometheus, and for the next run."""

import stat

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.core.expiring import REFUSALS

SUCCESS = "pve_lifecycle_last_success_timestamp_seconds"
SUCCEEDED = "pve_lifecycle_last_run_succeeded"
MIDNIGHT = 1771196400  # 2026-02-16 in Paris
SEVEN = 1771221600


@pytest.fixture
def left(tmp_path):
    """The values of a metric in all files of the directory, by the labels that are named."""

    def read(name, *labels):
        found = {}
        for path in tmp_path.glob("*.prom"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o644
            for family in text_string_to_metric_families(path.read_text()):
                for sample in family.samples:
                    if sample.name == name:
                        found[" ".join(sample.labels[label] for label in labels)] = sample.value
        return found

    return read


@pytest.fixture
def leave(expire, tmp_path):
    """A run that writes its metrics."""
    return lambda *words: expire("--metrics", str(tmp_path), *words)


def test_when_each_guest_expires_and_whether_it_runs(guest, leave, left):
    """The first second after its day in the zone; running as it was when the run ended."""
    guest(101, name="web")
    guest(102, "environment-lab;expires-2026-03-28", container=True, name="ct")
    guest(103, "environment-prod;expires-2026-02-15", name="odd")
    guest(104, "environment-prod")
    assert leave().code == 0
    labels = ("vmid", "name", "node", "kind", "environment")
    assert left("pve_guest_expires_timestamp_seconds", *labels) == {
        "101 web pve1 qemu lab": MIDNIGHT,
        "102 ct pve1 lxc lab": 1774738800,
        "103 odd pve1 qemu prod": MIDNIGHT,
    }
    assert left("pve_guest_running", "vmid") == {"101": 0, "102": 1, "103": 1}


def test_a_lab_guest_without_a_certain_day_has_its_own_series(guest, leave, left):
    """None, two, or one that is none; not one that is exempt."""
    guest(101, "environment-lab")
    guest(102, "environment-lab;expires-soon")
    guest(103, "environment-lab;expires-2026-01-01;expires-2026-01-02")
    guest(104, "environment-lab;no-expire")
    leave()
    assert left("pve_lab_guest_without_expiry", "vmid", "reason") == {
        "101 no_expiry": 1,
        "102 malformed_expiry": 1,
        "103 several_expiries": 1,
    }


def test_a_guest_that_comes_back_is_stopped_again_and_counted(world, guest, leave, left, people, monkeypatch):
    """Whoever started it: the next run stops it, says `again`, and the count goes up."""
    vm = guest(101)
    leave()
    assert left("pve_guest_stopped_by_expiry_timestamp_seconds", "vmid") == {"101": SEVEN}
    for count, day in ((1, "17"), (2, "18")):
        monkeypatch.setenv("LIFECYCLE_NOW", f"2026-02-{day}T06:00:00+00:00")
        world.call(lambda: setattr(vm, "status", "running"))
        run = leave()
        assert (run.code, vm.status, run.document["stopped_again"]) == (0, "stopped", [101])
        assert left("pve_guest_expiry_restops", "vmid") == {"101": count}
        assert left("pve_lifecycle_expire_restops") == {"": 1}
        assert "is being stopped again" in people.named("LabGuestStop")[-1]["summary"]
    monkeypatch.setenv("LIFECYCLE_NOW", "2026-02-19T06:00:00+00:00")
    leave()
    assert left("pve_guest_expiry_restops", "vmid") == {"101": 2}
    assert left("pve_lifecycle_expire_restops") == {"": 0}


def test_the_end_of_an_extension_is_no_comeback(world, guest, leave, left, monkeypatch):
    """Extended, started, and stopped when that was over: the first stop of that expiry."""
    vm = guest(101)
    leave()
    world.call(lambda: vm.config.update(tags="environment-lab;expires-2026-02-20"))
    world.call(lambda: setattr(vm, "status", "running"))
    leave()
    assert left("pve_guest_stopped_by_expiry_timestamp_seconds") == {}
    monkeypatch.setenv("LIFECYCLE_NOW", "2026-02-21T06:00:00+00:00")
    run = leave()
    assert (run.document["stopped"], run.document["stopped_again"]) == ([101], [])
    assert left("pve_guest_expiry_restops", "vmid") == {"101": 0}


def test_a_tag_that_was_changed_during_the_run_is_what_is_left(world, guest, leave, left, people):
    """The file says what was found last, not what the scan saw."""
    vm = guest(101)
    people.when_told = lambda: world.call(lambda: vm.config.update(tags="environment-lab;expires-2026-02-20"))
    leave()
    assert list(left("pve_guest_expires_timestamp_seconds", "vmid").values()) == [MIDNIGHT + 5 * 86400]
    assert left("pve_guest_running", "vmid") == {"101": 1}


def test_a_guest_that_is_gone_leaves_no_series(world, guest, leave, left, people):
    """Deleted between scan and stop: the scan's `running` would be an alert until tomorrow."""
    vm = guest(101)
    people.when_told = lambda: world.call(lambda: world.pve.vms.remove(vm))
    leave()
    assert left("pve_guest_running", "vmid") == left("pve_guest_expires_timestamp_seconds", "vmid") == {}


def test_refusals_are_counted_by_reason(world, guest, leave, left):
    """Every reason has its series, the zeros too; also those that are found just before the stop."""
    guest(101, config={"protection": 1})
    guest(102)
    world.call(lambda: world.pve.snapshot_lock(102, "backup"))
    guest(103, "expires-2026-02-15")
    assert leave("--lock-wait", "0").code == 1
    refused = left("pve_lifecycle_expire_refused", "reason")
    assert set(refused) == {reason.value for reason in REFUSALS}
    assert {reason for reason, count in refused.items() if count} == {"protected", "locked", "no_environment"}


def test_a_run_for_one_guest_does_not_undo_the_counts_of_the_daily_one(guest, leave, left, people):
    """Two were withheld, and one of them still is: the alert stays until the next run over all."""
    guest(101)
    guest(102)
    people.status = 500
    leave()
    people.status = 200
    assert leave("101").code == 0
    assert left("pve_lifecycle_expire_withheld") == {"": 2}
    assert left("pve_guest_running", "vmid") == {"101": 0, "102": 1}


def test_what_was_withheld_is_counted(guest, leave, left, people):
    """The alert for a channel that takes nothing comes from here."""
    guest(101)
    people.status = 500
    leave()
    assert left("pve_lifecycle_expire_withheld") == {"": 1}
    assert left(SUCCEEDED, "operation") == {"expire": 0}
    assert left(SUCCESS) == {}


def test_a_run_that_did_not_do_all_renews_the_guests_and_not_the_success(
    world, guest, leave, left, monkeypatch
):
    """Guests that can be judged are not hidden behind one that is locked."""
    guest(101)
    assert leave().code == 0
    assert left(SUCCESS, "operation") == {"expire": SEVEN}
    monkeypatch.setenv("LIFECYCLE_NOW", "2026-02-17T06:00:00+00:00")
    guest(102, config={"protection": 1})
    assert leave().code == 1
    assert left(SUCCESS, "operation") == {"expire": SEVEN}
    assert left("pve_lifecycle_last_run_timestamp_seconds", "operation") == {"expire": SEVEN + 86400}
    assert left("pve_guest_running", "vmid") == {"101": 0, "102": 1}


def test_a_run_without_a_scan_leaves_the_guests_as_they_were(world, guest, leave, left):
    """The last truth stays; that it grows old is seen by its stamp."""
    guest(101)
    leave()
    before = left("pve_guest_expires_timestamp_seconds", "vmid")
    world.call(world.pve.apitokens.clear)
    assert leave().code == 1
    assert left("pve_guest_expires_timestamp_seconds", "vmid") == before != {}
    assert left(SUCCEEDED, "operation") == {"expire": 0}


def test_a_run_for_one_guest_is_not_the_daily_one(guest, leave, left):
    """It renews what is known of the guests, and says nothing of the run that is watched."""
    guest(101), guest(102)
    assert leave("101").code == 0
    assert left("pve_guest_running", "vmid") == {"101": 0, "102": 1}
    assert (left(SUCCESS), left(SUCCEEDED)) == ({}, {})


def test_an_offline_node_is_counted_and_its_guests_are_not_called_stopped(world, guest, leave, left):
    """Unknown is neither running nor stopped."""
    world.call(lambda: world.pve.add_node("pve2"))
    guest(101, node="pve2")
    world.call(lambda: world.pve.set_node_offline("pve2"))
    leave()
    assert left("pve_lifecycle_expire_offline_nodes") == {"": 1}
    assert left("pve_guest_running") == {}
    assert list(left("pve_guest_expires_timestamp_seconds", "vmid")) == ["101"]


def test_a_directory_that_cannot_be_written_to_hides_no_stop(guest, expire, tmp_path):
    """What was done is reported, and the trouble is said: exit 1."""
    guest(101)
    run = expire("--metrics", str(tmp_path / "nowhere"))
    assert (run.code, run.document["stopped"]) == (1, [101])
    assert "the metrics cannot be written" in run.err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "half a li",
        "pve_guest_stopped_by_expiry_timestamp_seconds{} x\n",
        "pve_guest_stopped_by_expiry_timestamp_seconds 1\n",
        'pve_guest_stopped_by_expiry_timestamp_seconds{vmid="web"} 1\n',
        'pve_guest_expiry_restops{vmid="101"} NaN\n',
        'pve_guest_expiry_restops{vmid="101"} +Inf\n',
    ],
)
def test_a_file_that_is_broken_is_no_memory_and_is_replaced(guest, leave, left, tmp_path, text):
    """Nothing else depends on it."""
    guest(101)
    (tmp_path / "pve_lifecycle_guest_expiries.prom").write_text(text)
    (tmp_path / "pve_lifecycle_guest_expiries.prom").chmod(0o644)
    assert leave().code == 0
    assert left("pve_guest_expiry_restops", "vmid") == {"101": 0}
