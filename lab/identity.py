"""SSH keys and the files by which people's own `ssh` finds the lab's machines."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import asyncssh

from .guest import Guest
from .tls import write_private

HOST_ENTRY = """\
Host {name} {vmid}
  HostName {address}
  Port {port}
  User {user}
  IdentityFile "{identity}"
  IdentitiesOnly yes
  UserKnownHostsFile "{known_hosts}"
  StrictHostKeyChecking yes
"""


class Identity(NamedTuple):
    """A key pair on disk: the private key's path; the public one lies beside it as `.pub`."""

    path: Path
    public: str

    @property
    def authorized(self) -> asyncssh.SSHAuthorizedKeys:
        """As a server takes it."""
        return asyncssh.import_authorized_keys(self.public)


def make_identity(path: Path, comment: str) -> Identity:
    """A new ed25519 pair in OpenSSH's format, the private key readable by its owner only."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    write_private(path, key.export_private_key("openssh"))
    public = key.export_public_key("openssh").decode().strip()
    path.with_name(f"{path.name}.pub").write_text(f"{public}\n", "utf-8")
    return Identity(path, public)


def write_home(home: Path, identity: Identity, known_hosts: Iterable[str]) -> None:
    """A home whose ~/.ssh has the identity as a person's own key, and these lines of known_hosts."""
    directory = home / ".ssh"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(directory / "id_ed25519", identity.path.read_bytes())
    (directory / "id_ed25519.pub").write_text(f"{identity.public}\n", "utf-8")
    (directory / "known_hosts").write_text("".join(known_hosts), "utf-8")


def public_text(key: asyncssh.SSHKey) -> str:
    """A public key without a comment, as a known_hosts line wants it."""
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


def known_host(address: str, port: int, key: asyncssh.SSHKey) -> str:
    """One line of known_hosts."""
    return f"[{address}]:{port} {public_text(key)}\n"


def write_client_files(directory: Path, identity: Identity, guests: Iterable[Guest], port: int) -> None:
    """Write ssh_config and known_hosts for the guests that there are."""
    known = sorted(guests, key=lambda guest: guest.vmid)
    hosts = [known_host(guest.address, port, guest.disk.host_key) for guest in known]
    known_hosts = _replace(directory / "known_hosts", hosts)
    common = {"port": port, "identity": str(identity.path), "known_hosts": known_hosts}
    entries = [
        HOST_ENTRY.format(
            name=guest.name,
            vmid=guest.vmid,
            address=guest.address,
            user=(guest.login_users() or ["root"])[0],
            **common,
        )
        for guest in known
    ]
    _replace(directory / "ssh_config", entries)


def _replace(path: Path, lines: Iterable[str]) -> str:
    """Write the whole file at once, for somebody may read it now; return its path."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text("".join(lines), "utf-8")
    fresh.replace(path)
    return str(path)
