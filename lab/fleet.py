"""The lab's machines: each follows what the API says about it, from birth to destruction."""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Callable
from typing import Any

from .cloud_init import GuestFile
from .guest import PREFIX_LENGTH, Disk, Guest
from .pve import BootError, LabPve
from .seed import has_cloud_init_drive, seed_of, static_address

LOG = logging.getLogger("lab")
POLL_SECONDS = 0.05  # for what changes without a task: HA, and tests that set a status by hand
UNUSED_IPV6 = int(ipaddress.IPv6Address("fd6c:6162::"))
ROLLBACKS = frozenset({"qmrollback", "vzrollback"})


class Fleet:
    """All machines by vmid; `settled` is called once a look in which one came, went, started or stopped."""

    def __init__(self, pve: LabPve, port: int, settled: Callable[[], None]) -> None:
        self.guests: dict[int, Guest] = {}
        self._pve = pve
        self._port = port
        self._settled = settled
        self._has_changed = False
        self._locks: dict[int, asyncio.Lock] = {}
        pve.observer = self

    @property
    def port(self) -> int:
        """Where every guest takes SSH."""
        return self._port

    def addresses(self, vmid: int) -> tuple[str, ...]:
        """The addresses of a running guest with prefix length.

        The provider takes loopback addresses for 'no address yet' and would wait for minutes: a private IPv6
        address, where nothing listens, ends its waiting.
        """
        guest = self.guests.get(vmid)
        if guest is None or not guest.is_up:
            return ()
        quiet = ipaddress.IPv6Address(UNUSED_IPV6 + vmid)
        return (f"{guest.address}/{PREFIX_LENGTH}", f"{quiet}/64")

    async def follow_all(self) -> None:
        """Bring every machine in line with the API; one that cannot start is stopped there."""
        known = {resource.vmid for resource in (*self._pve.vms, *self._pve.cts)}
        try:
            for vmid in known | set(self.guests):
                try:
                    await self._follow(vmid, "")
                except BootError as error:
                    LOG.warning("guest %s does not start: %s", vmid, error)
        finally:
            self._tell()

    async def watch(self) -> None:
        """Follow until cancelled."""
        while True:
            await self.follow_all()
            await asyncio.sleep(POLL_SECONDS)

    async def follow(self, vmid: int, done: str) -> None:
        """Bring one machine in line with the API after a task of the type `done`."""
        try:
            await self._follow(vmid, done)
        finally:
            self._tell()

    async def close(self) -> None:
        """Switch everything off."""
        for guest in self.guests.values():
            await guest.hang_up()

    def _tell(self) -> None:
        """Tell of what has changed since this was last told; what it costs grows with the whole fleet."""
        if self._has_changed:
            self._has_changed = False
            self._settled()

    async def _follow(self, vmid: int, done: str) -> None:
        async with self._locks.setdefault(vmid, asyncio.Lock()):
            resource = self._pve.guest(vmid)
            guest = self.guests.get(vmid)
            if guest and guest.resource is not resource:
                await self._remove(guest)
                guest = None
            if resource is None or resource.template:
                return
            await self._bring(guest or self._add(resource), done)

    async def _bring(self, guest: Guest, done: str) -> None:
        resource = guest.resource
        _keep_snapshots(guest)
        if done in ROLLBACKS and resource.config.get("parent") in guest.saved:
            await guest.hang_up()
            guest.disk = guest.saved[resource.config["parent"]].copy()
        wanted = (resource.started_at or 0.0) if resource.status == "running" else None
        if guest.started_at == wanted:
            return
        if guest.is_up:
            await guest.hang_up()
        if wanted is not None:
            await self._boot(guest, wanted)
        self._has_changed = True

    async def _boot(self, guest: Guest, started_at: float) -> None:
        resource = guest.resource
        try:
            self._prepare(guest)
        except BootError:
            resource.status = "stopped"
            resource.started_at = None
            if guest.kind == "qemu":
                resource.qmpstatus = "stopped"
            raise
        guest.boots += 1
        guest.started_at = started_at
        await guest.listen(self._port)
        if guest.kind == "qemu":
            resource.agent = self._agent(guest)

    def _prepare(self, guest: Guest) -> None:
        config = guest.resource.config
        guest.address = static_address(config, "ipconfig0" if guest.kind == "qemu" else "net0") or _leased(
            guest.vmid
        )
        if guest.kind == "lxc":
            guest.disk.hostname = guest.name
        elif has_cloud_init_drive(config):
            guest.run_cloud_init(seed_of(config, self._pve.snippet))

    def _agent(self, guest: Guest) -> dict[str, Any] | None:
        """What the agent answers, if it is installed and the VM has its device."""
        enabled = str(guest.resource.config.get("agent", "0")).split(",")[0].removeprefix("enabled=")
        if not guest.has_agent or enabled != "1":
            return None
        entries = [_entry(cidr) for cidr in self.addresses(guest.vmid)]
        mac = str(guest.resource.config.get("net0", "")).partition("=")[2].split(",")[0].lower()
        lo = {"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [_entry("127.0.0.1/8")]}
        eth0 = {"name": "eth0", "hardware-address": mac, "ip-addresses": entries}
        return {"interfaces": [lo, eth0], "get-host-name": {"host-name": guest.disk.hostname}}

    def _add(self, resource: Any) -> Guest:
        kind = "qemu" if self._pve.vm(resource.vmid) is resource else "lxc"
        guest = Guest(vmid=resource.vmid, kind=kind, resource=resource, address=_leased(resource.vmid))
        keys = self._pve.birth_keys.get(resource.vmid, "").strip()
        if kind == "lxc" and keys:
            content = f"# --- BEGIN PVE ---\n{keys}\n# --- END PVE ---\n".encode()
            guest.files["/root/.ssh/authorized_keys"] = GuestFile(0o600, "root:root", content)
        self.guests[resource.vmid] = guest
        self._has_changed = True
        return guest

    async def _remove(self, guest: Guest) -> None:
        await guest.hang_up()
        with contextlib.suppress(KeyError):
            del self.guests[guest.vmid]
        self._has_changed = True


def _keep_snapshots(guest: Guest) -> None:
    complete = {name for name, about in guest.resource.snapshots.items() if not about.get("snapstate")}
    fresh: dict[str, Disk] = {name: guest.disk.copy() for name in complete - set(guest.saved)}
    guest.saved = {name: disk for name, disk in guest.saved.items() if name in complete} | fresh


def _leased(vmid: int) -> str:
    """The address that the lab's DHCP gives."""
    return f"127.64.{vmid >> 8 & 255}.{vmid & 255}"


def _entry(cidr: str) -> dict[str, object]:
    address, prefix = cidr.split("/")
    family = "ipv6" if ":" in address else "ipv4"
    return {"ip-address": address, "ip-address-type": family, "prefix": int(prefix)}
