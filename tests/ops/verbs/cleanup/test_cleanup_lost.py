"""Deletions that do not end, answers that are lost, runs that are broken off: nothing is deleted twice."""

import asyncio
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests

from ops.adapters.api import Api
from ops.cleanup_snapshots import main

DAY = 86_400
HERE, GONE = {"old"}, set()


def test_a_deletion_that_does_not_end_in_time_keeps_its_node_from_the_next(
    world, operate, due, deletions, the_other_is_gone
):
    """One at a time on a node: it may still be going on. Nothing is stopped, repeated or unlocked."""
    taken = int(time.time()) - 20 * DAY
    next_one = world.call(lambda: world.pve.add_vm(103, "next"))
    world.call(lambda: next_one.snapshots.update(old={"snaptime": taken}))
    task = world.pve.task

    async def endless(node, ttype, *rest, **more):
        if node != "pve1":
            return await task(node, ttype, *rest, **more)
        world.pve.snapshot_lock(101, "snapshot-delete")
        upid = await task(node, ttype, *rest[:2], _nothing, **more)
        world.pve.tasks[upid].update(status="running")
        del world.pve.tasks[upid]["exitstatus"]
        return upid

    world.pve.task = endless
    run = operate(main, "--all", "--timeout", "1", "--lock-wait", "0", "--json")
    results = {each["vmid"]: (each["result"], each["words"]) for each in run.document["outcomes"]}
    assert (run.code, set(next_one.snapshots), len(deletions()), len(deletions(103))) == (
        1,
        HERE,
        1,
        0,
    )
    assert results[101][0] == "unknown"
    assert "UPID:pve1:" in results[101][1]
    assert results[103][0] == "refused"
    assert "delete snapshot old of web may still be going on at pve1" in results[103][1]
    assert the_other_is_gone()


async def _nothing():
    return None


@pytest.mark.parametrize(
    ("arrives", "code", "left", "words"),
    [(True, 0, GONE, "a look shows it done"), (False, 1, HERE, "nothing holds the guest, and its list")],
)
def test_a_connection_that_breaks_in_a_deletion(
    world, operate, due, monkeypatch, arrives, code, left, words, the_other_is_gone
):
    """Whether the server got it is looked up; it is never sent a second time."""
    call = Api._call
    sent = []

    def breaking(self, method, path, parameters):
        if method != "DELETE" or "/101/" not in path:
            return call(self, method, path, parameters)
        sent.append(path)
        if arrives:
            call(self, method, path, parameters)
        raise requests.ConnectionError("Connection aborted.")

    monkeypatch.setattr(Api, "_call", breaking)
    run = operate(main, "--all")
    assert (run.code, set(due.snapshots), len(sent)) == (code, left, 1)
    assert words in " ".join(run.out.split())
    assert the_other_is_gone()


def test_a_lost_answer_to_a_deletion_that_takes_its_time_is_waited_for(world, operate, due, monkeypatch):
    """The guest is locked while PVE works; the next deletion on its node begins after that."""
    call = Api._call
    looks = []

    def breaking(self, method, path, parameters):
        if method == "DELETE" and "/101/" in path:
            world.call(lambda: world.pve.snapshot_lock(101, "snapshot-delete"))
            raise requests.ReadTimeout
        if method == "GET" and path.endswith("qemu/101/snapshot"):
            looks.append(path)
            if len(looks) == 6:
                world.call(lambda: (due.snapshots.clear(), world.pve.unlock(101)))
        return call(self, method, path, parameters)

    monkeypatch.setattr(Api, "_call", breaking)
    run = operate(main, "--all")
    assert (run.code, set(due.snapshots)) == (0, GONE)
    assert "a look shows it done" in run.out


def test_a_run_that_was_killed_is_finished_by_the_next(world, operate, due, deletions):
    """Kill -9 in the middle: no lock is left, nothing is deleted twice, nothing is forgotten."""
    taken = int(time.time()) - 20 * DAY

    def build():
        for number in range(20):
            due.snapshots[f"more{number}"] = {"snaptime": taken}

    world.call(build)
    task = world.pve.task

    async def slower(node, ttype, tid, user, body, **more):
        await asyncio.sleep(0.05)
        return await task(node, ttype, tid, user, body, **more)

    world.pve.task = slower
    command = [sys.executable, "-m", "ops.cleanup_snapshots", "--all", "--max-deletions", "100%"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while len(deletions()) < 3:
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    assert due.snapshots
    assert operate(main, "--all", "--max-deletions", "100%").code == 0
    sent = [request.path for request in deletions()]
    assert (due.snapshots, len(sent), len(set(sent))) == ({}, 21, 21)


def test_an_interruption_ends_after_what_has_begun(world, operate, due, monkeypatch, deletions):
    """Ctrl-C: no further deletion is begun on any node, and the code is 130."""
    taken = int(time.time()) - 20 * DAY
    for vmid in range(201, 211):
        guest = world.call(lambda vmid=vmid: world.pve.add_vm(vmid, f"guest{vmid}"))
        world.call(lambda guest=guest: guest.snapshots.update(old={"snaptime": taken}))
    call = Api._call

    def interrupted(self, method, path, parameters):
        if method == "DELETE" and "/pve1/" in path and not deletions():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.2)
        return call(self, method, path, parameters)

    monkeypatch.setattr(Api, "_call", interrupted)
    run = operate(main, "--all", "--max-deletions", "100%")
    assert run.code == 130
    assert len([request for request in world.writes() if "/pve1/" in request.path]) == 1
    assert set(due.snapshots) == GONE


def test_a_token_that_expires_in_the_middle_ends_the_looking(world, operate, due, deletions):
    """What it may not see now it will not see in an hour; the rest fails with the reason."""
    task = world.pve.task

    async def last(*given, **more):
        world.pve.apitokens.clear()
        return await task(*given, **more)

    world.pve.task = last
    began = time.monotonic()
    run = operate(main, "--all", "--json")
    outcomes = {each["vmid"]: each for each in run.document["outcomes"]}
    assert (run.code, time.monotonic() - began < 30) == (1, True)
    assert {each["result"] for each in outcomes.values()} <= {"unknown", "failed", "done"}
    assert "Proxmox refused the token" in outcomes[101]["words"]
    assert len(deletions()) <= 1
