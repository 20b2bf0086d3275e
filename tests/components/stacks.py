"""Stacks as Pulumi hands them over, for the tests of what is accepted and what is refused."""

import json

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
CANARY = "canary-5e1f"
IMAGE = {"url": "https://images.example.org/debian-12-20260101.qcow2", "checksum": "0" * 64}


def stack(**changes):
    """A stack that is accepted but for these changes: text, and JSON in text."""
    raw = {
        "environment": "lab",
        "ssh_keys": [HOST_KEY],  # any public key does
        "image": IMAGE,
        "virtual_machines": [{"name": "web", "vm_id": 101}],
    } | changes
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in raw.items()}


def guest(**changes):
    """One VM with something about it."""
    return {"virtual_machines": [{"name": "web", "vm_id": 101} | changes]}
