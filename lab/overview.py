"""What a running lab has, asked as any client would ask: through its API, with the token for operations."""

import json
import shlex
from typing import Any

import requests

from .daemon import LabError, Site

COLUMNS = ("vmid", "name", "kind", "node", "status", "address", "tags")


def environment_of(site: Site) -> dict[str, str]:
    """The environment that the lab wrote for its users."""
    words = shlex.split(site.environment.read_text("utf-8"))
    return dict(word.split("=", 1) for word in words if "=" in word)


def node_lines(environment: dict[str, str]) -> list[str]:
    """One text per node: who, where."""
    user = environment["PROXMOX_VE_SSH_USERNAME"]
    nodes = json.loads(environment["PROXMOX_VE_SSH_NODES"])
    return [f"{name}: {user}@{where['address']} port {where['port']}" for name, where in nodes.items()]


def guest_table(site: Site) -> str:
    """The guests, a line each, in columns."""
    addresses = _addresses(site)
    rows = [
        {
            "vmid": str(item["vmid"]),
            "name": item["name"],
            "kind": "template" if item.get("template") else {"qemu": "VM", "lxc": "container"}[item["type"]],
            "node": item["node"],
            "status": item["status"],
            "address": addresses.get(str(item["vmid"]), "-"),
            "tags": item.get("tags", "-"),
        }
        for item in sorted(_guests(environment_of(site)), key=lambda item: int(item["vmid"]))
    ]
    rows.insert(0, {name: name.upper() for name in COLUMNS})
    widths = {name: max(len(row[name]) for row in rows) for name in COLUMNS}
    lines = ["  ".join(row[name].ljust(widths[name]) for name in COLUMNS).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _guests(environment: dict[str, str]) -> list[dict[str, Any]]:
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy or a CA of the environment's has no say here
            answer = session.get(
                f"{environment['PROXMOX_VE_ENDPOINT']}/api2/json/cluster/resources?type=vm",
                headers={"Authorization": f"PVEAPIToken={environment['LAB_OPERATIONS_API_TOKEN']}"},
                verify=environment["SSL_CERT_FILE"],
                timeout=10,
            )
            answer.raise_for_status()
    except requests.RequestException as error:
        raise LabError(f"the lab runs and its API does not answer: {error}") from error
    guests: list[dict[str, Any]] = answer.json()["data"]
    return guests


def _addresses(site: Site) -> dict[str, str]:
    """Vmid to address, from the file that people's `ssh` reads."""
    found: dict[str, str] = {}
    vmid = ""
    for line in (site.path / "ssh_config").read_text("utf-8").splitlines():
        match line.split():
            case ["Host", *_, number]:
                vmid = number
            case ["HostName", address]:
                found[vmid] = address
    return found
