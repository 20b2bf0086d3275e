r"""The bytes of an authorized_keys file: keys are found, added and removed, and no other byte changes.

The reading is sshd's own (sshd(8), AUTHORIZED_KEYS FILE FORMAT; auth2-pubkeyfile.c): a line is a key, or
options and a key; options end at the first blank outside double quotes, in which `\"` is a quote that does
not end them. A key is known by its decoded blob alone: a comment may hold another key's text.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ops.core.keys import PublicKey, holds_key

BLANKS = b" \t"
SPACES = b"\v\f\r"  # these do not end a word for sshd, and its base64 passes over them
CERT_AUTHORITY = b"cert-authority"


class EditProblem(ValueError):  # noqa: N818  it is read as a sentence: "the problem with this edit is ..."
    """Why a file is left as it is."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line with its line end. `blob` is None where sshd would see no key; `options` may be empty."""

    raw: bytes
    options: bytes = b""
    blob: bytes | None = None

    @property
    def is_authority(self) -> bool:
        """Whether the key signs certificates here and does not log in itself."""
        return any(name == CERT_AUTHORITY for name in _option_names(self.options))


def read(content: bytes) -> list[Line]:
    """Split the file into its lines; joined again they are the file."""
    return [_line(raw) for raw in re.findall(rb"[^\n]*\n|[^\n]+\Z", content)]


def login_blobs(content: bytes) -> frozenset[bytes]:
    """The blobs of all keys that may log in by this file."""
    return frozenset(line.blob for line in read(content) if line.blob is not None and not line.is_authority)


def blobs(content: bytes) -> frozenset[bytes]:
    """The blobs of all keys in the file, certificate authorities with them."""
    return frozenset(line.blob for line in read(content) if line.blob is not None)


def options_of(content: bytes, blob: bytes) -> tuple[bytes, ...]:
    """The options with which the key may log in, each distinct text once, in the file's order."""
    found = [line.options for line in read(content) if line.blob == blob and not line.is_authority]
    return tuple(dict.fromkeys(found))


def add(content: bytes, key: PublicKey, options: Collection[bytes] = (b"",)) -> bytes:
    """Append a line for the key for each of the options, unless it may log in by this file already."""
    if key.blob in login_blobs(content):
        return content
    end = b"\r\n" if re.search(rb"\r\n\Z", content) else b"\n"
    missing = b"" if not content or content.endswith(b"\n") else end
    lines = [b" ".join(filter(None, (text, str(key).encode()))) + end for text in options]
    return b"".join((content, missing, *lines))


def remove(content: bytes, retired: Iterable[bytes], *, elsewhere: Collection[bytes] = ()) -> bytes:
    """Return the file without the lines of these keys; `elsewhere` are the keys that other files let in.

    Raises:
        EditProblem: no key that logs in would be left, here or elsewhere.
    """
    gone = frozenset(retired)
    left = b"".join(line.raw for line in read(content) if line.blob not in gone)
    if left != content and not (login_blobs(left) | frozenset(elsewhere)) - gone:
        raise EditProblem("no key would be left; the last key is never removed")
    return left


def _line(raw: bytes) -> Line:
    text = raw.partition(b"\0")[0].strip(b"\r\n").lstrip(BLANKS)  # a C string ends at a NUL
    if not text or text.startswith(b"#"):
        return Line(raw=raw)
    if (blob := _key(text)) is not None:
        return Line(raw=raw, blob=blob)
    end = _end_of_options(text)
    blob = None if end is None else _key(text[end:].lstrip(BLANKS))
    return Line(raw=raw, options=text[:end], blob=blob) if blob is not None else Line(raw=raw)


def _key(text: bytes) -> bytes | None:
    """The blob of `TYPE BASE64 [COMMENT]`; None where the text is none."""
    words = re.split(rb"[ \t]+", text, maxsplit=2)
    if len(words) == 1:
        return None
    try:
        blob = base64.b64decode(words[1].translate(None, SPACES), validate=True)
    except (binascii.Error, ValueError):
        return None
    return blob if holds_key(words[0], blob) else None


def _end_of_options(text: bytes) -> int | None:
    """Where the options end; None where a quote never does."""
    match = re.match(rb'(?:\\"|"(?>(?:\\"|[^"])*)"|[^ \t"])*', text)
    end = match.end() if match else 0
    return None if text[end : end + 1] == b'"' else end


def _option_names(options: bytes) -> list[bytes]:
    """The names of options, lower case as sshd compares them, without their values."""
    parts = re.findall(rb'(?:\\"|"(?>(?:\\"|[^"])*)"|[^,"])+', options)
    return [part.partition(b"=")[0].strip().lower() for part in parts]
