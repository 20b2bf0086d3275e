"""What a server does to a login, and what may be concluded from it: only its own no is a no."""

import shlex
import socket
import threading
import time
from contextlib import contextmanager

import asyncssh
import pytest

from ops.adapters import ssh_transport
from ops.adapters.guest_ssh import BarredError, Door
from ops.adapters.ssh import Target, enter
from ops.errors import AuthenticationError, DroppedError, LifecycleError, UnreachableError
from tests.ops.adapters.key_server import make_key, open_servers

OLD, OLD_LINE = make_key()
NEW, NEW_LINE = make_key()


async def _answer(process):
    *words, word = shlex.split(process.command or "no")
    word = word if words == ["echo", "pve-keys:", "alive"] else ""
    process.stdout.write(f"chatter of a login\npve-keys: alive {word}\n" if word else "no shell here\n")
    process.exit(0)


@pytest.fixture
def server(loop):
    """Start a server with these keys; gives its target and the class that counts the offers."""
    with open_servers(loop) as start:
        yield lambda keys, at_offer=None, process=_answer: start(keys, process, at_offer)


def test_a_connection_that_breaks_during_the_login_is_no_refusal(server):
    """Paramiko calls this an authentication failure; taken for one, it would prove that a key is gone."""
    target, _ = server(NEW_LINE, {1: lambda conn: conn.abort()})
    with pytest.raises(DroppedError):
        enter(target, [NEW])


def test_too_many_attempts_are_a_refusal(server):
    """MaxAuthTries 1: sshd says so in the words with which it hangs up."""
    words = "Too many authentication failures"
    target, _ = server(NEW_LINE, {1: lambda conn: conn.disconnect(asyncssh.DISC_PROTOCOL_ERROR, words)})
    room, accepted, untried = Door(target=target).prove([OLD], NEW)
    room.close()
    assert (accepted, untried) == (frozenset(), frozenset())


def test_the_proof_is_one_connection_with_both_keys(server):
    """The old key is refused and then the new one is taken: the server does answer logins."""
    target, kind = server(NEW_LINE)
    room, accepted, untried = Door(target=target).prove([OLD], NEW)
    room.close()
    assert (accepted, untried) == (frozenset(), frozenset())
    assert [offer in NEW_LINE for offer in kind.offers] == [False, True]


def test_a_removed_key_that_opens_is_found_out(server):
    """And the new one is tried by itself."""
    target, _ = server(f"{OLD_LINE}\n{NEW_LINE}")
    room, accepted, untried = Door(target=target).prove([OLD], NEW)
    room.close()
    assert (accepted, untried) == (frozenset({OLD.asbytes()}), frozenset())


def test_a_new_key_that_is_refused_beside_the_old_one_is_a_refusal(server):
    """Nobody got in."""
    target, _ = server("")
    with pytest.raises(AuthenticationError, match="refused the key"):
        Door(target=target).prove([OLD], NEW)


def test_a_removed_key_is_offered_no_more_than_twice(server):
    """Sshd counts refusals and punishes: who cannot prove it in two connections does not go on trying."""
    target, kind = server(NEW_LINE, {1: lambda conn: conn.abort(), 2: lambda conn: conn.abort()})
    door = Door(target=target)
    for _ in range(2):
        with pytest.raises(DroppedError):
            door.prove([OLD], NEW)
    with pytest.raises(LifecycleError, match="twice"):
        door.prove([OLD], NEW)
    assert len(kind.offers) == 2


def test_a_refusal_that_was_heard_is_not_asked_for_again(server):
    """The server hangs up after it and then turns us away for a while: only the new key is left to try."""
    words = "Too many authentication failures"
    target, kind = server(
        NEW_LINE,
        {
            1: lambda conn: conn.disconnect(asyncssh.DISC_PROTOCOL_ERROR, words),
            2: lambda conn: conn.abort(),
        },
    )
    door = Door(target=target)
    with pytest.raises(DroppedError):
        door.prove([OLD], NEW)
    room, accepted, untried = door.prove([OLD], NEW)
    room.close()
    assert (accepted, untried) == (frozenset(), frozenset())
    assert [offer in NEW_LINE for offer in kind.offers] == [False, True, True]


def test_a_login_takes_the_first_key_that_opens(server):
    """And tells which one it was."""
    target, _ = server(NEW_LINE)
    room, blob = Door(target=target).enter([OLD, NEW])
    room.answers()
    room.close()
    assert blob == NEW.asbytes()


async def _deaf(process):
    process.stdout.write("pve-keys: alive but not what was asked for\n")
    process.exit(0)


async def _parrot(process):
    process.stdout.write(f"{process.command}\n")
    process.stdout.write(await process.stdin.readline())
    process.exit(0)


@pytest.mark.parametrize("forced", [_deaf, _parrot])
def test_a_forced_command_is_told_from_a_command_that_ran(server, forced):
    """It would have to know a word that was drawn a moment ago, or what a shell makes of the line."""
    target, _ = server(NEW_LINE, process=forced)
    room, _ = Door(target=target).enter([NEW])
    with pytest.raises(BarredError, match="forced command"):
        room.answers()
    with pytest.raises(BarredError):
        room.look("tag")
    room.close()


def test_a_host_that_says_nothing_is_waited_for_aside(monkeypatch):
    """It takes connections, as a frozen one does, and never a slot for longer than a moment."""
    monkeypatch.setattr(ssh_transport, "PROMPT", 0.05)
    monkeypatch.setattr(ssh_transport, "CONNECT_TIMEOUT", 0.3)
    aside = []

    @contextmanager
    def waiting():
        aside.append(time.monotonic())
        try:
            yield
        finally:
            aside.append(time.monotonic())

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(UnreachableError, match="no answer"):
        ssh_transport.reach("127.0.0.1", silent.getsockname()[1], where="web", waiting=waiting)
    assert aside[1] - aside[0] > 0.2


@pytest.mark.parametrize("words", [b"", b"Not allowed at this time\r\n", b"220 mail.example.org ESMTP\r\n"])
def test_whoever_hangs_up_before_the_login_has_said_nothing_about_keys(words):
    """Sshd's penalty, with and without its words; or no SSH at all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def turn_away():
            connection, _ = listener.accept()
            connection.sendall(words)
            connection.close()

        thread = threading.Thread(target=turn_away)
        thread.start()
        line = make_key()[1]
        target = Target(address="127.0.0.1", port=listener.getsockname()[1], username="ops", host_key=line)
        with pytest.raises(DroppedError):
            enter(target, [NEW])
        thread.join()


def test_a_name_that_nobody_knows_is_unreachable():
    """Said as what it is."""
    with pytest.raises(UnreachableError, match="cannot be resolved"):
        ssh_transport.reach("host.invalid", 22, where="web")


def test_a_second_key_has_its_turn_where_the_server_hangs_up_after_one(server):
    """MaxAuthTries 1: a host that was rotated before is entered with the new key, by a new connection."""
    words = "Too many authentication failures"
    hang_up = {at: lambda conn: conn.disconnect(asyncssh.DISC_PROTOCOL_ERROR, words) for at in (1, 3, 4)}
    target, _ = server(NEW_LINE, hang_up)
    session, key = enter(target, [OLD, NEW])
    session.close()
    assert key is NEW
    third, _ = make_key()
    room, accepted, untried = Door(target=target).prove([OLD, third, make_key()[0]], NEW)
    room.close()
    assert (len(accepted), len(untried)) == (0, 1)
