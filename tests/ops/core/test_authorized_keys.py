"""Only the lines that are meant change: of odd files, by diff, and by what ssh-keygen reads in them."""

import base64
import difflib
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.core import authorized_keys
from ops.core.authorized_keys import EditProblem, Line
from ops.core.keys import parse_public_key


def made(kind, number):
    """A public key of the type, as its line in a .pub file; the numbers make them differ."""
    fields = {
        "ssh-ed25519": [bytes([number]) * 32],
        "ssh-rsa": [b"\x01\x00\x01", b"\x00" + bytes([128 + number]) * 256],
        "ecdsa-sha2-nistp256": [b"nistp256", b"\x04" + bytes([number]) * 64],
        "sk-ssh-ed25519@openssh.com": [bytes([number]) * 32, b"ssh:"],
        "ssh-mldsa44-ed25519@openssh.com": [bytes([number]) * 1344],
    }[kind]
    blob = b"".join(len(each).to_bytes(4, "big") + each for each in (kind.encode(), *fields))
    return f"{kind} {base64.b64encode(blob).decode()}"


OLD, NEW, ADA = (made("ssh-ed25519", number) for number in (1, 2, 3))
OLD_KEY, NEW_KEY = parse_public_key(f"{OLD} old@desk"), parse_public_key(f"{NEW} new@desk")
PVE = "# --- BEGIN PVE ---\n{}# --- END PVE ---\n"
KEPT = f"{ADA} ada\n"

# What stands in the file -> the options that the new key has to take over.
CORPUS = {
    "plain": (f"{OLD} old\n{KEPT}", [""]),
    "options": (f'command="a \\"b, c\\" d",no-pty,from="10.0.0.0/8,!10.1.1.1" {OLD} x y\n{KEPT}',
                ['command="a \\"b, c\\" d",no-pty,from="10.0.0.0/8,!10.1.1.1"']),
    "a blank in quotes": (f'environment="A= b" {OLD}\n{KEPT}', ['environment="A= b"']),
    "upper case": (f"{KEPT}RESTRICT,Port-Forwarding {OLD}\n", ["RESTRICT,Port-Forwarding"]),
    "no last newline": (f"{KEPT}{OLD} old", [""]),
    "crlf": (f"# keys\r\n{ADA} ada\r\n{OLD} old\r\n", [""]),
    "crlf after the blob": (f"{ADA} ada\r\n{OLD}\r\n", [""]),
    "leading blanks and tabs": (f"{KEPT} \t{OLD}\told\n\n\n", [""]),
    "two lines": (f'from="10.0.0.1" {OLD} a\n{KEPT}from="10.0.0.2" {OLD} b\n',
                  ['from="10.0.0.1"', 'from="10.0.0.2"']),
    "pve": (PVE.format(f"{OLD} root@pve\n") + KEPT, [""]),
    "other types": (
        "".join(f"{made(kind, 7)} {kind}\n" for kind in ("ssh-rsa", "ecdsa-sha2-nistp256",
                "sk-ssh-ed25519@openssh.com", "ssh-mldsa44-ed25519@openssh.com")) + f"{OLD} old\n", [""]),
    "a long line": (f'{KEPT}command="{"x" * 8000}" {OLD} old\n', [f'command="{"x" * 8000}"']),
    "a certificate": (f"{KEPT}ssh-ed25519-cert-v01@openssh.com {OLD.split()[1]}= no\n{OLD} old\n", [""]),
    "bytes that are no text": (f"{KEPT}{OLD} old\n# ", [""]),
}  # fmt: skip
# Lines that look like the old key and are not: none of them may go.
DECOYS = (
    f"{ADA} formerly {OLD}\n",
    f"# {OLD} old\n",
    f'command="echo {OLD}" {ADA}\n',
    f'command="never ends {OLD}\n',
    f"ssh-ed25519 {OLD.split()[1][:-4]} cut short\n",
    f"{OLD.split()[1]} without a type\n",
    "1024 35 1234567890 an old kind of key\n",
)


def _fingerprints(content: bytes, folder: Path) -> list[str]:
    """What OpenSSH itself reads in the file."""
    (folder / "keys").write_bytes(content)
    done = subprocess.run(["ssh-keygen", "-lf", folder / "keys"], capture_output=True, text=True, check=False)
    return re.findall(r"SHA256:\S+", done.stdout)


def _changed(before: bytes, after: bytes) -> list[str]:
    """The lines that a diff shows."""
    texts = [content.decode("latin-1").splitlines(keepends=True) for content in (before, after)]
    return [line for line in list(difflib.unified_diff(*texts, n=0))[2:] if not line.startswith("@@")]


@pytest.mark.parametrize("name", CORPUS)
def test_only_the_lines_that_are_meant_change(name, tmp_path):
    """The new key comes at the end, with the old one's options; then the old key's lines go, no other."""
    text, options = CORPUS[name]
    before = "".join((*DECOYS, text)).encode() + (b"\xff\xfe" if "no text" in name else b"")
    mine = authorized_keys.options_of(before, OLD_KEY.blob)
    assert [each.decode() for each in mine] == options
    added = authorized_keys.add(before, NEW_KEY, mine)
    assert added.startswith(before)
    end = b"\r\n" if before.endswith(b"\r\n") else b"\n"
    lines = [f"{each} {NEW_KEY}".strip().encode() + end for each in options]
    missing = b"" if before.endswith(b"\n") else end
    assert added == before + missing + b"".join(lines)

    after = authorized_keys.remove(added, {OLD_KEY.blob})
    changed = _changed(added, after)
    assert len(changed) == len(options)
    assert all(line.startswith("-") and OLD in line for line in changed)
    for decoy in DECOYS:
        assert decoy.encode() in after
    if len(text) < 4000:  # the lines that ssh-keygen takes
        told = _fingerprints(before, tmp_path)
        left = _fingerprints(after, tmp_path)
        old, new = (_fingerprints(f"{key}\n".encode(), tmp_path)[0] for key in (OLD, NEW))
        assert left == [*(mark for mark in told if mark != old), *[new] * len(options)]


@given(st.binary(max_size=400) | st.text(alphabet='# \t\r\n",\\sh-ed25519AZ=', max_size=200).map(str.encode))
def test_reading_and_writing_are_inverses(content):
    """Whatever the bytes are, the lines joined are the file, and no key is seen where there is none."""
    assert b"".join(line.raw for line in authorized_keys.read(content)) == content
    assert authorized_keys.remove(content, {OLD_KEY.blob}) == content


@given(
    st.lists(st.sampled_from([*DECOYS, KEPT, f"{OLD} x\n", "\n", "\r\n", f'restrict {OLD} "\n']), max_size=12)
)
def test_all_lines_of_the_key_go_and_all_others_stay(lines):
    """In whatever order they stand."""
    content = "".join(["ssh-ed25519 ", KEPT[len("ssh-ed25519 ") :], *lines]).encode()
    left = authorized_keys.remove(content, {OLD_KEY.blob})
    mine = (f"{OLD} x\n", f'restrict {OLD} "\n')
    assert left == (KEPT + "".join(line for line in lines if line not in mine)).encode()


def test_the_last_key_is_never_removed():
    """A comment is no way in, nor is an authority for certificates."""
    content = f"{OLD} old\n# {ADA}\ncert-authority {ADA} ca\n".encode()
    with pytest.raises(EditProblem, match="last key"):
        authorized_keys.remove(content, {OLD_KEY.blob})
    other = authorized_keys.login_blobs(KEPT.encode())
    assert OLD.encode() not in authorized_keys.remove(content, {OLD_KEY.blob}, elsewhere=other)


def test_an_authority_hands_nothing_on():
    """A key that signs certificates is removed where it is retired, and the new one does not sign."""
    content = f"cert-authority {OLD} ca\n{OLD} old\n{KEPT}".encode()
    assert authorized_keys.options_of(content, OLD_KEY.blob) == (b"",)
    assert authorized_keys.remove(content, {OLD_KEY.blob}) == KEPT.encode()


def test_a_key_that_is_there_is_not_added_again():
    """A second run writes nothing."""
    content = f'restrict {NEW} "\n'.encode()
    assert authorized_keys.add(content, NEW_KEY) == content


def test_a_key_of_an_unknown_type_is_a_key():
    """The server may know more types than this program does: such a line counts, and stays."""
    unknown = f"{made('ssh-mldsa44-ed25519@openssh.com', 9)} later\n".encode()
    (line,) = authorized_keys.read(unknown)
    assert isinstance(line, Line)
    assert line.blob in authorized_keys.login_blobs(unknown)


@pytest.mark.parametrize("odd", [f"{OLD}\0rest", f"{OLD[:40]}\v{OLD[40:]}", f"{OLD}\r\r", f"no-pty {OLD}\f"])
def test_a_line_that_sshd_takes_for_the_key_goes(odd):
    """Sshd ends a line at a NUL and passes over white space in base64: each of these lets the key in."""
    assert authorized_keys.remove(f"{KEPT}{odd}\n".encode(), [OLD_KEY.blob]) == KEPT.encode()
