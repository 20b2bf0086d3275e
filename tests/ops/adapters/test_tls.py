"""Whom the API's adapter trusts."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ops.adapters.tls import TlsAdapter

DAY = timedelta(days=1)


class Handler(BaseHTTPRequestHandler):
    """Says that it is there."""

    def do_GET(self):
        """Answer."""
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Be quiet."""


def _signed(subject, issuer, key, signer, *extensions):
    """A certificate for today, in PEM."""
    name, by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (subject, issuer))
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(by, name).public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(now - DAY).not_valid_after(now + DAY)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)


def make_authority(folder):
    """Files of an authority and a server as Proxmox VE makes them: the authority has no key usage."""
    folder.mkdir(exist_ok=True)
    own, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    files = SimpleNamespace(ca=folder / "ca.pem", certificate=folder / "pve.pem")
    identifier = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
    files.ca.write_bytes(_signed("PVE", "PVE", own, own, x509.BasicConstraints(True, None), identifier))  # noqa: FBT003
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key())
    private = server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.certificate.write_bytes(_signed("pve1", "PVE", server, own, names, by) + private)
    return files


@pytest.fixture
def served(tmp_path):
    """A server with a certificate by such an authority."""
    files = make_authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate)
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
    other = make_authority(tmp_path / "other")
    with requests.Session() as session:
        session.mount("https://", TlsAdapter(ca_file=other.ca, insecure=False, connections=1))
        with pytest.raises(requests.exceptions.SSLError):
            session.get(url, timeout=10)
