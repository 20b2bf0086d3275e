"""The stack's configuration as typed models: every key, its type, its default and its meaning."""

from datetime import date
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from components.values import (
    Address,
    Checksum,
    Day,
    Gateway,
    GuestName,
    HostKeyText,
    MailAddress,
    Name,
    NodeName,
    PublicKeyText,
    Tag,
    Text,
    UserName,
    VmId,
    VolumeId,
    problem_with_gateway,
)
from ops.core.tags import Environment

DIGITS = {"sha256": 64, "sha512": 128}


class Model(BaseModel):
    """Refuses what it does not know, and never repeats a value in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("this is no time zone; write a name like Europe/Paris") from None
    return name


class NoExpire(Model):
    """Why a lab guest may live on, and when somebody must look at it again."""

    reason: Text = Field(description="Why it may live on; shown in the guest's description.")
    review_on: Day = Field(description="The day on which somebody decides again.")


class Image(Model):
    """A cloud image that the node downloads."""

    url: Annotated[str, Field(pattern=r"^https?://\S+\.(qcow2|img|raw)$")] = Field(
        description="A dated address, never 'latest': the same text must mean the same bytes."
    )
    checksum: Checksum = Field(description="The checksum of the file, hexadecimal.")
    checksum_algorithm: Literal["sha256", "sha512"] = Field("sha256", description="How it was computed.")

    @model_validator(mode="after")
    def _checksum_has_its_length(self) -> Self:
        wanted = DIGITS[self.checksum_algorithm]
        if len(self.checksum) != wanted:
            raise ValueError(
                f"a {self.checksum_algorithm} has {wanted} digits; correct checksum or checksum_algorithm"
            )
        return self


class MailRelay(Model):
    """The server that takes the guests' mail. No password: user-data is no place for one."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-]+$")] = Field(description="Name or address.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(25, description="TCP port.")
    tls: bool = Field(default=True, description="Whether STARTTLS is required.")
    sender: MailAddress = Field(description="The address that the mail comes from.")
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9.@_+\-]+$")] | None = Field(
        None,
        description="The account at the relay; its password is read in the guest from /etc/msmtp-password.",
    )


class NodeAccess(Model):
    """How the SSH of a Proxmox VE node is reached."""

    address: Annotated[str, Field(min_length=1)] = Field(description="Name or address of the node.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(22, description="TCP port.")
    host_key: HostKeyText = Field(description="The node's public host key: `ssh-keyscan -t ed25519 NODE`.")


class OperationsHost(Model):
    """The host on which the timers of the operations run."""

    address: Annotated[str, Field(min_length=1)] = Field(description="Name or address of the host.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(22, description="TCP port of its SSH.")
    host_key: HostKeyText = Field(description="Its public host key: `ssh-keyscan -t ed25519 HOST`.")
    user: UserName = Field("root", description="The account to log in with; any but root needs sudo.")


class Guest(Model):
    """What a VM and a container have in common."""

    name: GuestName = Field(description="Host name and name in Proxmox VE; unique in the stack.")
    vm_id: VmId = Field(description="The guest's number in the cluster, 100 to 999999999.")
    node: NodeName | None = Field(None, description="The node; the stack's `node` where absent.")
    cores: Annotated[int, Field(ge=1, le=512)] = Field(1, description="CPU cores.")
    memory: Annotated[int, Field(ge=64)] = Field(1024, description="Memory in MiB.")
    disk: Annotated[int, Field(ge=1)] = Field(10, description="Size of the disk in GiB.")
    bridge: Name = Field("vmbr0", description="The node's network bridge.")
    address: Address = Field("dhcp", description="IPv4 address with prefix (192.0.2.10/24), or dhcp.")
    gateway: Gateway | None = Field(None, description="The IPv4 gateway of a fixed address.")
    user: UserName | None = Field(None, description="The account to log in with.")
    auto_security_updates: bool = Field(
        default=True, description="Whether the guest installs security updates itself."
    )
    expiration_days: Annotated[int, Field(gt=0, le=36500)] | None = Field(
        None, description="Days to live, a whole number above 0; the stack's default where absent. Lab only."
    )
    expires_on: Day | None = Field(
        None, description="The last valid day; wins over expiration_days. Lab only."
    )
    renew: Text | None = Field(None, description="Any text; a change of it starts the count anew.")
    no_expire: NoExpire | None = Field(None, description="Lives on, for a reason, until a review. Lab only.")
    additional_ssh_keys: tuple[PublicKeyText, ...] = Field((), description="Public keys for this guest only.")
    tags: tuple[Tag, ...] = Field((), description="Further tags.")
    description: Text | None = Field(None, description="A line shown in Proxmox VE.")
    on_boot: bool | None = Field(
        None, description="Starts with its node; in prod yes, in lab no, where absent."
    )
    snapshot_before_change: bool = Field(
        default=False, description="Whether `up` takes a snapshot before it changes the guest."
    )
    distribution: Literal["debian", "ubuntu"] = Field("ubuntu", description="What the image holds.")

    @model_validator(mode="after")
    def _gateway_needs_address(self) -> Self:
        if self.gateway and self.address == "dhcp":
            raise ValueError(
                "a gateway goes with a fixed address; give address as 192.0.2.10/24, or drop gateway"
            )
        if self.gateway and (problem := problem_with_gateway(self.gateway, self.address)):
            raise ValueError(problem)
        return self

    @property
    def ends(self) -> bool:
        """Whether an end of life is asked for in the guest's own words."""
        return self.expiration_days is not None or self.expires_on is not None


class VirtualMachineSettings(Guest):
    """A VM, from the stack's image, an image of its own, or a template."""

    agent_enabled: bool = Field(
        default=True, description="Whether the QEMU guest agent is installed and used."
    )
    image: Image | None = Field(None, description="An image of its own instead of the stack's.")
    clone_from: VmId | None = Field(None, description="The vm_id of a template to clone instead of an image.")
    clone_node: NodeName | None = Field(
        None, description="The node that the template is on, where it is another than the guest's."
    )


class ContainerSettings(Guest):
    """A container."""

    container_template: VolumeId | None = Field(
        None, description="A template of its own instead of the stack's."
    )


class Settings(Model):
    """One stack, whole."""

    environment: Environment = Field(
        description="lab or prod; decides what may expire and what is protected."
    )
    node: NodeName = Field("pve1", description="The node for guests that name none.")
    nodes: dict[str, NodeAccess] = Field(
        default_factory=dict, description="SSH access to each node; PROXMOX_VE_SSH_NODES (JSON) where empty."
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="Where a day begins and ends, for expiry; also set in the guests."
    )
    default_expiration_days: Annotated[int, Field(gt=0, le=36500)] = Field(
        14, description="Days that a lab guest lives."
    )
    default_user: UserName = Field("admin", description="The account made in VMs; containers log in as root.")
    ssh_keys: tuple[PublicKeyText, ...] = Field((), description="Public keys for every new guest.")
    additional_ssh_keys: tuple[PublicKeyText, ...] = Field((), description="More of them, kept apart.")
    image: Image | None = Field(None, description="The cloud image of VMs that name none.")
    container_template: VolumeId | None = Field(
        None, description="The template of containers that name none."
    )
    snippets_storage: Name = Field(
        "local", description="Storage for cloud-init snippets; content type snippets."
    )
    image_storage: Name = Field("local", description="Storage for downloaded images; content type import.")
    disk_storage: Name = Field("local-lvm", description="Storage for the guests' disks.")
    mail_to: MailAddress | None = Field(None, description="Who is told when a security update fails.")
    mail_relay: MailRelay | None = Field(None, description="The server that takes that mail.")
    operations_host: OperationsHost | None = Field(
        None, description="The host that gets the timers of the operations."
    )
    virtual_machines: tuple[VirtualMachineSettings, ...] = Field((), description="The VMs.")
    containers: tuple[ContainerSettings, ...] = Field((), description="The containers.")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days are counted."""
        return ZoneInfo(self.time_zone)

    @property
    def guests(self) -> tuple[VirtualMachineSettings | ContainerSettings, ...]:
        """VMs and containers, as they stand."""
        return (*self.virtual_machines, *self.containers)

    def node_of(self, guest: Guest) -> str:
        """The node on which a guest is declared."""
        return guest.node or self.node

    def keys_of(self, guest: Guest) -> tuple[str, ...]:
        """The public keys that a guest is born with, each once, in the order given."""
        return tuple(dict.fromkeys((*self.ssh_keys, *self.additional_ssh_keys, *guest.additional_ssh_keys)))

    def expires_on(self, guest: Guest) -> date | None:
        """The day that the configuration names itself, if any."""
        return date.fromisoformat(guest.expires_on) if guest.expires_on else None
