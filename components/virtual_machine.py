"""A VM that is born with its keys, its updates and its day."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pulumi
from pulumi_proxmoxve import (
    FileLegacy,
    FileLegacySourceRawArgs,
    VmLegacy,
    VmLegacyAgentArgs,
    VmLegacyAgentWaitForIpArgs,
    VmLegacyCloneArgs,
    VmLegacyCpuArgs,
    VmLegacyDiskArgs,
    VmLegacyInitializationArgs,
    VmLegacyInitializationIpConfigArgs,
    VmLegacyInitializationIpConfigIpv4Args,
    VmLegacyMemoryArgs,
    VmLegacyNetworkDeviceArgs,
    VmLegacyOperatingSystemArgs,
    VmLegacySerialDeviceArgs,
)

from components.birth import birth_of
from components.cloud_init import meta_data, user_data
from components.images import Images
from components.inventory import fixed_address, inventory_entry, usable
from components.lifetime import Lifetime, description, lifetime
from components.models import Settings, VirtualMachineSettings
from ops.core.tags import Environment

# What a person may edit must not rebuild or restart a machine: these count at birth only
# (TRAPS A1, A15), or the provider shows them as changed for ever (A16).
BIRTH_ONLY = [
    "disks[0].speed",
    "disks[0].importFrom",
    "initialization.userDataFileId",
    "initialization.metaDataFileId",
]
SHUTDOWN_SECONDS = 180  # the provider's own default is 1,800 for each VM


@dataclass(frozen=True, kw_only=True)
class VirtualMachineArgs:
    """One VM of a stack, the images of the stack, and the time of this run."""

    guest: VirtualMachineSettings
    stack: Settings
    images: Images
    now: datetime


class VirtualMachine(pulumi.ComponentResource):
    """The VM, its two cloud-init snippets and its expiry date.

    Attributes:
        entry: the inventory entry of the guest.
        tags: the tags it carries.
    """

    entry: pulumi.Output[dict[str, Any]]
    tags: pulumi.Output[list[str]]

    def __init__(
        self, name: str, args: VirtualMachineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("lifecycle:components:VirtualMachine", name, None, opts)
        guest, stack = args.guest, args.stack
        life = lifetime(self, guest, stack, args.now)
        machine = _machine(self, args, life, _snippets(self, guest, stack, life))
        address = fixed_address(guest) or machine.ipv4_addresses.apply(_first_address)
        self.tags = machine.tags.apply(lambda tags: list(tags or []))
        self.entry = inventory_entry(
            guest, stack, kind="qemu", user=guest.user or stack.default_user, address=address, day=life.day
        )
        self.register_outputs({"entry": self.entry, "tags": self.tags})


@dataclass(frozen=True, kw_only=True)
class _Snippets:
    user_data_id: str
    meta_data_id: str
    files: list[pulumi.Resource]


def _snippets(
    parent: pulumi.Resource, guest: VirtualMachineSettings, stack: Settings, life: Lifetime
) -> _Snippets:
    """Write user-data and meta-data under one name each, for the guest's birth alone."""
    birth = birth_of(guest, stack, user=guest.user or stack.default_user, agent_enabled=guest.agent_enabled)
    # A pinned instance-id keeps cloud-init from taking a later boot for a first one (TRAPS B1).
    texts = {"user": user_data(birth), "meta": meta_data(f"{guest.name}-{guest.vm_id}", guest.name)}
    files: list[pulumi.Resource] = []
    ids: dict[str, str] = {}
    for part, text in texts.items():
        file_name = f"lifecycle-{guest.vm_id}-{guest.name}-{part}-data.yaml"
        files.append(
            FileLegacy(
                f"{guest.name}-{part}-data",
                node_name=stack.node_of(guest),
                datastore_id=stack.snippets_storage,
                content_type="snippets",
                source_raw=FileLegacySourceRawArgs(data=text, file_name=file_name),
                opts=pulumi.ResourceOptions(
                    parent=parent,
                    depends_on=[life.claim],
                    ignore_changes=["sourceRaw.data", "datastoreId"],
                    # A VM that moves takes them along. Where both nodes see one storage, the old files are
                    # the new ones: deleted last, they would be gone. Prod protects the VM, which holds them.
                    delete_before_replace=True,
                ),
            )
        )
        ids[part] = f"{stack.snippets_storage}:snippets/{file_name}"
    return _Snippets(user_data_id=ids["user"], meta_data_id=ids["meta"], files=files)


def _machine(
    parent: pulumi.Resource, args: VirtualMachineArgs, life: Lifetime, snippets: _Snippets
) -> VmLegacy:
    guest, stack = args.guest, args.stack
    prod = stack.environment is Environment.PROD
    return VmLegacy(
        guest.name,
        name=guest.name,
        vm_id=guest.vm_id,
        node_name=stack.node_of(guest),
        description=description(guest),
        tags=life.tags,
        started=life.started,
        on_boot=life.on_boot,
        protection=prod,
        reboot_after_update=not prod,
        stop_on_destroy=not prod,
        timeout_shutdown_vm=SHUTDOWN_SECONDS,
        timeout_reboot=SHUTDOWN_SECONDS,
        # Another node is a migration; without this it destroys the VM, also one that HA has moved.
        migrate=True,
        agent=_agent(guest),
        cpu=VmLegacyCpuArgs(cores=guest.cores, type="x86-64-v2-AES"),
        memory=VmLegacyMemoryArgs(dedicated=guest.memory),
        operating_system=VmLegacyOperatingSystemArgs(type="l26"),
        scsi_hardware="virtio-scsi-single",
        serial_devices=[VmLegacySerialDeviceArgs(device="socket")],
        network_devices=[VmLegacyNetworkDeviceArgs(bridge=guest.bridge, model="virtio", firewall=False)],
        clone=_clone(guest),
        disks=[_disk(args)],
        initialization=_initialization(guest, stack, snippets),
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=snippets.files,
            hooks=life.before_change,
            protect=prod,
            delete_before_replace=True,
            ignore_changes=[*BIRTH_ONLY, *(["clone.nodeName"] if guest.clone_from else [])],
        ),
    )


def _agent(guest: VirtualMachineSettings) -> VmLegacyAgentArgs:
    """Wait for an address only where the configuration does not know it, and not for long (TRAPS A9)."""
    wait = VmLegacyAgentWaitForIpArgs(disabled=True) if guest.address != "dhcp" else None
    return VmLegacyAgentArgs(enabled=guest.agent_enabled, timeout="2m", wait_for_ip=wait)


def _clone(guest: VirtualMachineSettings) -> VmLegacyCloneArgs | None:
    if guest.clone_from is None:
        return None
    return VmLegacyCloneArgs(vm_id=guest.clone_from, node_name=guest.clone_node, full=True)


def _disk(args: VirtualMachineArgs) -> VmLegacyDiskArgs:
    guest, stack = args.guest, args.stack
    image = guest.image or stack.image
    source = args.images.on_node(image, stack.node_of(guest)).id if image and not guest.clone_from else None
    return VmLegacyDiskArgs(
        interface="scsi0",
        datastore_id=stack.disk_storage,
        size=guest.disk,
        import_from=source,
        aio="io_uring",
        backup=True,
        cache="none",
        discard="on",
        iothread=True,
        replicate=True,
        ssd=True,
    )


def _initialization(
    guest: VirtualMachineSettings, stack: Settings, snippets: _Snippets
) -> VmLegacyInitializationArgs:
    ipv4 = VmLegacyInitializationIpConfigIpv4Args(address=guest.address, gateway=guest.gateway)
    return VmLegacyInitializationArgs(
        interface="ide2",
        datastore_id=stack.disk_storage,
        user_data_file_id=snippets.user_data_id,
        meta_data_file_id=snippets.meta_data_id,
        ip_configs=[VmLegacyInitializationIpConfigArgs(ipv4=ipv4)],
    )


def _first_address(interfaces: Any) -> str | None:
    """Return the first address that leads to the guest; None while the agent reports none."""
    found = (address for addresses in interfaces or [] for address in addresses if usable(address))
    return next(found, None)
