"""What a command on a host says: to its end, or answer by answer while it goes on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import paramiko

from ops.errors import LifecycleError, UnreachableError

LOOK_AGAIN = 0.1  # seconds: two streams share an event, and reading one may clear the other's
GOOD_BYE = 10.0  # seconds in which a command that nothing is asked of any more should end
SOON = 0.005  # seconds between two looks whether it did
CHUNK = 65536
MOST = 1 << 24  # bytes that a command may say; the longest file of keys is far below


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A command that ended: its exit status and what it wrote."""

    status: int
    stdout: str
    stderr: str


class Streams:
    """What has come of a command so far."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._news = threading.Event()
        for buffer in (channel.in_buffer, channel.in_stderr_buffer):
            buffer.set_event(self._news)
        self.out, self.err = bytearray(), bytearray()

    def more(self) -> bool:
        """Take what is there of both: either alone would block once the other's window is full.

        False when nothing more can come.
        """
        ended = bool(self._channel.eof_received or self._channel.closed)
        while self._channel.recv_ready() and len(self.out) <= MOST:
            self.out += self._channel.recv(CHUNK)
        while self._channel.recv_stderr_ready() and len(self.err) <= MOST:
            self.err += self._channel.recv_stderr(CHUNK)
        if len(self.out) + len(self.err) > MOST:
            raise LifecycleError(f"the command says more than {MOST >> 20} MiB: nobody listens to that")
        return not ended

    def wait(self, deadline: float) -> None:
        """Wait for news; their absence is an error only at the deadline, for reading one stream clears it."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._news.wait(min(left, LOOK_AGAIN))

    def status(self, deadline: float) -> int:
        """The exit status of a command that says nothing more."""
        if not self._channel.status_event.wait(max(deadline - time.monotonic(), 0)):
            raise TimeoutError
        status = self._channel.recv_exit_status()
        if status < 0:  # paramiko's word for a channel that closed without one
            raise EOFError("closed before the command ended")
        return status


def completed(channel: paramiko.Channel, deadline: float) -> Completed:
    """Read to the end."""
    streams = Streams(channel)
    while streams.more():
        streams.wait(deadline)
    status = streams.status(deadline)
    out, err = (bytes(stream).decode(errors="replace") for stream in (streams.out, streams.err))
    return Completed(status=status, stdout=out, stderr=err)


class Conversation:
    """A command that answers each request on its standard input; `over` says that nothing can be asked.

    After an error nobody knows which answer comes next: begin another.
    """

    def __init__(self, channel: paramiko.Channel, where: str) -> None:
        self._channel = channel
        self._streams = Streams(channel)
        self._where = where
        self.over = False

    def ask(self, request: bytes, *, end: bytes, timeout: float) -> str:
        """Send a request and return what is said up to `end`, or to the command's own end.

        Raises:
            LifecycleError: no answer in `timeout` seconds.
            UnreachableError: the connection broke; what became of the request is not known.
        """
        deadline = time.monotonic() + timeout
        self.over = True
        streams = self._streams
        streams.out.clear()
        with told(self._where, timeout):
            self._send(request, timeout)
            while (more := streams.more()) and end not in streams.out:
                streams.wait(deadline)
            if end not in streams.out:
                streams.status(deadline)
        self.over = not more
        return bytes(streams.out).decode(errors="replace")

    def _send(self, request: bytes, timeout: float) -> None:
        self._channel.settimeout(timeout)
        try:
            self._channel.sendall(request)
        except TimeoutError:
            raise
        except OSError:
            return  # it has ended: what it said and its status tell

    def close(self) -> None:
        """End the command and wait for that: a server may allow one at a time."""
        self.over = True
        with told(self._where, GOOD_BYE), self._channel:
            self._channel.shutdown_write()
            deadline = time.monotonic() + GOOD_BYE
            while not self._channel.closed:
                self._streams.more()
                if time.monotonic() > deadline:
                    raise TimeoutError
                time.sleep(SOON)


@contextmanager
def told(where: str, timeout: float) -> Iterator[None]:
    """What goes wrong while a command runs, in our words."""
    try:
        yield
    except TimeoutError:
        words = f"the command did not end within {timeout:.0f} s; it may go on there"
        raise LifecycleError(words, where=where) from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise UnreachableError(f"the connection broke while a command ran: {error}", where=where) from None
