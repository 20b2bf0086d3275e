"""The connection breaks in the middle of a write: look, judge by what is seen, and send nothing again."""

import pytest

COMMANDS = {
    "create": ("create", "{}", "--name", "new"),
    "delete": ("delete", "{}", "before"),
    "keep": ("keep", "{}", "before", "--until", "2027-01-31", "--reason", "the audit"),
    "release": ("release", "{}", "kept"),
    "rollback": ("rollback", "{}", "before", "--yes"),
}
KEPT = "keep until 2027-01-01: x"
BEFORE = {"before": "before the upgrade", "kept": KEPT}
DONE = {
    "create": BEFORE | {"new": ""},
    "delete": {"kept": KEPT},
    "keep": BEFORE | {"before": "before the upgrade\nkeep until 2027-01-31: the audit"},
    "release": BEFORE | {"kept": "released"},
}


@pytest.fixture
def drop(cluster, guest):
    """Break the connection of the next write, after the server did it or before."""
    cluster.add_snapshot(guest, "kept", description=KEPT)
    answer = cluster.pve._answer

    def arm(*, done):
        async def broken(request, handler, *rest):
            if request.method == "GET":
                return await answer(request, handler, *rest)
            cluster.pve._answer = answer
            if done:
                await answer(request, handler, *rest)
            request.transport.close()
            raise ConnectionResetError

        cluster.pve._answer = broken

    return arm


@pytest.mark.parametrize("command", DONE)
def test_what_the_server_did_is_seen_as_done(cluster, snapshot, guest, drop, command):
    """One write, and exit code 0 with words about the answer."""
    drop(done=True)
    run = snapshot(*(word.format(guest) for word in COMMANDS[command]), "--json")
    (outcome,) = run.document["outcomes"]
    assert (run.code, outcome["result"]) == (0, "done")
    assert "answer was lost" in outcome["words"]
    assert cluster.left(guest)["snapshots"] == DONE[command]
    assert list(cluster.sent.values()) == [1]


@pytest.mark.parametrize("command", DONE)
def test_what_the_server_did_not_do_is_unknown_and_not_repeated(cluster, snapshot, guest, drop, command):
    """It may still be on its way: a person decides."""
    before = cluster.left(guest)
    drop(done=False)
    run = snapshot(*(word.format(guest) for word in COMMANDS[command]), "--json")
    (outcome,) = run.document["outcomes"]
    assert (run.code, outcome["result"]) == (1, "unknown")
    assert "may have been accepted, and is not sent again" in outcome["words"]
    assert "not show it done" in outcome["words"]
    assert cluster.left(guest) == before
    assert list(cluster.sent.values()) == [1]


@pytest.mark.parametrize("done", [True, False])
def test_todays_settings_are_safe_whether_or_not_the_rollback_was_done(cluster, snapshot, guest, drop, done):
    """Nothing shows whether a guest was rolled back; its settings are compared, and the command is said."""
    before = cluster.left(guest)
    drop(done=done)
    run = snapshot(*(word.format(guest) for word in COMMANDS["rollback"]), "--json")
    (outcome,) = run.document["outcomes"]
    assert (run.code, outcome["result"]) == (1, "unknown")
    assert "--onboot 1 --tags 'environment-lab;expires-2027-06-01'" in outcome["words"]
    assert cluster.left(guest) == before
    assert cluster.guest_of(guest).config["memory"] == (2048 if done else 4096)
    assert [count for (method, _), count in cluster.sent.items() if method == "POST"] == [1]


def test_when_looking_fails_too_nobody_knows(cluster, snapshot, guest, drop):
    """And both reasons are said."""
    drop(done=True)
    begin = cluster.pve._answer

    async def then_away(request, handler, *rest):
        try:
            return await begin(request, handler, *rest)
        except ConnectionResetError:
            cluster.pve.set_node_offline("pve1")
            raise

    cluster.pve._answer = then_away
    run = snapshot("delete", guest, "before", "--json")
    (outcome,) = run.document["outcomes"]
    assert (run.code, outcome["result"]) == (1, "unknown")
    assert "Looking failed, too" in outcome["words"]
