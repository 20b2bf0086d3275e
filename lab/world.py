"""The embedded world: one object that serves the API, the nodes and the guests, and stops them all."""

import asyncio
import contextlib
import json
import secrets
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from .accounts import Accounts, open_accounts
from .fleet import Fleet
from .guest import Guest
from .identity import Identity, known_host, make_identity, public_text, write_client_files, write_home
from .journal import Journal, Request
from .loop import LoopThread
from .node import USER, Node, NodeCommand, NodeLog, Provisioned
from .node_words import STORAGE_PATH
from .ports import API_ADDRESS, reserve_guest_port
from .preload import preload
from .pve import LabPve
from .tls import Certificates, make_certificates

T = TypeVar("T")


class World:
    """A cluster with nodes and guests that answer, in this process; use it as a context manager.

    `time_scale` is fakepve's: PVE seconds to real ones, 0 ends every task before its request is answered.
    `port` is the API's and `guest_port` the guests', 0 for any free one; not given, it is 2222 if free.
    Everything that is written lies in `directory`, by default a temporary one that goes with the world.
    """

    pve: LabPve
    fleet: Fleet
    accounts: Accounts
    identity: Identity
    node_identity: Identity
    certificates: Certificates
    nodes: dict[str, Node]
    _thread: LoopThread

    def __init__(
        self,
        directory: Path | None = None,
        *,
        nodes: tuple[str, ...] = ("pve1",),
        time_scale: float = 0.0,
        port: int = 0,
        guest_port: int | None = None,
    ) -> None:
        self._cleanup = contextlib.ExitStack()
        self._given_directory = directory
        self.directory = Path()
        self._node_names = nodes
        self._time_scale = time_scale
        self._port = port
        self._guest_port = guest_port
        self.root_password = secrets.token_hex(8)
        self.log = NodeLog()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Serve; everything listens when this returns."""
        self._thread = LoopThread("lab-world")
        self._cleanup.callback(self._thread.close)
        try:
            self._prepare()
            self._thread.run(self._open())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop everything; nothing listens and no thread runs when this returns."""
        self._cleanup.close()

    def _prepare(self) -> None:
        made = self._given_directory or Path(
            self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="lab-"))
        )
        made.mkdir(parents=True, exist_ok=True)
        self.directory = made.resolve()
        self.certificates = make_certificates(self.directory / "tls", API_ADDRESS, self._node_names)
        self.identity = make_identity(self.directory / "identity", "operator@lab")
        self.node_identity = make_identity(self.directory / "node_identity", "provider@lab")

    async def _open(self) -> None:
        storage = self.directory / "node" / STORAGE_PATH.lstrip("/")
        self.pve = LabPve(host=API_ADDRESS, port=self._port, password=self.root_password, storage=storage)
        self.pve.time_scale = self._time_scale
        preload(self.pve, self._node_names)
        self.accounts = open_accounts(self.pve)
        self.fleet = Fleet(self.pve, self._guest_port_number(), self._write_client_files)
        self._at_close(self.fleet.close)
        self.nodes = {}
        address = f"127.65.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        for name in self._node_names:
            node = Node(name=name, pve=self.pve, fleet=self.fleet, log=self.log, root=self.directory / "node")
            await node.listen(address, self.node_identity.authorized)
            self._at_close(node.close)
            self.nodes[name] = node
        await self.pve.start(str(self.certificates.certificate), str(self.certificates.key))
        self._at_close(self.pve.stop)
        watch = asyncio.create_task(self.fleet.watch())
        self._at_close(lambda: _cancel(watch))
        self._write_home()
        self._write_client_files()

    def _guest_port_number(self) -> int:
        reserved = reserve_guest_port(self._guest_port)
        self._cleanup.callback(reserved.close)
        return int(reserved.getsockname()[1])

    def _write_home(self) -> None:
        """A home for the provider, which appends each host key that it meets to $HOME/.ssh/known_hosts."""
        lines = [known_host(node.address, node.port, node.host_key) for node in self.nodes.values()]
        write_home(self.home, self.identity, lines)

    def _write_client_files(self) -> None:
        write_client_files(self.directory, self.identity, self.fleet.guests.values(), self.fleet.port)

    def _at_close(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._cleanup.callback(lambda: self._thread.run(work()))

    @property
    def endpoint(self) -> str:
        """The API's address."""
        return str(self.pve.url)

    @property
    def home(self) -> Path:
        """A HOME for the engine's process, with the nodes' host keys in .ssh/known_hosts."""
        return self.directory / "home"

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`: one entry a guest, by name and by vmid."""
        return self.directory / "ssh_config"

    @property
    def guest_port(self) -> int:
        """Where every guest takes SSH."""
        return self.fleet.port

    @property
    def requests(self) -> Journal:
        """Every request to the API; `writes()` and `of(vmid)` choose."""
        return self.pve.journal

    @property
    def commands(self) -> list[NodeCommand]:
        """Every command line that a node got."""
        return self.log.commands

    @property
    def provisioned(self) -> list[Provisioned]:
        """Every `pct exec` that reached a running container."""
        return self.log.provisioned

    def writes(self, vmid: int | None = None) -> list[Request]:
        """Requests that asked for a change, of one guest or of all."""
        return self.requests.writes(vmid)

    def call(self, work: Callable[[], T]) -> T:
        """Do something with `pve` in its own thread; the guests have followed when this returns."""

        async def there() -> T:
            done = work()
            await self.fleet.follow_all()
            return done

        return self._thread.run(there())

    def reconcile(self) -> None:
        """Bring every guest in line with the API now."""
        self._thread.run(self.fleet.follow_all())

    def guest(self, name_or_vmid: str | int) -> Guest:
        """A guest by name or vmid; raises KeyError if there is none."""
        for guest in tuple(self.fleet.guests.values()):
            if name_or_vmid in {guest.vmid, guest.name, str(guest.vmid)}:
                return guest
        raise KeyError(name_or_vmid)

    def guest_address(self, name_or_vmid: str | int) -> str:
        """Where a guest is reached, at `guest_port`."""
        return self.guest(name_or_vmid).address

    def wait_for_guest(self, name_or_vmid: str | int, seconds: float = 10.0) -> Guest:
        """The guest, as soon as it takes logins and stands in the client files; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(KeyError):
                guest = self.guest(name_or_vmid)
                if guest.listener is not None:
                    self.reconcile()
                    return guest
            time.sleep(0.01)
        raise TimeoutError(f"guest {name_or_vmid} takes no logins after {seconds} seconds")

    def environment(self) -> dict[str, str]:
        """What the program, the provider and the operations read, under the provider's own names.

        HOME is not among them: LAB_HOME is one to start the engine with, so that the provider does not write
        the nodes' host keys into a person's own known_hosts.
        """
        nodes = {
            node.name: {"address": node.address, "port": node.port, "host_key": public_text(node.host_key)}
            for node in self.nodes.values()
        }
        bundle = str(self.certificates.bundle)
        return {
            "PROXMOX_VE_ENDPOINT": self.endpoint,
            "PROXMOX_VE_API_TOKEN": self.accounts.deployment,
            "PROXMOX_VE_INSECURE": "false",
            "PROXMOX_VE_SSH_AGENT": "false",
            "PROXMOX_VE_SSH_USERNAME": USER,
            "PROXMOX_VE_SSH_PRIVATE_KEY": self.node_identity.path.read_text("utf-8"),
            "PROXMOX_VE_SSH_NODES": json.dumps(nodes),
            "SSL_CERT_FILE": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
            "PVE_LIFECYCLE_SSH_PORT": str(self.guest_port),
            "PVE_LIFECYCLE_KNOWN_HOSTS": str(self.directory / "known_hosts"),
            "LAB_OPERATIONS_API_TOKEN": self.accounts.operations,
            "LAB_IDENTITY": str(self.identity.path),
            "LAB_HOME": str(self.home),
        }


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
