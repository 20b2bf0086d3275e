"""A fleet of real machines as SSH sees them: one sshd of Debian each, on loopback addresses of its own.

with open_farm(folder) as farm:
    key = new_key(folder / "old")
    hosts = farm.grow(60, keys=[key])

Needs root on Debian; `machine.missing()` says why not. When the process that opened it ends, however it ends,
the kernel ends every machine. Call from a thread that lasts: a machine dies with the thread that started it.
"""

import itertools
import secrets
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.rotation import machine
from tests.rotation.host import Host


def new_key(path: Path, kind: str = "ed25519") -> Path:
    """Make a key pair; `path` is the private half, the public one lies beside it as `.pub`."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", path.name, "-f", path], check=True, timeout=60
    )
    return path


def public(key: Path) -> str:
    """The public half's line, without a line end."""
    return key.with_name(f"{key.name}.pub").read_text().strip()


class Farm:
    """Machines that are all switched off at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[Host] = []
        self._addresses = (
            f"127.{octet}.{number >> 8}.{number & 255}"
            for octet in [66 + secrets.randbelow(100)]
            for number in itertools.count(256 * secrets.randbelow(200) + 1)
            if number & 255 not in {0, 255}
        )

    def address(self) -> str:
        """A loopback address that no machine of the farm has."""
        return next(self._addresses)

    def grow(
        self,
        count: int,
        *,
        keys: Sequence[Path] = (),
        user: str = "root",
        settings: Iterable[str] = (),
        root: Path = Path("/"),
    ) -> list[Host]:
        """Start more machines, whose user has these keys; `settings` are lines for sshd_config."""
        settings = tuple(settings)
        fresh = [self._make(keys, user, settings) for _ in range(count)]
        for host in fresh:
            host.root = root
            host.start()
        for host in fresh:
            host.wait()
        return fresh

    def _make(self, keys: Sequence[Path], user: str, settings: tuple[str, ...]) -> Host:
        name = f"host{len(self.hosts) + 1:03}"
        host = Host(name=name, address=self.address(), folder=self.folder / name)
        host.folder.mkdir(parents=True)
        machine.make_etc(host.folder / "etc", name)
        machine.make_homes(host.folder)
        machine.make_sshd(host.folder / "etc/ssh", host.address, host.port)
        host.configure(*settings)
        if keys:
            host.write_keys("".join(f"{public(key)}\n" for key in keys), user)
        self.hosts.append(host)
        return host

    def known_hosts(self) -> Path:
        """A known_hosts file for all machines, written anew."""
        path = self.folder / "known_hosts"
        path.write_text("".join(host.known_host for host in self.hosts))
        return path

    def inventory(self, user: str = "root", hosts: Sequence[Host] = ()) -> Path:
        """A file for `--hosts`: name, address, port and user of all machines, or of some."""
        path = self.folder / "inventory"
        lines = [f"{host.name} {host.address} {host.port} {user}\n" for host in hosts or self.hosts]
        path.write_text("".join(lines))
        return path

    def who_takes(self, key: Path, user: str = "root", hosts: Sequence[Host] = ()) -> set[str]:
        """The names of the machines that this key opens, by OpenSSH's own word."""
        asked = hosts or self.hosts
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda host: host.takes(key, user), asked)
            return {host.name for host, yes in zip(asked, answers, strict=True) if yes}


@contextmanager
def open_farm(folder: Path) -> Iterator[Farm]:
    """An empty farm; whatever grows in it is gone afterwards."""
    machine.provide()
    farm = Farm(folder)
    with ExitStack() as stack:
        stack.callback(lambda: [host.stop() for host in farm.hosts])
        yield farm
