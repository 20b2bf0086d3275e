"""A server that answers as it is told, for what a healthy or a fake Proxmox does not do."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fakepve.certs import make_cert

from ops.adapters.api import Api
from ops.adapters.connection import from_environment

DROP = "drop"
SECRET = "canary-of-the-api-91bd"


class Script:
    """Answers in order, the last one for ever; `requests` is what came."""

    def __init__(self) -> None:
        self.answers: list = []
        self.requests: list[tuple[str, str]] = []
        self.url = ""

    def next(self, method: str, path: str):
        """The answer to one request: DROP, or a status and a body."""
        self.requests.append((method, path))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = script.next(self.command, self.path)
            self.close_connection = True
            if answer == DROP:
                return
            status, body = answer
            data = (json.dumps({"data": body}) if not isinstance(body, str) else body).encode()
            self.send_response(status, "told so")
            if status in {301, 302, 307}:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the base class's names

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def script(tmp_path) -> Iterator[Script]:
    """The scripted server, over TLS."""
    told = Script()
    certificate, key, _ = make_cert(str(tmp_path), hosts=("127.0.0.1",))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(told))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url, told.certificate = f"https://127.0.0.1:{server.server_port}", certificate
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def make_api() -> Iterator[Callable[..., Api]]:
    """An adapter for an endpoint and a CA file; all are closed before the servers are."""
    with ExitStack() as stack:

        def make(url: str, ca_file: str) -> Api:
            settings = from_environment(
                {
                    "PROXMOX_VE_ENDPOINT": url,
                    "PROXMOX_VE_API_TOKEN": f"ops@pve!test={SECRET}",
                    "PROXMOX_VE_CA_FILE": ca_file,
                }
            )
            return stack.enter_context(closing(Api(settings)))

        yield make


@pytest.fixture
def api(script, make_api) -> Api:
    """The adapter, turned to the scripted server."""
    return make_api(script.url, script.certificate)


@pytest.fixture
def fake_api(fakepve, fakepve_cafile, make_api) -> Api:
    """The adapter, turned to fakepve, with a token that it knows."""
    fakepve.apitokens["ops@pve!test"] = SECRET
    return make_api(fakepve.url, fakepve_cafile)
