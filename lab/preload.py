"""What the cluster has before anybody deploys: storages, templates and a machine to clone."""

import time
from typing import Any

GIB = 1024**3
TEMPLATE_VMID = 9000
TEMPLATE_NAME = "debian-12-template"
CONTAINER_TEMPLATES = (
    "debian-12-standard_12.12-1_amd64.tar.zst",
    "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
)


def preload(pve: Any, nodes: tuple[str, ...]) -> None:
    """Fill a new cluster."""
    pve.nodes = {name: {"online": True} for name in nodes}
    pve.storages["local"]["content"] = "iso,vztmpl,backup,snippets,import"
    for name in CONTAINER_TEMPLATES:
        pve.store_file("local", name, 130 * 1024**2, "vztmpl")
    pve.storages["local-lvm"]["volumes"] = {
        f"base-{TEMPLATE_VMID}-disk-0": {
            "content": "images",
            "format": "raw",
            "size": 2 * GIB,
            "vmid": TEMPLATE_VMID,
            "ctime": int(time.time()),
        }
    }
    pve.add_vm(
        TEMPLATE_VMID,
        TEMPLATE_NAME,
        node=nodes[0],
        template=True,
        config={
            "template": 1,
            "agent": "1",
            "boot": "order=scsi0",
            "cores": 1,
            "memory": "1024",
            "net0": "virtio=BC:24:11:00:90:00,bridge=vmbr0",
            "ostype": "l26",
            "scsi0": f"local-lvm:base-{TEMPLATE_VMID}-disk-0,size=2G",
            "scsihw": "virtio-scsi-single",
            "serial0": "socket",
            "vga": "serial0",
        },
    )
