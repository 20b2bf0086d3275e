"""The declared keys of a guest: what the engine stores is a contract, and nobody is locked out by it."""

import base64

import pytest
from pulumi.dynamic import dynamic

from ops.adapters import guest_ssh
from ops.errors import LifecycleError
from ops.providers import ssh_keys
from ops.providers.ssh_keys import AuthorizedKeys, AuthorizedKeysProvider
from tests.ops.rotation.model import HOME, Key, ModelDoor, ModelHost, line, public

FIRST = f"{HOME}.ssh/authorized_keys"


@pytest.fixture
def host():
    """A guest that the key `old` opens."""
    return ModelHost(files={FIRST: line("old")})


@pytest.fixture
def provider(host, monkeypatch):
    """The provider with the private keys `old` and `new`; the guest in memory stands for SSH."""
    monkeypatch.setattr(guest_ssh, "Door", lambda **_target: ModelDoor(host))
    monkeypatch.setattr(AuthorizedKeysProvider, "_private", lambda _self: [Key("old"), Key("new")])
    return AuthorizedKeysProvider()


def props(*keys, retired=()):
    """What is declared."""
    return {
        "guest": "web",
        "address": "192.0.2.1",
        "port": 22,
        "user": "ops",
        "host_key": None,
        "keys": [str(public(name)) for name in keys],
        "retired": [str(public(name)) for name in retired],
    }


def test_the_state_holds_a_reference_to_the_module():
    """Moving the class would orphan every guest's keys: path and token are pinned."""
    stored = base64.b64decode(dynamic.serialize_provider(AuthorizedKeysProvider()))
    assert b"ops.providers.ssh_keys" in stored
    assert len(stored) < 100
    assert AuthorizedKeys._resource_type_name == "dynamic/lifecycle:AuthorizedKeys"


def test_created_keys_are_added_and_retired_ones_go(provider, host):
    """Beside the keys of others, which stay."""
    host.files[FIRST] += line("ada") + line("leaver")
    provider.create(props("old", "new", retired=["leaver"]))
    assert host.files[FIRST] == line("old") + line("ada") + line("new")


def test_a_key_that_is_declared_no_more_goes(provider, host):
    """After the one in its place has logged in."""
    provider.update("id", props("old"), props("new"))
    assert host.files[FIRST] == line("new")


def test_drift_is_seen_and_mended(provider, host):
    """A key that is gone and a retired one that came back are differences; order and comments are not."""
    wanted = props("old", "new", retired=["leaver"])
    made = provider.create(wanted).outs
    assert not provider.diff(
        "id", made, {**wanted, "keys": [f"{each}-x" for each in wanted["keys"][::-1]]}
    ).changes
    assert not provider.diff("id", provider.read("id", made).outs, wanted).changes
    host.files[FIRST] = line("old") + line("leaver")
    seen = provider.read("id", made).outs
    assert provider.diff("id", seen, wanted).changes
    provider.update("id", seen, wanted)
    assert host.files[FIRST] == line("old") + line("new")


def test_a_host_that_may_take_keys_from_elsewhere_is_as_declared(provider, host):
    """The files are what is declared; that no login with the retired key was tried is no failed `up`."""
    host.settings["authorizedkeyscommand"] = "/usr/bin/hand-out %u"
    host.files[FIRST] += line("leaver")
    provider.create(props("old", "new", retired=["leaver"]))
    assert host.files[FIRST] == line("old") + line("new")


def test_a_delete_never_takes_the_last_way_in(provider, host):
    """The keys of others go, those that we log in with stay."""
    host.files[FIRST] = line("old") + line("ada") + line("bob")
    provider.delete("id", props("old", "ada"))
    assert host.files[FIRST] == line("old") + line("bob")
    provider.delete("id", props("old"))
    assert host.files[FIRST] == line("old") + line("bob")


def test_an_outage_is_no_change_and_no_absence(provider, host, monkeypatch):
    """A guest that does not answer is an error in each of them."""
    host.away = 10**6
    monkeypatch.setattr("ops.runs.rotation.host.PATIENCE", 0.0)
    with pytest.raises(LifecycleError, match="SSH keys"):
        provider.read("id", props("old"))
    with pytest.raises(LifecycleError, match="SSH keys"):
        provider.create(props("old"))
    with pytest.raises(LifecycleError, match="SSH keys"):
        provider.delete("id", props("ada"))


def test_a_failed_verification_leaves_the_old_key_and_is_an_error(provider, host):
    """The engine must not store what does not hold."""
    host.broken = frozenset({"new"})
    with pytest.raises(LifecycleError, match="the new key does not log in"):
        provider.update("id", props("old"), props("new"))
    assert host.files[FIRST] == line("old")


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (props(), "no key would be left"),
        (props("old", retired=["old"]), "no key would be left"),
        ({**props("old"), "keys": ["-----BEGIN OPENSSH PRIVATE KEY----- canary"]}, "private key"),
        ({**props("old"), "retired": ["nothing"]}, "no public key"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything(declared, words):
    """With the reason, and without the text, which may be a secret."""
    failures = AuthorizedKeysProvider().check({}, declared).failures
    assert len(failures) == 1
    assert words in failures[0].reason
    assert "canary" not in failures[0].reason


def test_without_an_identity_nothing_can_be_done(monkeypatch):
    """Said with the variable's name."""
    monkeypatch.delenv(ssh_keys.IDENTITIES, raising=False)
    provider = AuthorizedKeysProvider()
    provider.configure(None)
    with pytest.raises(LifecycleError, match=ssh_keys.IDENTITIES):
        provider.read("id", props("old"))


def test_another_key_of_ours_that_is_there_need_not_log_in(provider, host):
    """It stands there for something else, with a forced command for one, and is not declared."""
    host.files[FIRST] = line("old") + line("new")
    host.forced = frozenset({"old"})
    host.files[FIRST] += line("leaver")
    provider._private = lambda: [Key("new"), Key("old")]
    provider.create(props("new", retired=["leaver"]))
    assert host.files[FIRST] == line("old") + line("new")
