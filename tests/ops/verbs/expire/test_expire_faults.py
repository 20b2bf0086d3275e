"""When something fails: the exit code, the words, and what is left behind."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

SHUTDOWN = "/nodes/{node}/qemu/{vmid}/status/shutdown"


def refuse(world, status, message, *, method="POST", path=SHUTDOWN):
    """Have the server answer so."""
    world.call(lambda: world.pve.fail(method, path, status, message))


def cut(world):
    """End every connection, as a cable that is pulled out."""
    for handler in world.pve.runner.server.connections:
        if handler.transport:
            handler.transport.abort()


def on_shutdown(world, *, done, then):
    """Let `then` happen to a shutdown, after it was done or instead."""
    real = world.pve._do_shutdown

    async def handle(vm, user, given):
        answer = await real(vm, user, given) if done else None
        then()
        return answer

    world.call(lambda: setattr(world.pve, "_do_shutdown", handle))


def lose_token(world):
    """Withdraw the token."""
    world.call(world.pve.apitokens.clear)


def lose_power(world):
    """Take VM.PowerMgmt from the token, and leave it the rest."""

    def without():
        for grants in world.pve.acl.values():
            for _, privileges in grants:
                privileges.discard("VM.PowerMgmt")

    world.call(without)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda world: world.call(world.pve.lose_quorum), "no quorum?"),
        (lose_power, "lacks VM.PowerMgmt on /vms/101"),
        (lambda world: refuse(world, 500, "got timeout"), "500 got timeout"),
        (lambda world: refuse(world, 595, "No route to host"), "the node cannot be reached"),
    ],
)
def test_a_stop_that_is_refused_fails_and_the_batch_goes_on(world, guest, expire, break_it, words):
    """The guest runs on, PVE's words are kept, nothing is sent twice, and the others have their turn."""
    vm, container = guest(101), guest(102, container=True)
    break_it(world)
    run = expire()
    outcomes = {item["vmid"]: item for item in run.document["outcomes"]}
    assert (run.code, vm.status, outcomes[101]["result"]) == (1, "running", "failed")
    assert words in outcomes[101]["words"]
    assert "it is still running" in outcomes[101]["words"]
    assert len(world.writes(101)) == len(world.writes(102)) == 1
    assert (container.status == "stopped") == (outcomes[102]["result"] == "done")


def test_a_task_that_fails_is_a_failure(world, guest, expire):
    """PVE took the request and could not do it."""
    vm = guest(101)
    world.call(lambda: world.pve.fail("POST", SHUTDOWN, error=_in_task(world)))
    run = expire()
    (outcome,) = run.document["outcomes"]
    assert (run.code, vm.status, outcome["result"]) == (1, "running", "failed")
    assert "it is still running" in outcome["words"]


def _in_task(world):
    entries = world.pve.errors_for("POST", "/nodes/pve1/qemu/101/status/shutdown")
    return next(entry["name"] for entry in entries if entry["in_task"])


def test_a_task_that_does_not_end_is_unknown_and_left_alone(world, guest, expire):
    """No second request, no unlock; the report names the task."""
    guest(101, acpi=False)
    world.call(lambda: setattr(world.pve, "time_scale", 30.0))
    run = expire("--shutdown-timeout", "1")
    (outcome,) = run.document["outcomes"]
    assert (run.code, outcome["result"], len(world.writes())) == (1, "unknown", 1)
    assert "UPID:pve1:" in outcome["words"]
    assert "it is still running" in outcome["words"]


@pytest.mark.parametrize("done", [True, False])
def test_an_answer_that_is_lost_is_looked_after_and_never_sent_again(world, guest, expire, done):
    """The connection breaks in the middle of the write: what counts is whether the guest is down."""
    vm = guest(101)
    on_shutdown(world, done=done, then=lambda: cut(world))
    run = expire("--shutdown-timeout", "1")
    (outcome,) = run.document["outcomes"]
    assert len([each for each in world.writes() if each.path.endswith("/shutdown")]) == 1
    if done:
        assert (run.code, vm.status, outcome["result"]) == (0, "stopped", "done")
    else:
        assert (run.code, vm.status, outcome["result"]) == (1, "running", "unknown")
        assert "it may have been accepted, and is not sent again" in outcome["words"]


def test_a_node_that_is_away_hides_what_runs_there(world, guest, expire):
    """Its guests are refused as unseen, the others are stopped, and the run has not done all."""
    world.call(lambda: world.pve.add_node("pve2"))
    hidden, seen = guest(101, node="pve2"), guest(102)
    world.call(lambda: world.pve.set_node_offline("pve2"))
    run = expire()
    assert (run.code, run.document["offline_nodes"]) == (1, ["pve2"])
    assert (run.document["stopped"], hidden.status, seen.status) == ([102], "running", "stopped")
    assert [item["reason"] for item in run.document["plan"]] == ["unseen", "over"]
    assert "The node pve2 is offline" in run.err


def test_a_node_that_goes_away_after_the_scan_is_a_failure_of_its_guests(world, guest, expire, people):
    """Looked at again before the stop, and not to be seen."""
    world.call(lambda: world.pve.add_node("pve2"))
    guest(101, node="pve2"), guest(102)
    people.when_told = lambda: world.call(lambda: world.pve.set_node_offline("pve2"))
    run = expire()
    assert (run.code, run.document["stopped"], world.writes(101)) == (1, [102], [])


def test_the_token_is_withdrawn_between_scan_and_stop(world, guest, expire, people):
    """Each guest fails with the remedy; none is written to."""
    guest(101)
    people.when_told = lambda: lose_token(world)
    run = expire()
    (outcome,) = run.document["outcomes"]
    assert (run.code, outcome["result"], [each for each in world.writes() if each.status < 400]) == (
        1,
        "failed",
        [],
    )
    assert "Proxmox refused the token" in outcome["words"]


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lose_token, "Proxmox refused the token"),
        (lambda world: world.call(world.pve.vms.clear), "sees no guest at all"),
        (lambda world: world.call(world.pve.acl.clear), "sees no guest at all"),
        (lambda world: refuse(world, 500, "boom", method="GET", path="/cluster/resources"), "500 boom"),
        (lambda world: world.call(lambda: world.pve.flaky_network(drop_rate=1.0)), "the connection broke"),
    ],
)
def test_without_a_scan_nothing_is_done_and_nobody_is_told(world, operate, people, expire, break_it, words):
    """Exit 1 and the reason, also in the document: an empty list is not 'nothing to do'."""
    break_it(world)
    run = expire()
    assert (run.code, run.document["ok"], people.alerts, world.writes()) == (1, False, [], [])
    assert words in run.err
    assert words in run.document["error"]["what"]


def test_boot_flag_that_cannot_be_taken_away_is_a_failure_of_its_own(world, guest, expire):
    """The guest is down; that it will come back with its node is said."""
    vm = guest(101, config={"onboot": 1})
    refuse(world, 500, "got timeout", method="PUT", path="/nodes/{node}/qemu/{vmid}/config")
    run = expire()
    assert (run.code, vm.status, run.document["stopped"]) == (1, "stopped", [101])
    assert "comes back when pve1 boots" in run.document["outcomes"][1]["words"]


def test_two_runs_never_overlap(world, guest, expire, people):
    """The second one ends at once and leaves the guests to the first."""
    guest(101)
    second = []
    people.when_told = lambda: second.append(_again(expire))
    assert expire().document["stopped"] == [101]
    assert second == [1]
    assert len(world.writes()) == 1


def _again(expire):
    return expire().code


def test_the_shutdown_is_the_only_power_call(world, guest, expire):
    """No start, no reset, and never a DELETE."""
    for vmid in range(101, 106):
        guest(vmid, config={"onboot": 1})
    expire()
    calls = {(each.method, each.path.rsplit("/", 1)[1]) for each in world.writes()}
    assert calls == {("POST", "shutdown"), ("PUT", "config")}


def test_a_clock_that_is_days_off_stops_nobody(world, guest, expire, people, monkeypatch):
    """This machine's or the node's, one is wrong: nobody can say which day it is."""
    guest(101, "environment-lab;expires-2020-01-01")
    monkeypatch.delenv("LIFECYCLE_NOW")
    there = format_datetime(datetime.now(UTC) - timedelta(days=2), usegmt=True)
    monkeypatch.setattr("aiohttp.web_response.rfc822_formatted_time", lambda: there)
    run = expire()
    assert (run.code, world.writes(), people.alerts) == (1, [], [])
    assert "its clock and this machine's are" in run.err


def test_a_clock_that_is_minutes_off_is_named(guest, expire, monkeypatch):
    """A warning, and the run goes on."""
    guest(101, "environment-lab;expires-2020-01-01")
    monkeypatch.delenv("LIFECYCLE_NOW")
    there = datetime.now(UTC) - timedelta(minutes=7)
    monkeypatch.setattr("ops.adapters.proxmox.Proxmox.clock", lambda *_: there)
    run = expire()
    assert (run.code, run.document["stopped"]) == (0, [101])
    assert "warning: the clock of pve1 is" in run.err
