"""SSH: one key, a known host, and failures that are told apart."""

import socket
import threading

import asyncssh
import pytest

from ops.adapters.ssh import Target, connect
from ops.adapters.ssh_keys import known_key, private_key
from ops.errors import AuthenticationError, HostKeyError, LifecycleError, UnreachableError

KINDS = {"ssh-ed25519": {}, "ecdsa-sha2-nistp256": {}, "ssh-rsa": {"key_size": 2048}}


@pytest.fixture
def target(node) -> Target:
    """The node, its host key given."""
    return Target(address="127.0.0.1", port=node.port, username="pulumi", host_key=node.public_host_key)


@pytest.fixture
def key(key_pair):
    """The key that the node takes."""
    return private_key(key_pair.private)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["openssh", "pkcs1-pem", "pkcs8-pem"])
def test_a_key_of_any_type_logs_in(kind, form, node, target):
    """Ed25519, ECDSA and RSA, in each format that the provider reads, with the line ends of any system."""
    if (kind, form) == ("ssh-ed25519", "pkcs1-pem"):
        form = "openssh"  # the older format does not know the newer key
    made = asyncssh.generate_private_key(kind, **KINDS[kind])
    node.authorized = made.export_public_key().decode()
    text = made.export_private_key(form).decode()
    with connect(target, private_key(text.replace("\n", "\r\n").strip())) as session:
        assert session.run("/usr/sbin/pvesm apiinfo").status == 0


def test_a_key_without_a_comment_is_read():
    """As `ssh-keygen -C ''` and Go's libraries write it; paramiko alone fails on every second one."""
    for _ in range(12):
        made = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        read = private_key(made.export_private_key("openssh").decode())
        assert read.get_base64() == made.export_public_key().decode().split()[1]


def test_a_command_gives_status_and_both_streams(node, target, key):
    """An exit status is a result and not an error; several commands share a connection."""
    node.answers["fails"] = (3, "why")
    with connect(target, key) as session:
        done = session.run("fails")
        assert (done.status, done.stdout, done.stderr) == (3, "", "why")
        assert session.run("/usr/sbin/pvesm apiinfo").stdout.startswith("APIVER")


def test_much_input_and_output_does_not_block(target, key):
    """Both streams are read side by side, beyond the size of a window."""
    given = b"x" * 3_000_000
    with connect(target, key) as session:
        done = session.run("echo", stdin=given)
    assert (len(done.stdout), len(done.stderr)) == (len(given), len(given))


def test_a_command_that_hangs_ends_at_its_time_limit(target, key):
    """Said as what it is: the command may go on there."""
    with connect(target, key) as session, pytest.raises(LifecycleError, match="did not end within 0 s"):
        session.run("hang", timeout=0.2)


def test_a_connection_that_breaks_is_not_an_exit_status(target, key):
    """Without an exit status nothing is known, and nothing is claimed."""
    with connect(target, key) as session, pytest.raises(UnreachableError):
        session.run("break")


def test_a_refused_key_is_an_authentication_error(node, target, key):
    """Only this is 'the key does not work'."""
    node.authorized = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(AuthenticationError, match="refused the key SHA256:"), connect(target, key):
        pass


def test_no_other_key_is_offered(target, key_pair, tmp_path, monkeypatch, caplog):
    """A key in ~/.ssh that would open the door stays there: one key is offered, the named one."""
    home = tmp_path / ".ssh"
    home.mkdir()
    (home / "id_ed25519").write_text(key_pair.private)
    monkeypatch.setenv("HOME", str(tmp_path))
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    caplog.set_level("DEBUG", logger="paramiko")
    with pytest.raises(AuthenticationError), connect(target, private_key(other)):
        pass
    refusals = [record.message for record in caplog.records if "publickey) failed" in record.message]
    assert len(refusals) == 1


def test_another_host_key_ends_before_the_login(node, target, key):
    """Whoever answers there is not given a login attempt."""
    logins = []
    node.begin_auth = lambda *arguments: logins.append(arguments)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    changed = Target(address="127.0.0.1", port=node.port, username="pulumi", host_key=other)
    with pytest.raises(HostKeyError, match="has changed"), connect(changed, key):
        pass
    assert logins == []


def test_an_unknown_host_is_refused(node, key, tmp_path):
    """Nothing is accepted on first sight, and no file is written."""
    known_hosts = tmp_path / "known_hosts"
    unknown = Target(address="127.0.0.1", port=node.port, username="pulumi", known_hosts=known_hosts)
    with pytest.raises(HostKeyError, match="not known"), connect(unknown, key):
        pass
    assert not known_hosts.exists()


def test_a_closed_port_is_unreachable(node, target, key):
    """No connection is never a rejected key."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    closed = Target(address="127.0.0.1", port=port, username="pulumi", host_key=node.public_host_key)
    with pytest.raises(UnreachableError, match="refused"), connect(closed, key):
        pass


def test_a_server_that_hangs_up_is_unreachable(node, key):
    """A penalty of sshd drops the connection before its banner: nothing is said about the key (G7)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        port = listener.getsockname()[1]
        dropping = Target(address="127.0.0.1", port=port, username="pulumi", host_key=node.public_host_key)
        with pytest.raises(UnreachableError), connect(dropping, key):
            pass
        thread.join()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"),
        ("canary-key", "cannot be read"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary-key\n-----END OPENSSH PRIVATE KEY-----",
            "cannot be read",
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\ncanary-key\n-----END RSA PRIVATE KEY-----", "cannot be read"),
        ("ssh-ed25519 AAAAcanary-key", "cannot be read"),
    ],
)
def test_a_malformed_key_is_refused_without_being_shown(text, words):
    """It may be all but one character of a real one."""
    with pytest.raises(LifecycleError, match=words) as caught:
        private_key(text)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_with_a_passphrase_is_recognised():
    """Nobody is there to type it."""
    made = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_private_key(
        "pkcs1-pem", passphrase="x"
    )
    with pytest.raises(LifecycleError, match="passphrase"):
        private_key(made.decode())


@pytest.mark.parametrize("form", ["{kind} {blob}", "{kind} {blob} root@pve1", "192.0.2.10 {kind} {blob}"])
def test_a_host_key_line_may_carry_more(form, node):
    """As in the .pub file, as in known_hosts."""
    kind, blob = node.public_host_key.split()[:2]
    assert known_key(form.format(kind=kind, blob=blob)).get_base64() == blob
