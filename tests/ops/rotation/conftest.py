"""A modelled host's rotation by the real code, in a time that passes at once; the command over such hosts."""

import itertools
from types import SimpleNamespace

import asyncssh
import pytest

from ops import rotate_keys
from ops.adapters import rotation_journal
from ops.errors import AuthenticationError
from ops.runs.rotation import audit as rotation_audit
from ops.runs.rotation import run as rotation
from ops.runs.rotation.host import Waits
from tests.ops.rotation.model import FIRST, HOST, ModelDoor, ModelHost, ModelRoom, order_for

TAGS = itertools.count()


@pytest.fixture
def rotate(tmp_path):
    """Rotate the keys of a modelled host; `waited` tells for how long it was waited for."""

    def run(host, order=None, waited=None):
        now = [0.0]

        def sleep(seconds):
            now[0] += seconds
            if waited is not None:
                waited.append(seconds)

        journal = rotation_journal.begin(tmp_path, f"t{next(TAGS)}", {})
        waits = Waits(sleep=sleep, clock=lambda: now[0])
        return rotation.rotate_one(HOST, order or order_for(), journal, ModelDoor(host), waits)

    return run


def write_pair(folder, name):
    """A key pair in files, the public half with `.pub`."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=name)
    (folder / name).write_bytes(key.export_private_key())
    (folder / f"{name}.pub").write_bytes(key.export_public_key())
    return SimpleNamespace(
        path=folder / name,
        public=folder / f"{name}.pub",
        line=(folder / f"{name}.pub").read_text(),
        secret=(folder / name).read_text().splitlines()[2],
    )


class FileDoor:
    """A way into a modelled host, with real keys."""

    def __init__(self, host):
        self.host = host

    def enter(self, keys):
        """As `Door.enter`."""
        for key in keys:
            if self.host.accepts(key.asbytes()):
                return ModelRoom(self.host, "", self.host.boots), key.asbytes()
        raise AuthenticationError("the host refused the key")

    def prove(self, retired, key):
        """As `Door.prove`."""
        accepted = frozenset(each.asbytes() for each in retired if self.host.accepts(each.asbytes()))
        return self.enter([key])[0], accepted, frozenset()


@pytest.fixture
def old(tmp_path):
    """The key that is there."""
    return write_pair(tmp_path, "old")


@pytest.fixture
def new(tmp_path):
    """The key that shall be there."""
    return write_pair(tmp_path, "new")


@pytest.fixture
def fleet(tmp_path, old, monkeypatch):
    """Three hosts in memory, in an inventory file; the way into them replaces SSH."""
    hosts = {name: ModelHost(files={FIRST: old.line.encode()}) for name in ("web", "db", "cache")}
    inventory = tmp_path / "hosts"
    inventory.write_text("# three\nweb 192.0.2.1\ndb 192.0.2.2 2222 ops\ncache 192.0.2.3 2222\n")
    monkeypatch.setattr(rotation, "over_ssh", lambda host, _waits: FileDoor(hosts[host.name]))
    monkeypatch.setattr(rotation_audit, "over_ssh", rotation.over_ssh)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    return SimpleNamespace(
        hosts=hosts, options=("--hosts", inventory, "--user", "root", "--known-hosts", tmp_path / "none")
    )


@pytest.fixture
def run(capsys, old, new):
    """Run the command; no run may show a private key."""

    def do(*words):
        code = rotate_keys.main(list(map(str, words)))
        said = capsys.readouterr()
        for key in (old, new):
            assert key.secret not in said.out + said.err
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return do
