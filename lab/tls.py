"""The lab's own certificate authority, and the bundle by which clients verify its API."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=30)  # a lab is in memory: it never gets that old
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)

_SIGNS = x509.KeyUsage(  # clients ask an authority for it from Python 3.13 on
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """Where the files lie: the CA alone, the CA among the system's, the server's certificate and its key."""

    ca: Path
    bundle: Path
    certificate: Path
    key: Path


def make_certificates(directory: Path, address: str, names: tuple[str, ...]) -> Certificates:
    """A new CA and a certificate by it for the address and the names; the CA's key is not kept."""
    directory.mkdir(parents=True, exist_ok=True)
    files = Certificates(
        ca=directory / "ca.pem",
        bundle=directory / "bundle.pem",
        certificate=directory / "server.pem",
        key=directory / "server.key",
    )
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = _name("PVE lifecycle lab CA")
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    ca = (
        _builder(ca_name, ca_name, ca_key)
        .add_extension(constraints, critical=True)
        .add_extension(_SIGNS, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    alternatives = [x509.IPAddress(ipaddress.ip_address(address)), *map(x509.DNSName, ("localhost", *names))]
    server = (
        _builder(_name(names[0]), ca_name, server_key)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    files.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    files.bundle.write_bytes(files.ca.read_bytes() + _system_authorities())
    files.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    write_private(files.key, _pem(server_key))
    return files


def write_private(path: Path, content: bytes) -> None:
    """Write what only the owner may read: never, not even for a moment, open to others."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(content)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _system_authorities() -> bytes:
    """The authorities of the system, so that other TLS goes on working with the lab's bundle."""
    default = ssl.get_default_verify_paths().cafile
    for candidate in (default, *SYSTEM_BUNDLES):
        if candidate and Path(candidate).is_file():
            return b"\n" + Path(candidate).read_bytes()
    return b""
