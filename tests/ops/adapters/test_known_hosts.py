"""Host keys are known as OpenSSH knows them."""

import base64
import subprocess
from dataclasses import dataclass

import pytest

from ops.adapters.known_hosts import KnownHosts, from_console
from ops.errors import HostKeyError, LifecycleError


@dataclass
class Key:
    """A server's key."""

    number: int
    kind: str = "ssh-ed25519"

    def get_name(self):
        """Its type."""
        return self.kind

    def asbytes(self):
        """Its blob."""
        fields = (self.kind.encode(), bytes([self.number]) * 32)
        return b"".join(len(each).to_bytes(4, "big") + each for each in fields)

    def __str__(self):
        return f"{self.kind} {base64.b64encode(self.asbytes()).decode()}"


RIGHT, WRONG = Key(1), Key(2)


@pytest.mark.parametrize(
    ("hosts", "port"),
    [
        ("web.example.org", 22),
        ("[web.example.org]:2222", 2222),
        ("other,web.example.org", 22),
        ("WEB.example.org", 22),
        ("*.example.org", 22),
        ("we?.example.org", 22),
        ("[*.example.org]:2222", 2222),
    ],
)
def test_a_host_is_found_under_each_kind_of_name(hosts, port):
    """Plain, with a port, among others, in other case, by pattern; and no other key will do."""
    book = KnownHosts.of(f"{hosts} {RIGHT} comment")
    book.check("web.example.org", port, RIGHT)
    with pytest.raises(HostKeyError, match="has changed"):
        book.check("web.example.org", port, WRONG)


@pytest.mark.parametrize(
    "line",
    [
        "[web]:2222 {key}",
        "web2 {key}",
        "# web {key}",
        "*,!web {key}",
        "|1|broken {key}",
        "web ssh-ed25519 ?",
        "web",
    ],
)
def test_what_is_not_about_the_host_does_not_make_it_known(line):
    """Another port, another name, a negated pattern, a line that is none."""
    with pytest.raises(HostKeyError, match="not known"):
        KnownHosts.of(line.format(key=RIGHT)).check("web", 22, RIGHT)


def test_names_that_openssh_has_hashed_are_recognised(tmp_path):
    """By ssh-keygen -H itself, with a port and without."""
    path = tmp_path / "known_hosts"
    path.write_text(f"web {RIGHT}\n[web]:2222 {WRONG}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", path], check=True, capture_output=True)
    assert "web" not in path.read_text()
    book = KnownHosts.read(path)
    book.check("web", 22, RIGHT)
    book.check("web", 2222, WRONG)
    with pytest.raises(HostKeyError):
        book.check("web", 2222, RIGHT)


def test_one_of_several_keys_is_enough():
    """A host may have a key of each type; those that are known are asked for first."""
    rsa = Key(7, "ssh-rsa")
    book = KnownHosts.of(f"web {rsa}", f"web {RIGHT}")
    book.check("web", 22, RIGHT)
    assert book.types("web", 22) == ("ssh-rsa", "ssh-ed25519")


def test_a_revoked_key_is_refused_even_where_it_is_known():
    """Whatever else the file says, and with --accept-new as well."""
    book = KnownHosts.of(f"web {RIGHT}", f"@revoked * {RIGHT}")
    book.accept_new = True
    with pytest.raises(HostKeyError, match="@revoked"):
        book.check("web", 22, RIGHT)


def test_an_authority_alone_does_not_vouch_for_a_plain_key():
    """Host certificates are not read here, and that is said instead of accepting."""
    book = KnownHosts.of(f"@cert-authority *.example.org {RIGHT}")
    book.accept_new = True
    with pytest.raises(HostKeyError, match="certificate authority"):
        book.check("web.example.org", 22, RIGHT)


def test_accept_new_notes_an_unknown_host_and_never_a_changed_one(tmp_path):
    """The line is OpenSSH's, the file's mode stays; what stood there without a line end stays a line."""
    path = tmp_path / ".ssh" / "known_hosts"
    path.parent.mkdir()
    path.write_text(f"other {WRONG}")
    path.chmod(0o644)
    book = KnownHosts.read(path, accept_new=True)
    book.check("web", 2222, RIGHT)
    assert path.read_text() == f"other {WRONG}\n[web]:2222 {RIGHT}\n"
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(HostKeyError, match="has changed"):
        book.check("web", 2222, WRONG)
    KnownHosts.read(path).check("web", 2222, RIGHT)


def test_a_new_file_is_its_owners(tmp_path):
    """As OpenSSH makes it."""
    path = tmp_path / ".ssh" / "known_hosts"
    KnownHosts.read(path, accept_new=True).check("web", 22, RIGHT)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_hashed_name_is_known_in_any_case(tmp_path):
    """OpenSSH hashes the lower-case name: otherwise a changed host would be taken for a new one."""
    path = tmp_path / "known_hosts"
    path.write_text(f"web.example.org {RIGHT}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", path], check=True)
    book = KnownHosts.read(path, accept_new=True)
    book.check("Web.Example.ORG", 22, RIGHT)
    with pytest.raises(HostKeyError, match="has changed"):
        book.check("Web.Example.ORG", 22, WRONG)


def test_without_accept_new_nothing_is_written(tmp_path):
    """Not even the file."""
    path = tmp_path / "known_hosts"
    with pytest.raises(HostKeyError, match="not known"):
        KnownHosts.read(path).check("web", 22, RIGHT)
    assert not path.exists()


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    """It is no empty file: with --accept-new that would accept anybody."""
    with pytest.raises(LifecycleError, match="cannot be read"):
        KnownHosts.read(tmp_path)


CONSOLE = """\
[   12.1] cloud-init[600]: -----BEGIN SSH HOST KEY KEYS-----
{old}
-----END SSH HOST KEY KEYS-----
[   14.2] cloud-init[601]: -----BEGIN SSH HOST KEY FINGERPRINTS-----
ci-info: 256 SHA256:abc root@web (ED25519)
-----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----\r
[   14.3] cloud-init[601]: {rsa} root@web\r
{key} root@web\r
-----END SSH HOST KEY KEYS-----\r
"""


def test_keys_that_cloud_init_printed_are_pinned():
    """Those of the last boot that printed any, whatever the console put before them."""
    text = CONSOLE.format(old=WRONG, rsa=Key(7, "ssh-rsa"), key=RIGHT)
    lines = from_console(text, ["web", "[192.0.2.1]:22"])
    assert lines == [f"web,[192.0.2.1]:22 {Key(7, 'ssh-rsa')}", f"web,[192.0.2.1]:22 {RIGHT}"]
    with pytest.raises(HostKeyError):
        KnownHosts.of(*lines).check("web", 22, WRONG)


def test_a_console_without_keys_pins_nothing():
    """An empty log is not an empty list of keys that would do."""
    assert from_console("login: ", ["web"]) == []
