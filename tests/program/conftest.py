"""One way to run the program on Pulumi's mocks: fresh every time, plain values out."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi.runtime.rpc import _special_sig_key

from components.container import Container, ContainerArgs
from components.images import Images
from components.node import NodeShell
from components.operations_host import OperationsHost, OperationsHostArgs
from components.settings import parse_settings
from components.virtual_machine import VirtualMachine, VirtualMachineArgs

LOGIN = {
    "PROXMOX_VE_SSH_PRIVATE_KEY": "canary-private-key",
    "PVE_LIFECYCLE_HOST_PRIVATE_KEY": "canary-host-key",
    "PVE_LIFECYCLE_API_TOKEN": "ops@pve!timers=canary-token",
}
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
# One for all runs and never closed: the root resource and the threads that Pulumi keeps belong to it.
# Any other one that the thread has by then is another test's, or closed.
LOOP = asyncio.new_event_loop()


@dataclass
class Registered:
    """What a program registered: inputs by type and name, and the hooks before an update by name."""

    resources: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    hooks: dict[str, list[str]] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources whose type ends with ``kind``, by name."""
        return {name: inputs for (type_, name), inputs in self.resources.items() if type_.endswith(kind)}


class _Mocks(mocks.Mocks):
    def __init__(self, registered: Registered) -> None:
        self.registered = registered

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = _plain(args.inputs)
        self.registered.resources[args.typ, args.name] = inputs
        outputs = dict(inputs)
        if args.typ.endswith(":ExpiryDate"):
            outputs["day"] = args.inputs.get("expires_on") or "2026-12-07"
        return f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:  # noqa: ARG002  the interface's
        return {}


class _Monitor(mocks.MockMonitor):
    """Pulumi's, which hands the inputs over and keeps the options to itself."""

    def __init__(self, registered: Registered) -> None:
        super().__init__(_Mocks(registered))
        self.registered = registered

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  the interface's
        if request.hooks.before_update:
            self.registered.hooks[request.name] = list(request.hooks.before_update)
        return super().RegisterResource(request)


def _plain(value: Any) -> Any:
    """Take the wrapping of secrets off, however deep."""
    if isinstance(value, dict):
        return (
            _plain(value["value"]) if _special_sig_key in value else {k: _plain(v) for k, v in value.items()}
        )
    return [_plain(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def host_key() -> str:
    """The public key of a machine that there is not."""
    return HOST_KEY


@pytest.fixture
def run(public_key: str) -> Callable[..., Registered]:
    """Run the components over a stack's configuration."""

    def run_program(now: datetime = datetime(2026, 11, 23, tzinfo=UTC), **stack: Any) -> Registered:
        registered = Registered()
        raw = {
            "environment": "lab",
            "ssh_keys": [public_key],
            "image": {"url": "https://images.example.org/debian-12-20260101.qcow2", "checksum": "0" * 64},
            "container_template": "local:vztmpl/debian-12.tar.zst",
            "nodes": {"pve1": {"address": "pve1.example.org", "host_key": HOST_KEY}},
        } | stack
        settings = parse_settings(
            {k: v if isinstance(v, str) else json.dumps(v) for k, v in raw.items()}, LOGIN
        )

        def program() -> None:
            shell = NodeShell(user="root", private_key="canary-private-key", nodes=settings.nodes)
            images = Images(settings, pulumi.ResourceOptions())
            for vm in settings.virtual_machines:
                VirtualMachine(vm.name, VirtualMachineArgs(guest=vm, stack=settings, images=images, now=now))
            for ct in settings.containers:
                Container(ct.name, ContainerArgs(guest=ct, stack=settings, shell=shell, now=now))
            if host := settings.operations_host:
                OperationsHost("operations", OperationsHostArgs.from_environment(host, settings, LOGIN))

        monitor = _Monitor(registered)
        asyncio.set_event_loop(LOOP)
        mocks.set_mocks(monitor.mocks, project="pve-lifecycle", stack="test", preview=False, monitor=monitor)
        pulumi.runtime.test(program)()
        return registered

    return run_program
