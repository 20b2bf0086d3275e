"""Writes docs/configuration.md from the models, so that the reference cannot drift from the code."""

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from components.models import (
    ContainerSettings,
    Guest,
    Image,
    MailRelay,
    NodeAccess,
    NoExpire,
    OperationsHost,
    Settings,
    VirtualMachineSettings,
)

TARGET = Path(__file__).with_name("configuration.md")
HEAD = """# Configuration

This page is made from the models by `make docs`; a test compares the two.

Keys stand in `Pulumi.<stack>.yaml` under `config`, each with the prefix `pve-lifecycle:`.
A key that is not listed here is refused, as is a value of another type: with its path, the reason
and what to write instead, before anything is changed.

## Login and secrets

They stand in the environment, under the names that the provider itself reads, and never in a stack file:

| variable | meaning |
|---|---|
| `PROXMOX_VE_ENDPOINT` | the API's address, `https://pve1.example.org:8006/` |
| `PROXMOX_VE_API_TOKEN` | the API token, `user@realm!name=secret` |
| `PROXMOX_VE_INSECURE` | `true` switches the verification of the certificate off; not recommended |
| `PROXMOX_VE_SSH_USERNAME` | the account on the nodes, `root` or one with sudo rules (VM-LIFECYCLE.md) |
| `PROXMOX_VE_SSH_PRIVATE_KEY` | its private key, the text itself |
| `PROXMOX_VE_SSH_NODES` | `nodes` below as JSON, for stacks that give none |
| `SSL_CERT_FILE` | the CAs that the provider and `pulumi` trust, in the place of the system's store |
| `PROXMOX_VE_CA_FILE` | the API's CA, but not for the provider (see above); the operations host gets it |
| `PVE_LIFECYCLE_HOST_PRIVATE_KEY` | the private key that opens `operations_host`, the text itself |
| `PVE_LIFECYCLE_API_TOKEN` | the token that the operations get there, of the smaller role |
| `LIFECYCLE_SSH_IDENTITIES` | private key files, with `:` between them, for a declared `AuthorizedKeys` |
| `LIFECYCLE_NOW` | the time to assume, to preview another day: `2026-12-24T12:00:00+00:00` |

The operations (`python -m ops.…`) read the same names, or a TOML file (`--connection`), and these:

| variable | meaning |
|---|---|
| `PVE_LIFECYCLE_CONNECTION` | the TOML file: `endpoint`, `api_token`, `time_zone`, `[notices]`, `[ssh]` |
| `PVE_LIFECYCLE_TIME_ZONE` | where a day ends, for expiry and for kept snapshots; UTC where it is not set |
| `PVE_LIFECYCLE_ALERTMANAGER` | the Alertmanagers that are told, with a space between them |
| `PVE_LIFECYCLE_APPRISE` | the people who are told: apprise's addresses, which hold secrets |
| `PVE_LIFECYCLE_METRICS` | the directory of node_exporter's text files |
| `PVE_LIFECYCLE_IDENTITY` | key rotation: the private key file that logs in now |
| `PVE_LIFECYCLE_KNOWN_HOSTS` | key rotation: the file of known host keys |
| `PVE_LIFECYCLE_SSH_PORT` | key rotation: the guests' SSH port, where it is not 22 |

A value that must stand in a stack file and is secret goes in with `pulumi config set --secret KEY`.
"""
SECTIONS: tuple[tuple[str, type[BaseModel], type[BaseModel] | None], ...] = (
    ("The stack", Settings, None),
    ("Every guest (an entry of `virtual_machines` or `containers`)", Guest, None),
    ("Only a VM", VirtualMachineSettings, Guest),
    ("Only a container", ContainerSettings, Guest),
    ("`image`", Image, None),
    ("`no_expire`", NoExpire, None),
    ("`mail_relay`", MailRelay, None),
    ("An entry of `nodes`", NodeAccess, None),
    ("`operations_host`", OperationsHost, None),
)


def render() -> str:
    """Return the page."""
    parts = [HEAD]
    for title, model, base in SECTIONS:
        known = set(base.model_fields) if base else set()
        rows = [_row(name, field) for name, field in model.model_fields.items() if name not in known]
        parts.append(f"## {title}\n\n| key | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{name}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main(argv: list[str]) -> int:
    """Write the page; with ``--check`` only compare it, and say what to do where it differs."""
    if "--check" not in argv:
        TARGET.write_text(render(), encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == render():
        return 0
    sys.stderr.write(f"{TARGET.name} is not what the models say; run `make docs`\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
