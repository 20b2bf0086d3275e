"""The part of a provisioning script that leaves something behind in a lab container: its files."""

import base64
import binascii
import shlex
from collections.abc import Mapping, MutableMapping

from .cloud_init import GuestFile, home_of
from .shell import FAILED, Result

WRITE = "write_file"  # PATH MODE OWNER BASE64
KEYS = "birth_keys"  # USER BASE64, for a user who has no key file yet


def write_files(files: MutableMapping[str, GuestFile], script: bytes) -> Result:
    """Do what the script's lines with these words say; none is done if one is wrong."""
    written: dict[str, GuestFile] = {}
    for line in script.decode("utf-8", "replace").splitlines():
        if not line.startswith((f"{WRITE} ", f"{KEYS} ")):
            continue
        try:
            written |= _obey(shlex.split(line), files)
        except (ValueError, binascii.Error) as error:
            return Result(error=f"{line.split()[0]}: {error}\n", status=FAILED)
    files.update(written)
    return Result()


def _obey(words: list[str], present: Mapping[str, GuestFile]) -> dict[str, GuestFile]:
    match words:
        case ["write_file", path, mode, owner, content]:
            return {_absolute(path): GuestFile(int(mode, 8), _owner(owner), _decode(content))}
        case ["birth_keys", user, content]:
            path = f"{home_of(user)}/.ssh/authorized_keys"
            return {} if path in present else {path: GuestFile(0o600, f"{user}:{user}", _decode(content))}
    raise ValueError(f"wrong number of words: {len(words) - 1}")


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f"{path}: not an absolute path")
    return path


def _owner(text: str) -> str:
    user, _, group = text.partition(":")
    if not (user and group):
        raise ValueError(f"{text}: no user:group")
    return text


def _decode(content: str) -> bytes:
    return base64.b64decode(content, validate=True)
