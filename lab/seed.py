"""Which cloud-init texts PVE would write for a VM: its snippets where named, else made from its options."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import yaml

from .cloud_init import DEFAULT_USER, HEADER, Seed

CLOUD_INIT_DRIVE = re.compile(r"[:/]vm-\d+-cloudinit(?:\.\w+)?(?:,|$)")
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


def has_cloud_init_drive(config: Mapping[str, Any]) -> bool:
    """Without one, PVE makes no seed and cloud-init in the machine finds nothing."""
    return any(CLOUD_INIT_DRIVE.search(str(value)) for value in config.values())


def seed_of(config: Mapping[str, Any], read: Callable[[str], str]) -> Seed:
    """The texts for a VM's configuration; `read` gives a snippet by its volume id or raises."""
    custom = _options(config.get("cicustom", ""))
    return Seed(
        user_data=read(custom["user"]) if "user" in custom else _made_user_data(config),
        network_data=read(custom["network"]) if "network" in custom else _made_network_data(config),
        meta_data=read(custom["meta"]) if "meta" in custom else "",
    )


def static_address(config: Mapping[str, Any], key: str) -> str | None:
    """The address that `ipconfig0` or `net0` gives the guest, if it is one that the lab can listen on."""
    given = _options(config.get(key, "")).get("ip", "").split("/")[0]
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return None
    return given if address in LOOPBACK else None


def _made_user_data(config: Mapping[str, Any]) -> str:
    content = {
        "hostname": config.get("name"),
        "manage_etc_hosts": True,
        "user": config.get("ciuser") or DEFAULT_USER,
        "ssh_authorized_keys": unquote(str(config.get("sshkeys", ""))).split("\n"),
        "users": ["default"],
    }
    return f"{HEADER}\n{yaml.safe_dump(content)}"


def _made_network_data(config: Mapping[str, Any]) -> str:
    return "\n".join(f"{key}: {config[key]}" for key in sorted(config) if key.startswith("ipconfig"))


def _options(text: object) -> dict[str, str]:
    pairs = (part.partition("=") for part in str(text).split(","))
    return {key: value for key, separator, value in pairs if separator}
