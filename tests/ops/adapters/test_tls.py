"""Whom the API's adapter trusts."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from lab.tls import make_certificates
from ops.adapters.tls import TlsAdapter


class Handler(BaseHTTPRequestHandler):
    """Says that it is there."""

    def do_GET(self):
        """Answer."""
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Be quiet."""


@pytest.fixture
def served(tmp_path):
    """A server with a certificate by an authority like that of Proxmox VE: it has no key usage."""
    files = make_certificates(tmp_path, "127.0.0.1", ("pve1",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", files
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_authority_like_proxmox_ves_is_trusted_in_every_python(served, monkeypatch):
    """Python 3.13 made a context strict about extensions; told to be so here, where an older one runs."""
    url, files = served

    def strict(**given):
        context = ssl.create_default_context(**given)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr("ops.adapters.tls.create_urllib3_context", strict)
    with requests.Session() as session:
        session.mount("https://", TlsAdapter(ca_file=files.ca, insecure=False, connections=1))
        assert session.get(url, timeout=10).status_code == 204


def test_another_authority_is_not(served, tmp_path):
    """Less strict is not insecure."""
    url, _ = served
    other = make_certificates(tmp_path / "other", "127.0.0.1", ("pve1",))
    with requests.Session() as session:
        session.mount("https://", TlsAdapter(ca_file=other.ca, insecure=False, connections=1))
        with pytest.raises(requests.exceptions.SSLError):
            session.get(url, timeout=10)
