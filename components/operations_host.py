"""The host on which the timers of the operations run: it gets units and settings over SSH.

The program itself is installed there by a person, once (docs/VM-LIFECYCLE.md); the script looks for it first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_command import remote

from components.cloud_init import GuestFile
from components.models import OperationsHost as Access
from components.models import Settings
from components.settings import HOST_KEY_VARIABLE, OPERATIONS_TOKEN_VARIABLE
from components.templating import one_line, render

UNITS = Path(__file__).resolve().parent.parent / "systemd"
FOLDER = "/etc/pve-lifecycle"
CERTIFICATE_VARIABLE = "PROXMOX_VE_CA_FILE"
# What this run knows and the operations need, too. All of it may hold a secret: an address of apprise does.
SHARED = (
    "PROXMOX_VE_ENDPOINT",
    "PROXMOX_VE_INSECURE",
    "PVE_LIFECYCLE_ALERTMANAGER",
    "PVE_LIFECYCLE_APPRISE",
)
_COMMAND = re.compile(r"^ExecStart=(\S+)", re.MULTILINE)
_ACCOUNT = re.compile(r"^User=(\S+)$", re.MULTILINE)
_METRICS = re.compile(r"^Environment=PVE_LIFECYCLE_METRICS=(\S+)$", re.MULTILINE)
_GUARDED = re.compile(r'(?=[\\$`"])')
_BACKSLASH = r"\\"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The context of the script; what the units name is read from them, so that it stands in one place."""

    account: str
    commands: tuple[str, ...]
    files: tuple[GuestFile, ...]
    metrics: str
    timers: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OperationsHostArgs:
    """Where the host is, the key that opens it, and what the operations read there."""

    access: Access
    private_key: str
    environment: Mapping[str, str]
    certificate: str | None

    @classmethod
    def from_environment(
        cls, access: Access, stack: Settings, environ: Mapping[str, str]
    ) -> "OperationsHostArgs":
        """Take what is secret from the environment; the operations have a token of their own."""
        certificate = _certificate(environ.get(CERTIFICATE_VARIABLE))
        return cls(
            access=access,
            private_key=environ[HOST_KEY_VARIABLE],
            environment={
                "PROXMOX_VE_API_TOKEN": environ[OPERATIONS_TOKEN_VARIABLE],
                "PVE_LIFECYCLE_TIME_ZONE": stack.time_zone,
                **{name: environ[name] for name in SHARED if environ.get(name)},
                **({CERTIFICATE_VARIABLE: f"{FOLDER}/ca.pem"} if certificate else {}),
            },
            certificate=certificate,
        )


class OperationsHost(pulumi.ComponentResource):
    """The units and settings on the host. A destroy leaves them there: the operations serve other stacks."""

    def __init__(
        self, name: str, args: OperationsHostArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("lifecycle:components:OperationsHost", name, None, opts)
        access = args.access
        remote.Command(
            f"{name}-setup",
            connection=remote.ConnectionArgs(
                host=access.address,
                port=access.port,
                user=access.user,
                private_key=pulumi.Output.secret(args.private_key),
                host_key=access.host_key,
                per_dial_timeout=15,
                dial_error_limit=5,
            ),
            create="/bin/sh -s" if access.user == "root" else "sudo -n /bin/sh -s",
            stdin=pulumi.Output.secret(script(args)),
            logging=remote.Logging.NONE,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=["stdout", "stderr"]),
        )
        self.register_outputs({})


def script(args: OperationsHostArgs) -> str:
    """Render what the host runs as root: it holds the token, so it goes through standard input alone."""
    units = {path.name: path.read_text("utf-8") for path in sorted(UNITS.glob("*.*"))}
    services = "\n".join(text for name, text in units.items() if name.endswith(".service"))
    files = [
        *(_file(f"/etc/systemd/system/{name}", "0644", text) for name, text in units.items()),
        *([_file(f"{FOLDER}/ca.pem", "0644", args.certificate)] if args.certificate else []),
        _file(f"{FOLDER}/environment", "0600", environment_file(args.environment)),
    ]
    (account,) = set(_ACCOUNT.findall(services))
    (metrics,) = set(_METRICS.findall(services))
    installation = Installation(
        account=account,
        commands=tuple(sorted(set(_COMMAND.findall(services)))),
        files=tuple(files),
        metrics=metrics,
        timers=tuple(name for name in units if name.endswith(".timer")),
        units=tuple(units),
    )
    return render("operations-host.sh.j2", installation)


def environment_file(values: Mapping[str, str]) -> str:
    """Write it for systemd's EnvironmentFile: in double quotes, where a backslash guards four characters."""
    return "".join(
        f'{name}="{_GUARDED.sub(_BACKSLASH, one_line(value))}"\n' for name, value in values.items()
    )


def _certificate(path: str | None) -> str | None:
    try:
        return Path(path).read_text("utf-8") if path else None
    except OSError as error:
        raise pulumi.RunError(f"{CERTIFICATE_VARIABLE}: {path} cannot be read: {error.strerror}") from None


def _file(path: str, mode: str, content: str) -> GuestFile:
    return GuestFile(path=path, mode=mode, owner="root:root", content=content)
