"""What all tests share: a skip is a failure in CI, and no test sees the user's own settings."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from lab.engine import Engine

OURS = ("PROXMOX_VE_", "PULUMI_", "LIFECYCLE_")


def pytest_configure() -> None:
    """Make an interruption work, and the properties independent of how busy the machine is."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a job in the background, as some CI starts it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("ours", deadline=None)
    hypothesis.settings.load_profile("ours")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skip into a failure where CI promises that nothing is missing."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def engine() -> "Engine":
    """The engine: found, installed or built, once for each user."""
    from lab.engine import EngineError, provide  # noqa: PLC0415  only who runs it pays for it

    try:
        return provide(lambda line: sys.stderr.write(f"{line}\n"))
    except EngineError as error:
        pytest.skip(f"no engine: {error}")


@pytest.fixture(scope="session")
def public_key() -> str:
    """A valid public key whose private half was thrown away."""
    return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMdKn7M33tC/LkGq3zQz8Qgg2SwIFD7YHfrxfNxSp96V first@test"


@pytest.fixture(scope="session")
def another_public_key() -> str:
    """A second one, of another type."""
    return (
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7"
        "opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg= second@test"
    )


@dataclass
class Listener:
    """A web server that takes JSON and keeps it; `status` and `answer` are what it says to everybody."""

    url: str
    received: list[tuple[str, Any]] = field(default_factory=list)
    status: int = 200
    answer: Any = None

    def at(self, path: str) -> list[Any]:
        """What came to this path."""
        return [document for place, document in tuple(self.received) if place == path]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A stand-in for whoever is told: a webhook, an Alertmanager, the Bot API of Telegram."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            taker.received.append((self.path, json.loads(text or b"null")))
            body = json.dumps(taker.answer).encode()
            self.send_response(taker.status)
            if taker.status in {301, 307}:
                self.send_header("Location", f"{taker.url}/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        taker = Listener(url=f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield taker
        server.shutdown()
        thread.join()
