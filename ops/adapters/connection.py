"""How to reach Proxmox: from the provider's own environment names, or from a TOML file of mode 0600."""

import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from ops.errors import LifecycleError

# Setting -> the environment names that give it, the first that is set wins. PROXMOX_VE_SSH_NODES and
# PROXMOX_VE_CA_FILE are ours; the others are read by the provider, too.
ENVIRONMENT: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("endpoint",): ("PROXMOX_VE_ENDPOINT",),
    ("api_token",): ("PROXMOX_VE_API_TOKEN",),
    ("insecure",): ("PROXMOX_VE_INSECURE",),
    ("ca_file",): ("PROXMOX_VE_CA_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    ("ssh", "username"): ("PROXMOX_VE_SSH_USERNAME",),
    ("ssh", "private_key"): ("PROXMOX_VE_SSH_PRIVATE_KEY",),
    ("ssh", "nodes"): ("PROXMOX_VE_SSH_NODES",),
    ("time_zone",): ("PVE_LIFECYCLE_TIME_ZONE",),
    ("notices", "alertmanager"): ("PVE_LIFECYCLE_ALERTMANAGER",),
    ("notices", "apprise"): ("PVE_LIFECYCLE_APPRISE",),
}
TOKEN = re.compile(r"[^\s!@=]+@[^\s!@=]+![A-Za-z][A-Za-z0-9._-]*=\S+")
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def _https_address(value: str) -> str:
    """Accept what the provider accepts: https://host:port/ (without a port it is 443, not 8006)."""
    form = "must be written https://HOST:8006/"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(form) from None
    superfluous = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme != "https" or not parts.hostname or superfluous:
        raise ValueError(form)
    return f"https://{parts.netloc if port else f'{parts.netloc}:443'}"


def _whole_token(value: SecretStr) -> SecretStr:
    if not TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("must be written USER@REALM!TOKENID=SECRET (the secret is shown once, at creation)")
    return value


def _existing_file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError(f"there is no file {value}")
    return value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be written http://HOST:9093")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone; write one like Europe/Paris") from None
    return value


class _Model(BaseModel):
    # Values are kept out of validation errors: one of them is a token, another a private key.
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True
    )


class SshNode(_Model):
    """Where a node's SSH server listens; `host_key` is `TYPE BASE64`, as in the node's ssh_host_…_key.pub."""

    address: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    host_key: str | None = None


class SshSettings(_Model):
    """SSH to the nodes: the provider writes snippets through it, containers are provisioned through it."""

    username: str | None = None
    private_key: SecretStr | None = None
    nodes: dict[str, SshNode] = Field(default_factory=dict)


class NoticeSettings(_Model):
    """Who is told: Alertmanagers by address, and apprise's URLs (Telegram, mail, …), which hold secrets."""

    alertmanager: list[Annotated[str, AfterValidator(_web_address)]] = Field(default_factory=list)
    apprise: list[SecretStr] = Field(default_factory=list)


class Connection(_Model):
    """How to reach a cluster and the people behind it. TLS is verified unless `insecure` is set."""

    endpoint: Annotated[str, AfterValidator(_https_address)]
    api_token: Annotated[SecretStr, AfterValidator(_whole_token)]
    insecure: bool = False
    ca_file: Annotated[Path, AfterValidator(_existing_file)] | None = None
    ssh: SshSettings = Field(default_factory=SshSettings)
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"  # where a day ends; the stacks' default
    notices: NoticeSettings = Field(default_factory=NoticeSettings)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days begin and end."""
        return ZoneInfo(self.time_zone)

    @property
    def token_id(self) -> str:
        """`USER@REALM!TOKENID`: names the token without its secret."""
        return self.api_token.get_secret_value().partition("=")[0]


def from_environment(environment: Mapping[str, str]) -> Connection:
    """Read the settings from environment variables; an empty variable counts as absent."""
    document: dict[str, Any] = {"ssh": {}, "notices": {}}
    for setting, names in ENVIRONMENT.items():
        value = next((environment[name] for name in names if environment.get(name, "").strip()), None)
        if value is not None:
            section = document if len(setting) == 1 else document[setting[0]]
            section[setting[-1]] = _READERS.get(setting, str)(value)
    return _validated(document, where="environment", names=ENVIRONMENT)


def from_file(path: Path, environment: Mapping[str, str] | None = None) -> Connection:
    """Read the settings from a TOML file, and from nothing else but the system's CA bundle variables.

    Its keys are the fields of `Connection`, with the tables `[ssh]` and `[ssh.nodes.NAME]`.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & OTHERS:
                raise LifecycleError(
                    f"others than its owner may use this file (mode {mode:04o}), and it holds a secret",
                    where=str(path),
                    remedy=f"chmod 600 {path}",
                )
            document = tomllib.load(file)
    except OSError as error:
        raise LifecycleError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LifecycleError(f"is not TOML: {error}", where=str(path)) from None
    bundles = (environment or {}).get
    if bundle := bundles("REQUESTS_CA_BUNDLE") or bundles("SSL_CERT_FILE"):
        document.setdefault("ca_file", bundle)
    return _validated(document, where=str(path), names={})


def load(path: Path | None, environment: Mapping[str, str]) -> Connection:
    """Read the settings from the file where one is named, else from the environment."""
    return from_environment(environment) if path is None else from_file(path, environment)


def _nodes(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text  # reported with the other mistakes as "not a dictionary"


_READERS: Mapping[tuple[str, ...], Callable[[str], Any]] = {
    ("ssh", "nodes"): _nodes,
    ("notices", "alertmanager"): str.split,  # several are written with a space between them
    ("notices", "apprise"): str.split,
}


def _validated(
    document: Mapping[str, Any], *, where: str, names: Mapping[tuple[str, ...], tuple[str, ...]]
) -> Connection:
    try:
        return Connection.model_validate(document)
    except ValidationError as error:
        problems = [
            f"{_name(tuple(map(str, item['loc'])), names)} {_words(item['type'], item['msg'])}"
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    raise LifecycleError(
        "; ".join(problems),
        where=where,
        remedy="Set what is named, in the environment or in a TOML file given with --connection.",
    )


def _name(place: tuple[str, ...], names: Mapping[tuple[str, ...], tuple[str, ...]]) -> str:
    for length in range(len(place), 0, -1):
        if place[:length] in names:
            return ".".join((names[place[:length]][0], *place[length:]))
    return ".".join(place)


def _words(kind: str, message: str) -> str:
    if kind == "missing":
        return "is not set"
    if kind == "extra_forbidden":
        return "is not a setting"
    return message.removeprefix("Value error, ")
