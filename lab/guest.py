"""A machine of the lab: what is on its disk, who may log in, and the SSH server it has while it runs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from . import cloud_init, shell
from .cloud_init import AGENT_PACKAGE, GuestFile, Seed, home_of
from .key_scripts import KEY_FILES

PREFIX_LENGTH = 8
AUTHENTICATION = b"ssh-userauth"


def new_host_key() -> asyncssh.SSHKey:
    """A host key as a machine makes it at its first boot."""
    return asyncssh.generate_private_key("ssh-ed25519")


@dataclass(kw_only=True)
class Disk:
    """What outlives a reboot and what a snapshot keeps."""

    files: dict[str, GuestFile] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=lambda: {"root": "/root"})
    packages: tuple[str, ...] = ()
    hostname: str = "localhost"
    instance_id: str | None = None
    host_key: asyncssh.SSHKey = field(default_factory=new_host_key)

    def copy(self) -> "Disk":
        """The disk as it is now, for a snapshot."""
        return Disk(**{**vars(self), "files": dict(self.files), "users": dict(self.users)})


@dataclass(kw_only=True)
class Guest:
    """A VM (`qemu`) or container (`lxc`); `resource` is the API's side of it."""

    vmid: int
    kind: str
    resource: Any
    address: str
    disk: Disk = field(default_factory=Disk)
    saved: dict[str, Disk] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    boots: int = 0
    started_at: float | None = None
    listener: asyncssh.SSHAcceptor | None = None
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)

    @property
    def name(self) -> str:
        """As PVE lists it."""
        return str(self.resource.name)

    @property
    def is_up(self) -> bool:
        """Whether the machine itself runs, whatever the API says."""
        return self.started_at is not None

    @property
    def files(self) -> dict[str, GuestFile]:
        """Path to (mode, owner, content); what stands in it is what the machine has."""
        return self.disk.files

    @property
    def has_agent(self) -> bool:
        """Whether the QEMU guest agent is installed."""
        return AGENT_PACKAGE in self.disk.packages or getattr(self.resource, "agent_in_image", False)

    def run_cloud_init(self, seed: Seed) -> None:
        """Do what cloud-init does at a boot: nothing, unless this is a new instance."""
        if seed.instance_id == self.disk.instance_id:
            return
        if self.disk.instance_id is not None:
            self.disk.host_key = new_host_key()  # ssh_deletekeys is cloud-init's default
        birth = cloud_init.apply(seed)
        self.problems = birth.problems
        self.disk.instance_id = seed.instance_id
        self.disk.hostname = birth.hostname or self.disk.hostname
        self.disk.packages = tuple(sorted({*self.disk.packages, *birth.packages}))
        self.disk.users.update(birth.users)
        self.files.update(birth.files)
        for user, keys in birth.keys.items():
            self.add_keys(user, keys)

    def add_keys(self, user: str, keys: list[str]) -> None:
        """Append keys that are not there yet, as cloud-init merges them; no line is ever removed."""
        path = f"{self.home(user)}/{KEY_FILES[0]}"
        lines = self.files[path].content.decode().splitlines() if path in self.files else []
        lines += [key for key in keys if key and key not in lines]
        if lines:
            self.files[path] = GuestFile(
                0o600, f"{user}:{user}", "".join(f"{line}\n" for line in lines).encode()
            )

    def home(self, user: str) -> str:
        """Where a user's files are."""
        return self.disk.users.get(user, home_of(user))

    def login_users(self) -> list[str]:
        """Who has a key file, the one that people log in with first."""
        homes = {
            path.removesuffix(f"/{name}")
            for path in self.files
            for name in KEY_FILES
            if path.endswith(f"/{name}")
        }
        known = {self.home(user): user for user in self.disk.users}
        users = {known.get(home, home.rsplit("/", 1)[-1]) for home in homes}
        return sorted(users, key=lambda user: (user == "root", user))

    def authorized_keys(self, user: str) -> asyncssh.SSHAuthorizedKeys | None:
        """The user's keys as sshd reads them at a login: bad lines and files open to others do not count."""
        lines = [line for line in self._key_lines(user) if _is_key(line)]
        return asyncssh.import_authorized_keys("\n".join(lines)) if lines else None

    def may_write(self, user: str, path: str) -> bool:
        """Whether the user may write beside this file."""
        return user == "root" or path.startswith(f"{self.home(user)}/")

    def _key_lines(self, user: str) -> Iterator[str]:
        for name in KEY_FILES:
            file = self.files.get(f"{self.home(user)}/{name}")
            if file and not file.mode & 0o022 and file.owner.split(":")[0] in {user, "root"}:
                yield from file.content.decode("utf-8", "replace").splitlines()

    async def listen(self, port: int) -> None:
        """Take logins on the machine's address."""

        async def serve(process: asyncssh.SSHServerProcess[str]) -> None:
            await shell.serve(self, process)

        try:
            self.listener = await asyncssh.listen(
                self.address,
                port,
                server_factory=lambda: GuestLogin(self),
                server_host_keys=[self.disk.host_key],
                process_factory=serve,
                errors="surrogateescape",
            )
        except OSError as error:
            self.problems.append(f"no SSH on {self.address}:{port}: {error.strerror}")

    async def hang_up(self) -> None:
        """The machine is off: nothing listens, and who was logged in is gone."""
        self.started_at = None
        listener, self.listener = self.listener, None
        if listener:
            listener.close()
            await listener.wait_closed()
        connections = tuple(self.connections)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.wait_closed() for connection in connections))


class GuestLogin(asyncssh.SSHServer):
    """Public keys only, from the machine's own files, read anew at each login."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember who is logged in."""
        self._connection = conn
        self._guest.connections.add(conn)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget a session that is over."""
        if self._connection:
            self._guest.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        """Look the user's keys up; nobody comes in without one."""
        keys = self._guest.authorized_keys(username)
        if keys and self._connection:
            self._connection.set_authorized_keys(keys)
        return True

    def public_key_auth_supported(self) -> bool:
        """The only way in, even where no key is known."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Refuse a key that is in no file, and let the next one be offered in the same connection."""
        del username, key
        if self._connection:
            # paramiko asks for the service anew with each key: sshd grants that, asyncssh only once.
            self._connection._next_service = AUTHENTICATION  # noqa: SLF001  nothing public says it
        return False


def _is_key(line: str) -> bool:
    try:
        asyncssh.import_authorized_keys(line)
    except (ValueError, asyncssh.KeyImportError):
        return False
    return True
