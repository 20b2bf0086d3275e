"""A login after which no command runs: the server's own no is told from a silence."""

import asyncio
import time

import pytest

from ops.adapters.ssh import connect
from ops.errors import LifecycleError, UnreachableError
from tests.ops.adapters.key_server import make_key, open_servers

KEY, LINE = make_key()


async def _silent():
    """Answer nothing for longer than anybody waits here; then refuse."""
    await asyncio.sleep(0.6)
    return False


@pytest.fixture
def login(loop):
    """A session on a server that answers a request for a channel as `answer` does."""
    with open_servers(loop) as start:

        def do(answer):
            target, kind = start(LINE, None)
            kind.session_requested = answer
            return connect(target, KEY)

        yield do


def test_a_server_that_refuses_commands_is_no_dead_host(login):
    """MaxSessions 0, as sshd says it: to wait for it would be in vain."""
    with login(lambda _server: False) as session, pytest.raises(LifecycleError) as caught:
        session.run("true", timeout=5.0)
    assert not isinstance(caught.value, UnreachableError)
    assert "runs no command" in caught.value.what


def test_a_host_that_falls_silent_after_the_login_is_away(login):
    """It may be frozen: nothing is known of what it would do, and the next run takes it."""
    with login(lambda _server: _silent()) as session, pytest.raises(UnreachableError):
        session.run("true", timeout=0.2)
    time.sleep(0.6)  # the server's wait ends before its loop does
