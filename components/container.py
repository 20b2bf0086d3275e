"""A container that is born with its keys, its updates and its day."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pulumi
from pulumi_command import remote
from pulumi_proxmoxve import (
    ContainerLegacy,
    ContainerLegacyCpuArgs,
    ContainerLegacyDiskArgs,
    ContainerLegacyFeaturesArgs,
    ContainerLegacyInitializationArgs,
    ContainerLegacyInitializationIpConfigArgs,
    ContainerLegacyInitializationIpConfigIpv4Args,
    ContainerLegacyInitializationUserAccountArgs,
    ContainerLegacyMemoryArgs,
    ContainerLegacyNetworkInterfaceArgs,
    ContainerLegacyOperatingSystemArgs,
)

from components.birth import birth_of
from components.cloud_init import container_script
from components.inventory import fixed_address, inventory_entry, usable
from components.lifetime import Lifetime, description, lifetime
from components.models import ContainerSettings, Settings
from components.node import NodeShell
from components.restarts import refused_restarts
from ops.core.tags import Environment

# Changing these would make another container of it (TRAPS A10), or restart it: they count at birth only.
BIRTH_ONLY = ["initialization.userAccount", "operatingSystem.templateFileId", "operatingSystem.type"]
ROOT = "root"


@dataclass(frozen=True, kw_only=True)
class ContainerArgs:
    """One container of a stack, the shell of its node, and the time of this run."""

    guest: ContainerSettings
    stack: Settings
    shell: NodeShell
    now: datetime


class Container(pulumi.ComponentResource):
    """The container, its setting up through the node, and its expiry date.

    Attributes:
        entry: the inventory entry of the guest.
        tags: the tags it carries.
    """

    entry: pulumi.Output[dict[str, Any]]
    tags: pulumi.Output[list[str]]

    def __init__(self, name: str, args: ContainerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("lifecycle:components:Container", name, None, opts)
        guest, stack = args.guest, args.stack
        life = lifetime(self, guest, stack, args.now)
        container = _container(self, guest, stack, life)
        _setup(self, args, life, container)
        address = fixed_address(guest) or container.ipv4.apply(_first_address)
        self.tags = container.tags.apply(lambda tags: list(tags or []))
        self.entry = inventory_entry(
            guest, stack, kind="lxc", user=guest.user or ROOT, address=address, day=life.day
        )
        self.register_outputs({"entry": self.entry, "tags": self.tags})


def _container(
    parent: pulumi.Resource, guest: ContainerSettings, stack: Settings, life: Lifetime
) -> ContainerLegacy:
    prod = stack.environment is Environment.PROD
    template = guest.container_template or stack.container_template or ""
    return ContainerLegacy(
        guest.name,
        vm_id=guest.vm_id,
        node_name=stack.node_of(guest),
        description=description(guest),
        tags=life.tags,
        started=life.started,
        start_on_boot=life.on_boot,
        protection=prod,
        # Proxmox VE's own default is a privileged container, in which root is the node's root (TRAPS A11).
        unprivileged=True,
        # systemd's sandboxing of services fails in a container without it.
        features=ContainerLegacyFeaturesArgs(nesting=True),
        cpu=ContainerLegacyCpuArgs(cores=guest.cores, architecture="amd64"),
        memory=ContainerLegacyMemoryArgs(dedicated=guest.memory, swap=0),
        disk=ContainerLegacyDiskArgs(datastore_id=stack.disk_storage, size=guest.disk),
        operating_system=ContainerLegacyOperatingSystemArgs(
            template_file_id=template, type=guest.distribution
        ),
        network_interfaces=[
            ContainerLegacyNetworkInterfaceArgs(name="eth0", bridge=guest.bridge, firewall=False)
        ],
        initialization=_initialization(guest, stack),
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[life.claim],
            hooks=_hooks(guest, life) if prod else life.before_change,
            protect=prod,
            delete_before_replace=True,
            ignore_changes=BIRTH_ONLY,
        ),
    )


def _hooks(guest: ContainerSettings, life: Lifetime) -> pulumi.ResourceHookBinding:
    """What comes before a change in prod: its refusal, then the snapshot."""
    snapshot = life.before_change.before_update or [] if life.before_change else []
    return pulumi.ResourceHookBinding(before_update=[refused_restarts(guest), *snapshot])


def _initialization(guest: ContainerSettings, stack: Settings) -> ContainerLegacyInitializationArgs:
    ipv4 = ContainerLegacyInitializationIpConfigIpv4Args(address=guest.address, gateway=guest.gateway)
    return ContainerLegacyInitializationArgs(
        hostname=guest.name,
        ip_configs=[ContainerLegacyInitializationIpConfigArgs(ipv4=ipv4)],
        user_account=ContainerLegacyInitializationUserAccountArgs(keys=list(stack.keys_of(guest))),
    )


def _setup(parent: pulumi.Resource, args: ContainerArgs, life: Lifetime, container: ContainerLegacy) -> None:
    """Run the script in the container through its node: before any key, under DHCP, after any rotation.

    A changed script runs again in place; a new container is a trigger. While the guest's day is over it
    is down, and nothing is run; its last day stands in the script, so that an extension runs it again.
    """
    guest, stack = args.guest, args.stack
    script = container_script(birth_of(guest, stack, user=guest.user or ROOT, agent_enabled=False))
    remote.Command(
        f"{guest.name}-setup",
        connection=args.shell.connection(stack.node_of(guest)),
        create=args.shell.in_container(guest.vm_id),
        stdin=life.day.apply(lambda day: f"{script}# Its last day: {day}\n") if life.day else script,
        # The number alone would not tell a container that was made anew under it.
        triggers=[container.id, container.network_interfaces.apply(_first_mac)],
        logging=remote.Logging.NONE,
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[container],
            hooks=life.before_change,
            deleted_with=container,
            additional_secret_outputs=["stdout", "stderr"],
        ),
    )


def _first_mac(interfaces: Any) -> str | None:
    """Return what Proxmox VE drew for this very container at its creation."""
    return interfaces[0].mac_address if interfaces else None


def _first_address(addresses: Any) -> str | None:
    """Return the address of the first interface that leads to the guest; None while there is none."""
    found = (address.partition("/")[0] for _, address in sorted((addresses or {}).items()))
    return next(filter(usable, found), None)
