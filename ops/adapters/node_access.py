"""SSH access to a node, from the connection settings."""

from pathlib import Path

import paramiko

from ops.adapters.connection import SshSettings
from ops.adapters.ssh import Target
from ops.adapters.ssh_keys import private_key
from ops.errors import LifecycleError


def node_access(settings: SshSettings, node: str, *, known_hosts: Path) -> tuple[Target, paramiko.PKey]:
    """Whom to log in to for a node, and with which key; every setting that is absent is named."""
    absent = [
        name
        for name, value in (
            ("PROXMOX_VE_SSH_USERNAME", settings.username),
            ("PROXMOX_VE_SSH_PRIVATE_KEY", settings.private_key),
            (f"PROXMOX_VE_SSH_NODES with the node {node}", settings.nodes.get(node)),
        )
        if not value
    ]
    place = settings.nodes.get(node)
    if place is None or settings.username is None or settings.private_key is None:
        example = f'{{"{node}": {{"address": "192.0.2.10", "port": 22, "host_key": "ssh-ed25519 AAAA…"}}}}'
        raise LifecycleError(
            f"not set: {', '.join(absent)}",
            where="settings",
            remedy="Snippets are written over SSH, for the API cannot.\n"
            f"  PROXMOX_VE_SSH_NODES='{example}'\n"
            "  (the host key: cat /etc/ssh/ssh_host_ed25519_key.pub on the node)",
        )
    target = Target(
        address=place.address,
        port=place.port,
        username=settings.username,
        host_key=place.host_key,
        known_hosts=known_hosts,
    )
    return target, private_key(settings.private_key.get_secret_value())
