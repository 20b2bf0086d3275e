"""An expiry run on the lab, at a fixed time, with people who can be told."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ops.adapters import locks
from ops.expire import main
from ops.runs.expiry import stopping

NOW = "2026-02-16T06:00:00+00:00"  # seven o'clock in Paris
OVER = "environment-lab;expires-2026-02-15"


class Alertmanager:
    """Takes alerts as the real one does; `status` is its answer, `when_told` happens before it answers.

    What comes to another path is a message for Telegram, which refuses long ones.
    """

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.messages: list[str] = []
        self.status = 200
        self.when_told: Callable[[], object] = lambda: None
        self.url = ""

    def named(self, name: str) -> list[dict[str, Any]]:
        """The labels and annotations of the alerts with this name, in one dictionary each."""
        mine = [alert for alert in self.alerts if alert["labels"]["alertname"] == name]
        return [{**alert["labels"], **alert["annotations"]} for alert in mine]


def _handler(people: Alertmanager) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            people.when_told()
            status = (
                people.status if self.path == "/api/v2/alerts" else self.deliver(json.loads(body)["text"])
            )
            if self.path == "/api/v2/alerts" and status == 200:
                people.alerts += json.loads(body)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def deliver(self, text):
            if len(text) > 4096:
                return 400
            people.messages.append(text)
            return 200

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def people(monkeypatch) -> Iterator[Alertmanager]:
    """The one channel that is set up, unless a test sets up others."""
    made = Alertmanager()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("PVE_LIFECYCLE_ALERTMANAGER", made.url)
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    """The time is fixed, and nobody waits long."""
    monkeypatch.setenv("LIFECYCLE_NOW", NOW)
    monkeypatch.setenv("PVE_LIFECYCLE_TIME_ZONE", "Europe/Paris")
    monkeypatch.setattr(stopping, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(stopping, "GRACE", 0.5)
    monkeypatch.setattr(locks, "INTERVAL", 0.02)


@pytest.fixture
def expire(operate, people) -> Callable[..., Any]:
    """Run it with `--json`; the document is under `document`."""
    return lambda *words: operate(main, "--json", *words)


@pytest.fixture
def guest(world) -> Callable[..., Any]:
    """Make a running guest, a VM unless `container` is said, with these tags and whatever else."""

    def make(vmid: int, tags: str = OVER, *, container: bool = False, **about: Any) -> Any:
        config = {"tags": tags} | about.pop("config", {})
        given = {"name": f"g{vmid}", "status": "running", "config": config}
        given |= {key: about.pop(key) for key in ("name", "status", "node", "template") if key in about}

        def add() -> Any:
            made = (world.pve.add_ct if container else world.pve.add_vm)(vmid, **given)
            for key, value in about.items():
                setattr(made, key, value)
            return made

        return world.call(add)

    return make
