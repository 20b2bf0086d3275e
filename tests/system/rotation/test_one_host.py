"""One real host at a time: where keys may lie, what a file keeps, and what sshd does to us."""

import os

import pytest

from ops.providers.ssh_keys import AuthorizedKeysProvider
from tests.rotation import machine
from tests.rotation.farm import new_key, public

pytestmark = pytest.mark.system


def _beside(file):
    return sorted(path.name for path in file.parent.iterdir())


def test_options_line_ends_mode_and_owner_are_kept(farm, old, new, report_of):
    """The new line has the old one's options; the rest is byte for byte what it was; no backup is left."""
    (host,) = farm.grow(1, keys=[old], user="ops")
    options = 'from="127.0.0.0/8",environment="A=\\"b, c\\""'
    rest = f"# {public(old)}\r\nssh-rsa AAAA {public(old)}\r\n"
    host.write_keys(f"{rest}{options} {public(old)}\r\n", "ops")
    file = host.key_file("ops")
    file.chmod(0o640)
    code, hosts = report_of(user="ops")
    assert code == 0, hosts
    assert file.read_bytes().decode() == f"{rest}{options} {public(new)}\r\n"
    assert (file.stat().st_mode & 0o7777, file.stat().st_uid) == (0o640, 4242)
    assert _beside(file) == ["authorized_keys"]


def test_every_file_that_sshd_reads_is_edited(farm, old, new, report_of):
    """One of root's, for a user who may use sudo, and one of his own."""
    settings = ["AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys2"]
    (host,) = farm.grow(1, keys=[old], user="ops", settings=settings)
    folder = host.path("/etc/ssh/keys")
    folder.mkdir(mode=0o755)
    (folder / "ops").write_text(f"{public(old)}\n")
    (folder / "ops").chmod(0o600)
    host.write_keys(f"{public(old)} again\n", "ops", number="2")
    host.write_keys(f"{public(old)} unread\n", "ops")
    os.chown(folder / "ops", 4242, 4242)
    code, hosts = report_of(user="ops")
    assert code == 0, hosts
    assert (folder / "ops").read_text() == f"{public(new)}\n"
    assert host.key_file("ops", "2").read_text() == ""
    assert host.key_file("ops").read_text() == f"{public(old)} unread\n"
    assert _beside(folder / "ops") == ["ops"]
    assert not host.takes(old, "ops")
    assert host.takes(new, "ops")


def test_a_symlink_stays_one(farm, old, new, report_of):
    """What it leads to is replaced."""
    (host,) = farm.grow(1, keys=[old])
    place = host.path("/home/ops/keys")
    place.write_text(f"{public(old)}\n")
    place.chmod(0o600)
    host.key_file().unlink()
    host.key_file().symlink_to("/home/ops/keys")
    host.path("/home/ops").chmod(0o755)
    os.chown(host.path("/home/ops"), 0, 0)
    os.chown(place, 0, 0)
    code, hosts = report_of()
    assert code == 0, hosts
    assert host.key_file().is_symlink()
    assert place.read_text() == f"{public(new)}\n"


def test_a_server_that_takes_one_attempt_is_rotated(farm, old, new, report_of):
    """MaxAuthTries 1: it hangs up after the refusal that is wanted, and the new key comes in by itself."""
    (host,) = farm.grow(1, keys=[old], settings=["MaxAuthTries 1"])
    for _ in range(2):
        code, hosts = report_of()
        assert code == 0, hosts
    assert host.takes(new)
    assert not host.takes(old)


def test_what_sshd_was_started_with_counts(farm, old, new, report_of, monkeypatch):
    """A configuration of its own (-f), and a Match on where it listens: the file that it reads is edited."""
    (host,) = farm.grow(1)
    host.stop()
    monkeypatch.setattr(machine, "START", machine.START.replace("-D -e", "-D -e -f /etc/own"))
    files = "Match LocalPort 2022\nAuthorizedKeysFile /etc/keys_%u\n"
    host.path("/etc/own").write_text(f"Port 2022\nListenAddress {host.address}\n{files}")
    host.path("/etc/keys_root").write_text(f"{public(old)}\n")
    host.start()
    host.wait()
    code, hosts = report_of()
    assert code == 0, hosts
    assert host.path("/etc/keys_root").read_text() == f"{public(new)}\n"


def test_root_needs_no_sudo(farm, old, new, report_of):
    """A file of another owner is root's to replace, on a machine without sudo as well; the owner stays."""
    (host,) = farm.grow(1, keys=[old], settings=["StrictModes no"])
    os.chown(host.key_file(), 4242, 4242)
    host.path("/etc/sudoers").write_text("")
    code, hosts = report_of()
    assert code == 0, hosts
    assert (host.key_file().stat().st_uid, host.key_file().read_text()) == (4242, f"{public(new)}\n")


def test_a_read_only_folder_is_left_as_it_is(farm, old, report_of):
    """A read-only mount, or chattr: the file is what it was, and so is the old key's way in."""
    (host,) = farm.grow(1, keys=[old])
    host.run("mount --bind /root/.ssh /root/.ssh && mount -o remount,bind,ro /root/.ssh")
    code, hosts = report_of()
    assert code == 1
    assert hosts[0]["verdict"] == "failed"
    assert host.takes(old)


def test_a_full_disk_is_left_as_it_is(farm, old, report_of):
    """Nothing is cut short: a new version arrives whole or not at all."""
    (host,) = farm.grow(1, keys=[old])
    host.run(
        "cp -a /root/.ssh /run/keys && mount -t tmpfs -o size=16k,mode=700 none /root/.ssh && "
        "cp -a /run/keys/. /root/.ssh/ && cat /dev/zero >/root/.ssh/ballast || true"
    )
    code, hosts = report_of()
    assert code == 1
    assert hosts[0]["verdict"] == "failed"
    assert host.takes(old)
    assert host.run("ls -A /root/.ssh").split() == ["authorized_keys", "ballast"]


def test_a_forced_command_is_left_alone(farm, old, report_of):
    """The old key runs a command of its own, whatever is asked for."""
    (host,) = farm.grow(1, keys=[old])
    host.write_keys(f'command="echo hello" {public(old)}\n')
    code, hosts = report_of()
    assert (code, hosts[0]["verdict"]) == (1, "refused")
    assert "forced command" in hosts[0]["words"]


def test_a_command_that_hands_out_keys_is_told(farm, old, new, report_of):
    """The removed key still logs in, by AuthorizedKeysCommand: found out by the proof, not assumed."""
    (host,) = farm.grow(
        1, keys=[old], settings=["AuthorizedKeysCommand /etc/hand-out", "AuthorizedKeysCommandUser root"]
    )
    host.path("/etc/hand-out").write_text(f"#!/bin/sh\necho {public(old)}\n")
    host.path("/etc/hand-out").chmod(0o755)
    code, hosts = report_of()
    assert (code, hosts[0]["verdict"]) == (1, "failed")
    assert "still logs in" in hosts[0]["words"]
    assert "AuthorizedKeysCommand is set to /etc/hand-out" in hosts[0]["notes"][0]
    assert host.takes(new)


def test_a_key_that_nobody_can_try_is_not_called_gone(farm, old, new, report_of, tmp_path):
    """A leaver's: AuthorizedKeysCommand still hands it out, and the private half is not at hand."""
    leaver = new_key(tmp_path / "leaver")
    settings = ["AuthorizedKeysCommand /etc/hand-out", "AuthorizedKeysCommandUser root"]
    (host,) = farm.grow(1, keys=[old, leaver], settings=settings)
    host.path("/etc/hand-out").write_text(f"#!/bin/sh\necho {public(leaver)}\n")
    host.path("/etc/hand-out").chmod(0o755)
    theirs = leaver.rename(tmp_path / "theirs")
    code, hosts = report_of("--remove-key", f"{leaver}.pub")
    assert host.key_file().read_text() == f"{public(new)}\n"
    assert host.takes(theirs)
    assert (code, hosts[0]["verdict"]) == (1, "unproven")


def test_a_host_without_files_of_keys_is_refused(farm, old, report_of):
    """`AuthorizedKeysFile none`: there is nothing to edit, and the others go on."""
    settings = [
        "AuthorizedKeysFile none",
        "AuthorizedKeysCommand /etc/hand-out",
        "AuthorizedKeysCommandUser root",
    ]
    (host,) = farm.grow(1, keys=[old], settings=settings)
    host.path("/etc/hand-out").write_text(f"#!/bin/sh\necho {public(old)}\n")
    host.path("/etc/hand-out").chmod(0o755)
    code, hosts = report_of()
    assert (code, hosts[0]["verdict"]) == (1, "refused")
    assert "AuthorizedKeysFile: none" in hosts[0]["words"]


def test_a_login_shell_that_chatters_does_no_harm(farm, old, new, report_of):
    """What ~/.bashrc writes is not taken for an answer."""
    (host,) = farm.grow(1, keys=[old])
    host.path("/root/.bashrc").write_text("echo Welcome; echo pve-keys; echo >&2 Beware; printf Hello\n")
    code, hosts = report_of()
    assert code == 0, hosts
    assert host.key_file().read_text() == f"{public(new)}\n"


def test_the_provider_keeps_the_keys_that_are_declared(farm, old, new, monkeypatch):
    """Created, changed, brought back after a drift; a delete never takes the last key."""
    (host,) = farm.grow(1, keys=[old], user="ops")
    monkeypatch.setenv("LIFECYCLE_SSH_IDENTITIES", f"{old}:{new}")
    provider = AuthorizedKeysProvider()
    provider.configure(None)
    props = {
        "guest": "web",
        "address": host.address,
        "port": host.port,
        "user": "ops",
        "host_key": host.host_key,
        "keys": [public(old), public(new)],
        "retired": [],
    }
    made = provider.create(props).outs
    assert host.key_file("ops").read_text() == f"{public(old)}\n{public(new)}\n"

    wanted = {**props, "keys": [public(new)], "retired": [public(old)]}
    held = provider.update("id", made, wanted).outs
    assert host.key_file("ops").read_text() == f"{public(new)}\n"

    host.write_keys(f"{public(new)}\n{public(old)}\n", "ops")
    seen = provider.read("id", held).outs
    assert provider.diff("id", seen, wanted).changes
    provider.update("id", seen, wanted)
    assert host.key_file("ops").read_text() == f"{public(new)}\n"

    provider.delete("id", wanted)
    assert host.key_file("ops").read_text() == f"{public(new)}\n"
