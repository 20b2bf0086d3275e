"""A world for each test and the clients that people have."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest
import requests

from lab.world import World

USER_DATA = """\
#cloud-config
hostname: {name}
users:
  - name: ada
    ssh_authorized_keys: ["{key}"]
packages: [qemu-guest-agent]
write_files:
  - path: /etc/motd
    content: born as {name}
"""
META_DATA = "instance-id: {id}\nlocal-hostname: {name}\n"
CONTAINER_TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"


class Api:
    """A client of the API with one token, TLS verified by the lab's bundle."""

    def __init__(self, world: World, token: str) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = world.environment()["SSL_CERT_FILE"]
        self.session.headers["Authorization"] = f"PVEAPIToken={token}"
        self.base = f"{world.endpoint}/api2/json"

    def ask(self, method: str, path: str, **parameters: object) -> requests.Response:
        """Answer as it came."""
        place = "params" if method in {"GET", "DELETE"} else "data"
        return self.session.request(method, self.base + path, **{place: parameters}, timeout=10)

    def data(self, method: str, path: str, **parameters: object) -> Any:
        """Answer's data; an error raises."""
        answer = self.ask(method, path, **parameters)
        answer.raise_for_status()
        return answer.json()["data"]

    def task(self, method: str, path: str, **parameters: object) -> str:
        """How the task ended that the request started."""
        upid = self.data(method, path, **parameters)
        return self.data("GET", f"/nodes/{upid.split(':')[1]}/tasks/{upid}/status")["exitstatus"]


@pytest.fixture
def world() -> Iterator[World]:
    """A running world; its guests listen at a port of their own."""
    with World(guest_port=0) as running:
        yield running


@pytest.fixture
def open_api(world: World) -> Iterator[Callable[[str], Api]]:
    """Make a client of the API with a token."""
    with contextlib.ExitStack() as stack:

        def opened(token: str) -> Api:
            api = Api(world, token)
            stack.callback(api.session.close)
            return api

        yield opened


@pytest.fixture
def api(world: World, open_api: Callable[[str], Api]) -> Api:
    """A client with the deployment's token."""
    return open_api(world.accounts.deployment)


@pytest.fixture
def put_snippet(on_node: Callable[..., tuple[int, bytes]]) -> Callable[[str, str], str]:
    """Write a snippet as the provider does: over SSH, through sudo and tee."""

    def put(name: str, text: str) -> str:
        script = f"export TRY_SUDO_USE_SUDO=1; try_sudo /usr/bin/tee /var/lib/vz/snippets/{name}"
        assert on_node(f"/bin/bash -c '{script}'", text.encode()) == (0, text.encode())
        return f"local:snippets/{name}"

    return put


@pytest.fixture
def make_vm(world: World, api: Api, put_snippet: Callable[[str, str], str]) -> Callable[..., int]:
    """A VM born from snippets, as the program declares one."""

    def make(
        name: str = "web", vmid: int = 101, key: str = "", instance: str = "one", **extra: object
    ) -> int:
        put_snippet(f"{name}.yaml", USER_DATA.format(name=name, key=key or world.identity.public))
        put_snippet(f"{name}-meta.yaml", META_DATA.format(name=name, id=instance))
        custom = f"user=local:snippets/{name}.yaml,meta=local:snippets/{name}-meta.yaml"
        options: dict[str, object] = {
            "name": name,
            "agent": "enabled=1",
            "scsi0": "local-lvm:8",
            "ide2": "local-lvm:cloudinit",
            "net0": "model=virtio,bridge=vmbr0",
            "ipconfig0": "ip=dhcp",
            "cicustom": custom,
        }
        given = {name: value for name, value in (options | extra).items() if value != ""}
        assert api.task("POST", "/nodes/pve1/qemu", vmid=vmid, **given) == "OK"
        return vmid

    return make


@pytest.fixture
def make_container(world: World, api: Api) -> Callable[..., int]:
    """A container with the operator's key for root."""

    def make(vmid: int = 201, name: str = "box", **extra: object) -> int:
        options: dict[str, object] = {
            "hostname": name,
            "ostemplate": CONTAINER_TEMPLATE,
            "rootfs": "local-lvm:4",
            "net0": "name=eth0,bridge=vmbr0,ip=dhcp",
            "ssh-public-keys": world.identity.public,
            "start": 1,
        }
        assert api.task("POST", "/nodes/pve1/lxc", vmid=vmid, **options | extra) == "OK"
        return vmid

    return make


@pytest.fixture
def on_node(world: World) -> Callable[..., tuple[int, bytes]]:
    """Run a command line on a node; standard error is appended to the output."""

    def run(line: str, stdin: bytes = b"", node: str = "pve1") -> tuple[int, bytes]:
        where = world.nodes[node]
        with connected(
            where.address, where.port, where.host_key, "pulumi", world.node_identity.path
        ) as client:
            sent, output, errors = client.exec_command(line, timeout=10)
            with contextlib.suppress(OSError):
                sent.write(stdin)
                sent.channel.shutdown_write()
            said = output.read() + errors.read()
            return output.channel.recv_exit_status(), said

    return run


@pytest.fixture
def log_in(world: World) -> Callable[..., str]:
    """Log in to a guest with one key and nothing else and run a command; raises what paramiko raises."""

    def run(name: str | int, user: str, line: str = "true", identity: Path | None = None) -> str:
        guest = world.guest(name)
        key = identity or world.identity.path
        with connected(guest.address, world.guest_port, guest.disk.host_key, user, key) as client:
            _, output, _ = client.exec_command(line, timeout=10)
            return output.read().decode()

    return run


@contextlib.contextmanager
def connected(
    address: str, port: int, host_key: asyncssh.SSHKey, user: str, identity: Path
) -> Iterator[paramiko.SSHClient]:
    """A client that trusts one host key and offers one key."""
    with paramiko.SSHClient() as client:
        known = paramiko.Ed25519Key(data=host_key.public_data)
        client.get_host_keys().add(f"[{address}]:{port}", "ssh-ed25519", known)
        key = paramiko.Ed25519Key.from_private_key_file(str(identity))
        client.connect(address, port, user, pkey=key, allow_agent=False, look_for_keys=False, timeout=10)
        yield client


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A key that nobody knows."""
    path = tmp_path / "stranger"
    path.touch(mode=0o600)
    path.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    return path
