"""The world as a whole: starts, says where it is, and leaves nothing behind."""

import json
import socket
import stat
import threading

import pytest
from proxmoxer import ProxmoxAPI

from lab.world import World


def test_close_leaves_nothing(make_vm_in) -> None:
    """No thread runs, nothing listens and no file is left when a world is closed."""
    before = set(threading.enumerate())
    with World(guest_port=0) as world:
        make_vm_in(world)
        assert set(threading.enumerate()) > before
        directory, endpoint = world.directory, ("127.0.0.1", world.pve.port)
        assert directory.is_dir()
    assert set(threading.enumerate()) <= before
    assert not directory.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(endpoint) != 0
        assert probe.connect_ex(("127.64.0.101", world.guest_port)) != 0


@pytest.fixture
def make_vm_in():
    """A running container in a world, without any client."""

    def make(world: World) -> None:
        world.call(lambda: world.pve.add_ct(101, "box", status="running"))
        assert world.wait_for_guest("box").listener

    return make


def test_the_environment_is_the_provider_s(world) -> None:
    """The names are the provider's own, and the node's host key is given."""
    environment = world.environment()
    nodes = json.loads(environment["PROXMOX_VE_SSH_NODES"])
    assert nodes["pve1"]["host_key"].startswith("ssh-ed25519 ")
    assert environment["PROXMOX_VE_API_TOKEN"].startswith("pulumi@pve!lab=")
    assert "HOME" not in environment
    known = world.home.joinpath(".ssh", "known_hosts").read_text()
    assert f"[{nodes['pve1']['address']}]:{nodes['pve1']['port']} {nodes['pve1']['host_key']}" in known


def test_private_keys_are_private(world) -> None:
    """Nobody else on the machine may read them."""
    for path in (world.identity.path, world.node_identity.path, world.certificates.key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_proxmoxer_works_as_against_pve(world) -> None:
    """The client of the operations reaches the API with its token, TLS verified."""
    name, secret = world.accounts.operations.split("=")
    user, token = name.split("!")
    client = ProxmoxAPI(
        "127.0.0.1",
        port=world.pve.port,
        user=user,
        token_name=token,
        token_value=secret,
        verify_ssl=str(world.certificates.ca),
    )
    with client._store["session"] as session:
        session.trust_env = False
        assert client.nodes.get()[0]["node"] == "pve1"


def test_two_worlds_do_not_meet() -> None:
    """A second lab takes other ports than the first."""
    with World() as one, World() as other:
        assert one.guest_port != other.guest_port
        assert one.endpoint != other.endpoint


def test_a_taken_guest_port_is_said(world) -> None:
    """An explicit port that is taken is refused, and nothing keeps running."""
    with pytest.raises(OSError, match="guest_port"), World(guest_port=world.guest_port):
        pass
    assert len([thread for thread in threading.enumerate() if thread.name == "lab-world"]) == 1


def test_tasks_take_time_where_asked(make_vm_in) -> None:
    """With a time scale a start takes as long as it is told, and the guest answers when it is over."""
    with World(guest_port=0, time_scale=0.01) as world:
        make_vm_in(world)
        assert world.guest("box").is_up
