"""A public key is taken as it is, and everything else is refused without being repeated."""

import pytest

from ops.core.keys import KeyProblem, parse_public_key

SECRET = "c2VjcmV0LWNhbmFyeQ"


def test_a_key_is_read_back_as_it_was(public_key, another_public_key):
    """Reading and writing a line are inverses."""
    assert str(parse_public_key(f"  {public_key}\n")) == public_key
    assert str(parse_public_key(another_public_key)) == another_public_key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n", "private key"),
        (f"PuTTY-User-Key-File-3: ssh-ed25519 {SECRET}", "private key"),
        (SECRET, "no public key"),
        (f"ssh-dss {SECRET}", "key type"),
        (f"ssh-ed25519 {SECRET}*", "not base64"),
        (f"ssh-ed25519 {SECRET}==", "does not hold a key"),
        (f'command="{SECRET}" ssh-ed25519 AAAA', "key type"),
        ("", "no public key"),
    ],
)
def test_what_is_no_public_key_is_refused_without_being_repeated(text, reason):
    """The reason is said; the text, which may be a secret, is not."""
    with pytest.raises(KeyProblem, match=reason) as caught:
        parse_public_key(text)
    assert SECRET not in str(caught.value)


def test_two_lines_are_refused(public_key):
    """One entry is one key."""
    with pytest.raises(KeyProblem, match="more than one line"):
        parse_public_key(f"{public_key}\n{public_key}")


def test_a_key_of_another_type_is_refused(public_key):
    """The type in front must be the one inside (RFC 4253, 6.6)."""
    with pytest.raises(KeyProblem, match="type in front"):
        parse_public_key(public_key.replace("ssh-ed25519", "ssh-rsa", 1))


@pytest.mark.parametrize("cut", range(4, 60, 4))
def test_a_key_cut_short_is_refused(public_key, cut):
    """A line that lost its end while it was copied would lock everybody out."""
    kind, encoded, _ = public_key.split()
    with pytest.raises(KeyProblem):
        parse_public_key(f"{kind} {encoded[:-cut]}")
