"""The new key is proved by itself: nothing else that opens the door counts, and doubt keeps the old key."""

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager

import pytest

from tests.rotation.farm import new_key, public

pytestmark = pytest.mark.system


def _revoke(host, key):
    """Make sshd refuse a key wherever it stands."""
    shutil.copy(f"{key}.pub", host.path("/etc/ssh/revoked"))
    host.configure("RevokedKeys /etc/ssh/revoked")
    host.reboot()


@contextmanager
def _agent(folder, key):
    """An ssh-agent that holds a key; gives the environment that leads to it."""
    socket = folder / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as agent:
        try:
            while not socket.exists():
                assert agent.poll() is None
            environ = {"SSH_AUTH_SOCK": str(socket)}
            subprocess.run(["ssh-add", "-q", key], env=os.environ | environ, check=True)
            yield environ
        finally:
            agent.terminate()


@contextmanager
def _master(home, host, key):
    """A multiplexed session that is open, as a person's ~/.ssh/config makes them."""
    with tempfile.TemporaryDirectory() as short:  # a socket's path has 107 bytes at most
        (home / ".ssh/config").write_text(
            f"Host *\nControlMaster auto\nControlPath {short}/%h\nControlPersist 60\n"
            f"IdentityFile {key}\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
        )
        ssh = ["ssh", "-F", home / ".ssh/config", "-p", str(host.port), f"root@{host.address}"]
        subprocess.run([*ssh, "true"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            subprocess.run([*ssh[:3], "-O", "exit", *ssh[3:]], check=True, capture_output=True)


def test_the_old_key_at_hand_does_not_vouch_for_a_broken_new_one(farm, rotate, home, tmp_path, old, new):
    """In an agent, in ~/.ssh and in a multiplexed session: the new key is refused, so the old one stays."""
    (host,) = farm.grow(1, keys=[old])
    _revoke(host, new)
    before = host.key_file().read_bytes()
    shutil.copy(old, home / ".ssh/id_ed25519")
    with _agent(tmp_path, old) as environ, _master(home, host, old):
        code, said = rotate(environ=environ)
    assert code == 1, said
    assert "the new key does not log in" in " ".join(said.split()), "it was only found out after the removal"
    assert host.takes(old)
    assert host.key_file().read_bytes() == before


def test_one_that_refuses_the_new_key_keeps_the_old_one_and_the_others_go_on(farm, rotate, old, new):
    """The report names it, its file is as it was, and the fleet is rotated."""
    first, odd, last = farm.grow(3, keys=[old])
    _revoke(odd, new)
    before = odd.key_file().read_bytes()
    code, said = rotate("--max-failures", "3")
    assert code == 1, said
    assert re.search(rf"^{odd.name} +failed +the new key does not", said, re.MULTILINE)
    assert farm.who_takes(old) == {odd.name}
    assert farm.who_takes(new) == {first.name, last.name}
    assert odd.key_file().read_bytes() == before


def test_a_forced_command_is_carried_over_and_never_taken_for_a_shell(farm, rotate, old, new):
    """A key that may run one command cannot rotate itself: refused, and the file is as it was."""
    (host,) = farm.grow(1)
    host.write_keys(f'command="echo no" {public(old)}\n')
    before = host.key_file().read_bytes()
    code, said = rotate()
    assert code == 1, said
    assert host.key_file().read_bytes() == before


def test_a_node_of_proxmox_is_refused(farm, rotate, old, new):
    """Its key file is the cluster's: a symlink that is neither replaced nor followed."""
    (node,) = farm.grow(1)
    shared = node.path("/etc/pve/priv")
    shared.mkdir(parents=True)
    (shared / "authorized_keys").write_text(f"{public(old)}\n")
    node.key_file().symlink_to("/etc/pve/priv/authorized_keys")
    code, said = rotate()
    assert code == 1, said
    assert "Proxmox VE node" in " ".join(said.split())
    assert (shared / "authorized_keys").read_text() == f"{public(old)}\n"
    assert str(node.key_file().readlink()) == "/etc/pve/priv/authorized_keys"
    assert {path.name for path in node.key_file().parent.iterdir()} == {"authorized_keys"}
    assert node.takes(old)


def test_another_host_key_is_refused_before_anything_is_written(farm, rotate, old, new):
    """Reinstalled or somebody in between: exit 1, the file is as it was."""
    (host,) = farm.grow(1, keys=[old])
    farm.known_hosts = lambda: _known_as(farm, host)
    code, said = rotate()
    assert code == 1, said
    assert host.key_file().read_text() == f"{public(old)}\n"


def _known_as(farm, host):
    (stranger,) = farm.grow(1)
    path = farm.folder / "known_hosts"
    path.write_text(f"[{host.address}]:{host.port} {stranger.host_key}\n")
    return path


def test_a_certificate_beside_the_removed_key_is_tried_as_ssh_would(farm, rotate, tmp_path, old, new):
    """The bare key is refused and its certificate opens still: that is no success, and it is told."""
    authority = new_key(tmp_path / "authority")
    (host,) = farm.grow(1, keys=[old], settings=["TrustedUserCAKeys /etc/authority.pub"])
    host.path("/etc/authority.pub").write_text(f"{public(authority)}\n")
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "x", "-n", "root", f"{old}.pub"], check=True)
    code, said = rotate()
    assert host.takes(old)
    assert (code, "still logs in" in " ".join(said.split())) == (1, True), said
    host.path("/etc/authority.pub").write_text(f"{public(new)}\n")
    code, said = rotate()
    assert code == 0, said
    assert not host.takes(old)
