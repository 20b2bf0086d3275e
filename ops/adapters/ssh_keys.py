"""SSH keys from text: a private key from a setting, a host key from a line."""

import io
import re
from itertools import pairwise

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from ops.errors import LifecycleError

FIRST_LINE = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")


def private_key(text: str) -> paramiko.PKey:
    """Read a private key as the provider does: Ed25519, ECDSA or RSA, OpenSSH's format or PEM, no passphrase.

    An error never shows the text. paramiko alone will not do: it knows no PKCS#8, and misreads every second
    ECDSA key in OpenSSH's format that has no comment.
    """
    lines = text.strip().splitlines()  # a key pasted on Windows has \r\n
    if not lines or not FIRST_LINE.fullmatch(lines[0]):  # cryptography takes a key without line breaks
        raise _unreadable()
    data = "\n".join([*lines, ""]).encode()
    try:
        loaded = (load_ssh_private_key if "OPENSSH" in lines[0] else load_pem_private_key)(
            data, password=None
        )
    except TypeError:
        raise LifecycleError(
            "the private key is protected by a passphrase, which nobody can type here",
            remedy="Use a key of its own without one: ssh-keygen -t ed25519 -N ''",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unreadable() from None
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        file = loaded.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        return paramiko.Ed25519Key.from_private_key(io.StringIO(file.decode()))
    if isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        file = loaded.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        kind = paramiko.RSAKey if isinstance(loaded, rsa.RSAPrivateKey) else paramiko.ECDSAKey
        return kind.from_private_key(io.StringIO(file.decode()))
    raise _unreadable()


def _unreadable() -> LifecycleError:
    return LifecycleError(
        "the private key cannot be read: it is no Ed25519, ECDSA or RSA key in OpenSSH or PEM format",
        remedy="Give the whole file, from its BEGIN line to its END line, with its line breaks.",
    )


def known_key(line: str) -> paramiko.PKey:
    """Read a host key from `TYPE BASE64`, with or without a host name before it and a comment after it."""
    words = line.split()
    for kind, blob in pairwise(words):
        if blob.startswith("AAAA"):
            try:
                entry = HostKeyEntry.from_line(f"node {kind} {blob}")
            except (InvalidHostKey, paramiko.SSHException, ValueError):
                break
            if entry is not None and entry.key is not None:
                return entry.key
    raise LifecycleError(
        "the host key that was given is not of the form `ssh-ed25519 AAAA…`",
        remedy="Take the line from the host itself: cat /etc/ssh/ssh_host_ed25519_key.pub",
    )
