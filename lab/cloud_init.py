"""What cloud-init would do with what PVE gives a VM: pure, from texts to users, keys and files."""

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

HEADER = "#cloud-config"
DEFAULT_USER = "debian"  # of the image: who gets the keys where user-data names nobody
AGENT_PACKAGE = "qemu-guest-agent"


class GuestFile(NamedTuple):
    """A file in a guest; `mode` as a number, `owner` as user:group."""

    mode: int
    owner: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Seed:
    """The texts on a VM's cloud-init drive; `meta_data` is empty where PVE makes its own."""

    user_data: str
    network_data: str
    meta_data: str = ""

    @property
    def instance_id(self) -> str:
        """From the meta-data, else as PVE makes it: the SHA-1 of user-data and network-data."""
        meta = _mapping(self.meta_data)
        if meta.get("instance-id"):
            return str(meta["instance-id"])
        return hashlib.sha1((self.user_data + self.network_data).encode(), usedforsecurity=False).hexdigest()

    @property
    def local_hostname(self) -> str | None:
        """The host name that the meta-data gives, which user-data may override."""
        name = _mapping(self.meta_data).get("local-hostname")
        return str(name) if name else None


@dataclass(kw_only=True)
class Birth:
    """What the modules that run once per instance leave behind."""

    hostname: str | None = None
    users: dict[str, str] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, GuestFile] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)


def home_of(user: str) -> str:
    """A user's home, where nothing else is said."""
    return "/root" if user == "root" else f"/home/{user}"


def apply(seed: Seed) -> Birth:
    """Follow the user-data; what cloud-init would only log is in `problems`."""
    birth = Birth(hostname=seed.local_hostname)
    if seed.user_data.split("\n", 1)[0].rstrip() != HEADER:
        birth.problems.append(f"user-data is ignored: its first line is not {HEADER}")
        return birth
    try:
        config = yaml.safe_load(seed.user_data) or {}
    except yaml.YAMLError as error:
        birth.problems.append(f"user-data is ignored: not YAML: {error}")
        return birth
    if not isinstance(config, dict):
        birth.problems.append("user-data is ignored: not a mapping")
        return birth
    birth.hostname = config.get("hostname") or config.get("fqdn", "").split(".")[0] or birth.hostname
    birth.packages = tuple(name for entry in config.get("packages") or () for name in _package(entry))
    _add_users(birth, config)
    for entry in config.get("write_files") or ():
        _write_file(birth, entry)
    return birth


def _add_users(birth: Birth, config: Mapping[str, Any]) -> None:
    entries = config.get("users", ["default"]) or []
    shared = _texts(config.get("ssh_authorized_keys"))
    for entry in entries if isinstance(entries, list) else [entries]:
        details: Mapping[str, Any] = entry if isinstance(entry, dict) else {"name": str(entry)}
        name = str(details.get("name") or "")
        keys = _texts(details.get("ssh_authorized_keys"))
        if name == "default":
            name, keys = str(_default_user(config)), [*shared, *keys]
        if name:
            birth.users[name] = str(details.get("homedir") or home_of(name))
            birth.keys.setdefault(name, []).extend(keys)


def _default_user(config: Mapping[str, Any]) -> str:
    user = config.get("user")
    return str(user.get("name", DEFAULT_USER)) if isinstance(user, dict) else str(user or DEFAULT_USER)


def _write_file(birth: Birth, entry: Mapping[str, Any]) -> None:
    path = str(entry.get("path") or "")
    if not path.startswith("/"):
        birth.problems.append(f"write_files: no absolute path: {path!r}")
        return
    content = _decode(entry.get("content") or "", str(entry.get("encoding") or ""))
    if entry.get("append") and path in birth.files:
        content = birth.files[path].content + content
    mode = int(str(entry.get("permissions") or "0644"), 8)
    birth.files[path] = GuestFile(mode, str(entry.get("owner") or "root:root"), content)


def _decode(content: str | bytes, encoding: str) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    if any(word in encoding for word in ("b64", "base64")):
        raw = base64.b64decode(raw)
    return gzip.decompress(raw) if encoding.startswith("gz") else raw


def _package(entry: object) -> tuple[str, ...]:
    return (str(entry[0] if isinstance(entry, list) and entry else entry),)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(item).strip() for item in value] if isinstance(value, list) else []


def _mapping(text: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return value if isinstance(value, dict) else {}
