"""Public SSH keys: what may stand in a configuration and what must never."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
_FEWEST_FIELDS = 2
_ED25519_BYTES = 32
_RSA_BITS = 2048
_PRIVATE = re.compile(r"PRIVATE KEY|BEGIN OPENSSH|PuTTY-User-Key-File", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A public key as OpenSSH writes it: ``type base64 [comment]``."""

    kind: str
    blob: bytes
    comment: str = ""

    def __str__(self) -> str:
        """Return the line of an authorized_keys file, without options."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()} {self.comment}".rstrip()


class KeyProblem(ValueError):  # noqa: N818  it is read as a sentence: "the problem with this key is ..."
    """Why a text is no public key. Never holds the text, which may be a secret."""


def parse_public_key(text: str) -> PublicKey:
    """Read one public key line; refuse everything else without repeating it.

    Raises:
        KeyProblem: with the reason and what to write instead.
    """
    if _PRIVATE.search(text):
        raise KeyProblem(
            "this is a private key; paste the content of the .pub file, and replace the key pair"
        )
    if "\n" in text.strip() or "\r" in text.strip():
        raise KeyProblem("this is more than one line; give each public key as an entry of its own")
    kind, encoded, comment = (*text.split(maxsplit=2), "", "", "")[:3]
    if not encoded:
        raise KeyProblem("this is no public key; write 'type base64 comment', as in a .pub file")
    if kind not in KEY_TYPES:
        raise KeyProblem(
            f"the key type is not one of {', '.join(sorted(KEY_TYPES))}; options are not taken here"
        )
    return PublicKey(kind=kind, blob=_decode(kind, encoded), comment=comment.strip())


def _decode(kind: str, encoded: str) -> bytes:
    """Return the blob: a row of length-prefixed fields, the type first (RFC 4253, 6.6)."""
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise KeyProblem(
            "its second word is not base64; copy the whole line of the .pub file again"
        ) from None
    fields = _fields(blob)
    if fields is None or len(fields) < _FEWEST_FIELDS or fields[0] != kind.encode():
        raise KeyProblem("its base64 does not hold a key of the type in front; copy the whole line again")
    if kind == "ssh-ed25519" and len(fields[1]) != _ED25519_BYTES:
        raise KeyProblem("its base64 is cut short; copy the whole line of the .pub file again")
    return blob


def is_weak(key: PublicKey) -> bool:
    """Whether it is an RSA key below 2048 bits, which servers refuse more and more."""
    fields = _fields(key.blob) or []
    return key.kind == "ssh-rsa" and int.from_bytes(fields[-1], "big").bit_length() < _RSA_BITS


def holds_key(kind: bytes, blob: bytes) -> bool:
    """Whether the blob says of itself that it is of this type, one that this program need not know."""
    fields = _fields(blob)
    return fields is not None and len(fields) >= _FEWEST_FIELDS and fields[0] == kind


def fingerprint(blob: bytes) -> str:
    """A key's SHA256 fingerprint, as ssh-keygen -l writes it."""
    digest = hashlib.sha256(blob).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _fields(blob: bytes) -> list[bytes] | None:
    """Split the blob at its length prefixes; None where they do not add up, as in a key cut short."""
    fields = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        field, rest = blob[4 : 4 + length], blob[4 + length :]
        if len(field) != length or len(blob) < 4:  # noqa: PLR2004  the prefix's size
            return None
        fields.append(field)
        blob = rest
    return fields
