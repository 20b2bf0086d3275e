"""A command that answers requests, on a server of asyncssh: what is known when it stops answering."""

import pytest

from ops.adapters.ssh import connect
from ops.errors import LifecycleError, UnreachableError
from tests.ops.adapters.key_server import make_key, open_servers

KEY, LINE = make_key()
END = b"over\n"


async def _serve(process):
    """Answer lines; `die` ends by a signal, `leave` with a status, `hang up` takes the connection along."""
    connection = process.get_extra_info("connection")
    if getattr(connection, "busy", False):  # as with `MaxSessions 1`
        process.exit(255)
        return
    connection.busy = True
    async for line in process.stdin:
        if line == "die\n":
            process.exit_with_signal("KILL")
        elif line == "leave\n":
            process.stdout.write("good bye\n")
            process.exit(3)
        elif line == "hang up\n":
            connection.abort()
        elif line != "nothing\n":
            process.stderr.write("x" * 100_000)  # more than a pipe holds, and nobody asked for it
            process.stdout.write(f"chatter over you\n{line}over\n")
    connection.busy = False
    process.exit(0)


@pytest.fixture
def session(loop):
    """A session on a server that answers lines."""
    with open_servers(loop) as start:
        target, _ = start(LINE, _serve)
        with connect(target, KEY) as session:
            yield session


def _ask(talk, line, timeout=5.0):
    return talk.ask(line, end=END, timeout=timeout)


def test_each_request_has_its_own_answer(session):
    """However much is said on the other stream."""
    talk = session.converse("shell")
    for number in range(30):
        assert _ask(talk, b"%d\n" % number) == f"chatter over you\n{number}\nover\n"
        assert not talk.over
    talk.close()


def test_a_command_that_leaves_is_over_and_what_it_said_is_known(session):
    """It answered: whoever asked finds no proof in that."""
    talk = session.converse("shell")
    assert _ask(talk, b"leave\n") == "good bye\n"
    assert talk.over
    assert END.decode() not in _ask(talk, b"again\n")


@pytest.mark.parametrize("line", [b"die\n", b"hang up\n"])
def test_of_a_request_that_was_cut_off_nothing_is_known(session, line):
    """A file may have been replaced or not."""
    talk = session.converse("shell")
    with pytest.raises(UnreachableError, match="broke"):
        _ask(talk, line)
    assert talk.over


def test_an_answer_that_does_not_come_ends_the_conversation(session):
    """It may come later, and must not be taken for the next one."""
    talk = session.converse("shell")
    with pytest.raises(LifecycleError, match="did not end within 0 s"):
        _ask(talk, b"nothing\n", timeout=0.2)
    assert talk.over


def test_where_one_command_is_allowed_the_next_begins_when_this_one_has_ended(session):
    """`close` waits for the server's word."""
    for number in range(5):
        talk = session.converse("shell")
        assert not _ask(talk, b"1\n").startswith("1"), number
        talk.close()
        assert talk.over
