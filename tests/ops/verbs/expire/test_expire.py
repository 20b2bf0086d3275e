"""An expiry run stops what is due and touches nothing else."""

import time

import pytest

from ops.expire import main
from ops.runs.expiry import stopping


def of(document, key, vmid):
    """What the document says of one guest."""
    return [item for item in document[key] if item["vmid"] == vmid]


def test_an_expired_lab_guest_is_shut_down_with_a_deadline(world, guest, expire):
    """VM and container alike, by one request each that ends it hard after the time."""
    vm, container = guest(101), guest(102, container=True)
    run = expire("--shutdown-timeout", "90")
    assert run.code == 0
    assert (vm.status, container.status) == ("stopped", "stopped")
    assert run.document["stopped"] == [101, 102]
    for vmid in (101, 102):
        (write,) = world.writes(vmid)
        assert write.path.endswith("/status/shutdown")
        assert {name: str(value) for name, value in write.params.items()} == {
            "timeout": "90",
            "forceStop": "1",
        }


def test_a_second_run_has_nothing_to_do(world, guest, expire):
    """What is down stays as it is: no write, no notice, exit 0."""
    guest(101, config={"onboot": 1})
    assert expire().code == 0
    world.requests.clear()
    again = expire()
    assert (again.code, again.document["outcomes"], world.writes()) == (0, [], [])


def test_a_dry_run_shows_the_plan_and_writes_nothing(world, guest, expire, people, tmp_path):
    """The very plan: no write, no notice, no file."""
    guest(101)
    guest(102, "environment-lab;expires-2026-02-16")
    run = expire("--dry-run", "--metrics", str(tmp_path))
    assert run.code == 0
    assert [(item["vmid"], item["action"]) for item in run.document["plan"]] == [(101, "stop"), (102, "warn")]
    assert (world.writes(), people.alerts, list(tmp_path.glob("*.prom"))) == ([], [], [])
    assert expire().document["plan"] == run.document["plan"]


OTHERS = [
    ("environment-prod", {}),
    ("environment-prod;expires-2026-02-15", {}),
    ("expires-2026-02-15", {}),
    ("environment-lab;environment-prod;expires-2026-02-15", {}),
    ("environment-lab;expires-2026-02-15;no-expire", {}),
    ("environment-lab", {}),
    ("environment-lab;expires-2026-02-15;expires-2026-02-14", {}),
    ("environment-lab;expires-2026-02-31", {}),
    ("environment-lab;expires-2026-02-16", {}),
    ("environment-lab;expires-2026-02-15", {"protection": 1}),
]


@pytest.mark.parametrize("container", [False, True])
def test_nobody_else_is_written_to(world, guest, expire, container):
    """Prod, unclear, exempt, without a certain day, protected: not one write reaches any of them."""
    left = [
        guest(101 + number, tags, container=container, config=config)
        for number, (tags, config) in enumerate(OTHERS)
    ]
    due = guest(150, container=container)
    expire()
    assert (due.status, {each.status for each in left}) == ("stopped", {"running"})
    assert {write.vmid for write in world.writes()} == {150}


def test_a_protected_guest_is_refused_and_the_run_has_not_done_all(guest, expire, people):
    """Its day is over and it runs on: somebody must decide. Nobody is told of a stop that does not come."""
    guest(101, config={"protection": 1})
    run = expire()
    assert (run.code, run.document["outcomes"], people.alerts) == (1, [], [])
    (planned,) = run.document["plan"]
    assert (planned["action"], planned["reason"]) == ("refuse", "protected")
    assert "protection flag is set" in planned["words"]
    assert expire("--dry-run").document["plan"] == [planned]


def test_what_matters_is_shown_and_the_rest_on_request(guest, operate, expire, people):
    """A table and a document; every guest with its reason, the lab's template among them."""
    guest(101, "environment-lab;expires-2026-03-01", name="later")
    guest(102, "environment-lab;expires-soon", name="typo")
    assert [item["vmid"] for item in expire("--dry-run").document["plan"]] == [102]
    assert [item["vmid"] for item in expire("--dry-run", "--show-all").document["plan"]] == [101, 102, 9000]
    shown = operate(main, "--dry-run", "--show-all")
    assert shown.code == 0
    assert "expires-soon names no day; write it like expires-2026-02-16" in shown.out
    assert "its last day is 2026-03-01; it will be stopped in 14 days" in shown.out
    assert "3 guests: 0 to stop, 0 to warn, 2 to leave, 1 to refuse." in shown.out


def test_guests_can_be_named(world, guest, expire):
    """Only those are touched, by number or name; a name that nobody has is an error before anything."""
    guest(101, name="one")
    other = guest(102, name="two")
    assert expire("three", "one").code == 1
    assert world.writes() == []
    assert expire("one").document["stopped"] == [101]
    assert other.status == "running"


@pytest.mark.parametrize("words", [["101"], ["--", "list"]])
def test_a_guest_that_is_named_like_a_command_can_be_meant(guest, expire, operate, people, words):
    """By its number, or after two dashes; the word alone is the command."""
    named = guest(101, name="list")
    if words == ["101"]:
        assert operate(main, "list").code == 0
        assert named.status == "running"
    assert operate(main, *words).code == 0
    assert named.status == "stopped"


@pytest.mark.parametrize(
    "words", [["--warn-days", "soon"], ["--warn-days", "0"], ["--max-stops", "half"], ["--parallel", "0"]]
)
def test_what_cannot_be_meant_is_a_usage_error(world, operate, words):
    """Exit code 2, before anything is asked."""
    assert operate(main, *words).code == 2
    assert len(world.requests) == 0


@pytest.mark.parametrize(("ceiling", "stopped"), [("1", 0), ("2", 2), ("50%", 0), ("100%", 2)])
def test_over_the_ceiling_nothing_is_stopped(world, guest, expire, ceiling, stopped):
    """All of it is refused by name, and the exit code says so."""
    guest(101), guest(102), guest(103, "environment-lab;expires-2026-03-01")
    run = expire("--max-stops", ceiling)
    assert len(run.document["stopped"]) == stopped
    assert run.code == (0 if stopped else 1)
    if not stopped:
        reasons = {item["reason"] for item in run.document["plan"]}
        assert (reasons, world.writes()) == ({"over_ceiling"}, [])
        assert "--max-stops" in run.document["plan"][0]["words"]


@pytest.mark.parametrize("container", [False, True])
def test_a_guest_of_somebody_else_does_not_come_back_with_its_node(world, guest, expire, container):
    """`onboot` is taken away once, after it is down, and reported; where it is off nothing is written."""
    other = guest(101, config={"onboot": 1}, container=container)
    guest(102, config={"onboot": 0}, container=container)
    run = expire()
    assert run.code == 0
    assert str(other.config["onboot"]) == "0"
    assert [item["action"] for item in of(run.document, "outcomes", 101)] == ["stop", "set onboot=0"]
    assert [item["action"] for item in of(run.document, "outcomes", 102)] == ["stop"]
    assert [write.method for write in world.writes(101)] == ["POST", "PUT"]
    assert "digest" in world.writes(101)[1].params


def test_the_programs_own_guest_keeps_its_configuration(world, guest, expire):
    """The declaration writes `onboot` there; two writers would undo each other."""
    own = guest(101, "environment-lab;expires-2026-02-15;managed-by-pulumi", config={"onboot": 1})
    assert expire().code == 0
    assert (own.status, own.config["onboot"], len(world.writes())) == ("stopped", 1, 1)


def test_a_paused_guest_is_stopped_and_a_suspended_one_is_down_already(world, guest, expire):
    """One holds memory, and cannot be asked to shut down; the other does not run."""
    paused, suspended = guest(101, qmpstatus="paused"), guest(102, status="stopped", lock="suspended")
    run = expire()
    assert (run.code, paused.status, run.document["stopped"]) == (0, "stopped", [101])
    assert (suspended.lock, world.writes(102)) == ("suspended", [])


def test_guests_are_stopped_side_by_side_up_to_the_bound(guest, expire, monkeypatch):
    """Two at a time, and never three."""
    at_work, most = set(), []
    shut_down = stopping.power.shut_down

    def watched(proxmox, one, **given):
        at_work.add(one.vmid)
        time.sleep(0.02)
        most.append(len(at_work))
        at_work.discard(one.vmid)
        return shut_down(proxmox, one, **given)

    monkeypatch.setattr(stopping.power, "shut_down", watched)
    for vmid in range(101, 109):
        guest(vmid)
    assert len(expire("--parallel", "2").document["stopped"]) == 8
    assert max(most) == 2
