"""Which hosts a rotation is about: guests of the cluster, or the hosts of a file."""

from dataclasses import dataclass, replace
from pathlib import Path

from ops.adapters import host_file
from ops.adapters.known_hosts import KnownHosts
from ops.adapters.ssh import Target
from ops.core.model import Guest
from ops.core.selection import Selection
from ops.errors import LifecycleError
from ops.runs.parallel import side_by_side

ASKING = 8  # guests at once; each is one or two quick calls


@dataclass(frozen=True, kw_only=True)
class Host:
    """One host; `obstacle` says why it cannot be reached now, and there is no target then.

    `vmid` is a guest's number, None for a host of a file.
    """

    name: str
    target: Target | None
    vmid: int | None = None
    obstacle: str = ""

    def __str__(self) -> str:
        return self.name if self.vmid is None else f"{self.name} ({self.vmid})"

    @property
    def id(self) -> str:
        """What the journal knows it by."""
        return f"{self} {self.target}" if self.target else str(self)


@dataclass(frozen=True, kw_only=True)
class Login:
    """What holds for every host that does not say otherwise."""

    user: str | None
    port: int | None
    known_hosts: KnownHosts


def from_file(path: Path, login: Login) -> list[Host]:
    """The hosts of an inventory file; its own port and user come before the general ones."""
    hosts = [
        _host(entry.name, entry.address, entry.user or login.user, entry.port or login.port, login)
        for entry in host_file.read(path)
    ]
    logins = [str(host.target) for host in hosts if host.target]
    if twice := sorted({login for login in logins if logins.count(login) > 1}):
        raise LifecycleError(
            f"names {', '.join(twice)} twice",
            where=str(path),
            remedy="One line for each login: two would hinder each other in the same files.",
        )
    return hosts


def from_cluster(selection: Selection, login: Login, connection_file: Path | None) -> list[Host]:
    """The guests that are chosen, without templates; a stopped one is listed, and left for the next run."""
    from ops.adapters import guest_addresses  # noqa: PLC0415 - requests: a quarter of a second that --hosts spares
    from ops.runs.cluster import observe, opened  # noqa: PLC0415

    with opened(connection_file) as (_, proxmox):
        chosen = [guest for guest in observe(proxmox).chosen(selection) if not guest.template]

        def place(guest: Guest) -> Host:
            if guest.status != "running":
                words = f"the guest is {guest.status}"
                return Host(name=guest.name, vmid=guest.vmid, target=None, obstacle=words)
            found = guest_addresses.place_of(proxmox, guest)
            if found.address is None:
                return Host(name=guest.name, vmid=guest.vmid, target=None, obstacle=found.words)
            host = _host(guest.name, found.address, found.user or login.user, login.port, login)
            return replace(host, vmid=guest.vmid)

        return side_by_side(place, chosen, workers=ASKING)


def _host(name: str, address: str | None, user: str | None, port: int | None, login: Login) -> Host:
    if user is None:
        raise LifecycleError("no login name is known for it", where=name, remedy="Give one with --user.")
    if not address:
        return Host(name=name, target=None, obstacle="no address is known")
    target = Target(
        address=address, port=port or host_file.SSH_PORT, username=user, known_hosts=login.known_hosts
    )
    return Host(name=name, target=target)
