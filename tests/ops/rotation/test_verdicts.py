"""What a verdict promises: `rotated` only where nothing is left that nobody looked at."""

import asyncssh
import pytest

from ops.core.rotation import Verdict
from ops.errors import LifecycleError
from ops.runs.rotation.fleet import Result
from ops.runs.rotation.keys import KeyPaths, load
from ops.runs.rotation.report import summary
from tests.ops.rotation.model import HOME, HOST, ModelHost, line, order_for

FIRST = f"{HOME}.ssh/authorized_keys"
LEAVER = order_for(remove=("old", "leaver"))  # the private half of `leaver` is not ours


def test_a_removed_key_that_still_logs_in_is_told(rotate):
    """AuthorizedKeysCommand may let it in: that is no success, and no reason to write it back."""
    host = ModelHost(files={FIRST: line("old")}, command=frozenset({"old"}))
    state = rotate(host)
    assert state.verdict is Verdict.FAILED
    assert "still logs in" in state.words
    assert host.files == {FIRST: line("new")}


def test_somebody_elses_key_goes_without_its_private_half(rotate):
    """Logged in with a key that stays; the report says that no login could be tried."""
    host = ModelHost(files={FIRST: line("ada") + line("old") + line("leaver")})
    order = order_for(add=(), remove=("leaver",), entry=("old",), held=("old",), retired=())
    state = rotate(host, order)
    assert (state.verdict, host.files) == (Verdict.ROTATED, {FIRST: line("ada") + line("old")})
    assert "private half is not at hand" in state.notes[0]


def test_an_authority_in_the_file_is_told(rotate):
    """A certificate for the removed key may open still; no proof by login shows that."""
    host = ModelHost(files={FIRST: line("ca", "cert-authority") + line("old")})
    state = rotate(host)
    assert state.verdict is Verdict.ROTATED
    assert "certificate authority" in state.notes[0]


def test_an_added_key_that_nobody_tried_is_told(rotate):
    """A colleague's: its private half is not ours."""
    state = rotate(ModelHost(files={FIRST: line("old")}), order_for(add=("new", "ada")))
    assert state.verdict is Verdict.ROTATED
    assert [note.partition(",")[0] for note in state.notes] == ["added"]


@pytest.mark.parametrize(
    ("authority", "key_command", "verdict"),
    [
        ("", "none", Verdict.ROTATED),
        ("ca", "none", Verdict.UNPROVEN),
        ("", "/usr/bin/hand-out %u", Verdict.UNPROVEN),
    ],
)
def test_a_key_that_nobody_tried_and_something_may_let_in_is_not_proven_gone(
    rotate, authority, key_command, verdict
):
    """A certificate authority, or a command that hands keys out: whoever reads `rotated` looks no further."""
    others = line(authority, "cert-authority") if authority else b""
    host = ModelHost(
        files={FIRST: others + line("old") + line("leaver")}, settings={"authorizedkeyscommand": key_command}
    )
    state = rotate(host, LEAVER)
    assert state.verdict is verdict
    assert host.files == {FIRST: others + line("new")}
    assert host.backups == {}


def test_a_key_that_was_tried_and_refused_is_proven_gone(rotate):
    """By the very login that a command's answer would have let in."""
    host = ModelHost(files={FIRST: line("old")}, settings={"authorizedkeyscommand": "/usr/bin/hand-out %u"})
    assert rotate(host).verdict is Verdict.ROTATED


@pytest.mark.parametrize("key_command", ["none", "/usr/bin/hand-out %u"])
def test_the_old_key_is_called_useless_only_where_nothing_else_lets_keys_in(rotate, key_command):
    """It was refused today; what a command hands out tomorrow nobody knows."""
    host = ModelHost(files={FIRST: line("old")}, settings={"authorizedkeyscommand": key_command})
    said = summary([Result(host=HOST, state=rotate(host))])
    assert ("of no use any more" in said) == (key_command == "none")


def test_a_key_that_still_logs_in_is_worse_than_one_that_nobody_tried(rotate):
    """The failure is what counts."""
    host = ModelHost(
        files={FIRST: line("old") + line("leaver")},
        command=frozenset({"old"}),
        settings={"authorizedkeyscommand": "/usr/bin/hand-out %u"},
    )
    assert rotate(host, LEAVER).verdict is Verdict.FAILED


def test_what_lies_beside_a_removed_key_and_is_no_certificate_of_it_is_refused(tmp_path):
    """Before any host is asked; one that lies beside a key that stays does not matter."""
    for name in ("old", "new"):
        made = asyncssh.generate_private_key("ssh-ed25519")
        made.write_private_key(tmp_path / name)
        made.write_public_key(tmp_path / f"{name}.pub")
    paths = KeyPaths(add=(tmp_path / "new.pub",), remove=(tmp_path / "old.pub",))
    (tmp_path / "new-cert.pub").write_text("nothing")
    assert load(paths).certified == {}
    (tmp_path / "old-cert.pub").write_bytes((tmp_path / "old.pub").read_bytes())
    with pytest.raises(LifecycleError, match="no certificate of this key"):
        load(paths)
