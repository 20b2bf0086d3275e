"""A host as a rotation meets it, in memory: what it takes, what it writes, and everything that goes wrong.

It stands where `ops.adapters.guest_ssh.Door` stands; the code above it is the real one.
"""

import base64
import re
from dataclasses import dataclass, field

from ops.adapters.ssh import Target
from ops.core import authorized_keys
from ops.core.key_files import KeyFile, Seen, Wish, digest
from ops.core.keys import PublicKey
from ops.errors import AuthenticationError, DroppedError, LifecycleError, UnreachableError
from ops.runs.rotation.host import Order
from ops.runs.rotation.targets import Host

HOME = "/home/ops/"
FIRST, SECOND = f"{HOME}.ssh/authorized_keys", f"{HOME}.ssh/authorized_keys2"
HOST = Host(name="web", target=Target(address="192.0.2.1", port=22, username="ops"))
OURS = "192.0.2.7"  # where we come from, for `from=`


class Killed(BaseException):
    """SIGKILL of the tool: nothing of it runs any more."""


def blob(name):
    """A key's blob, as real ones are built."""
    fields = (b"ssh-ed25519", name.encode().ljust(32, b"."))
    return b"".join(len(each).to_bytes(4, "big") + each for each in fields)


def line(name, options=""):
    """The line of a key in a file."""
    return f"{options} ssh-ed25519 {base64.b64encode(blob(name)).decode()} {name}\n".lstrip().encode()


def public(name):
    """The public key of that name."""
    return PublicKey(kind="ssh-ed25519", blob=blob(name), comment=name)


@dataclass(frozen=True)
class Key:
    """A private key."""

    name: str

    def asbytes(self):
        """The public half."""
        return blob(self.name)


@dataclass
class Fate:
    """What strikes at an operation, before its effect or after: kill, drop, reboot, throttle."""

    kind: str = ""
    at: int = -1
    late: bool = False
    count: int = 0


@dataclass
class ModelHost:
    """A host. `files` are real paths, `names` those of AuthorizedKeysFile, `links` lead between them."""

    files: dict[str, bytes]
    names: tuple[str, ...] = (".ssh/authorized_keys", ".ssh/authorized_keys2")
    links: dict[str, str] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()  # keys that the server refuses, for a reason of its own
    forced: frozenset[str] = frozenset()  # keys that log in and can run nothing
    command: frozenset[str] = frozenset()  # keys that AuthorizedKeysCommand lets in
    ignored: frozenset[str] = frozenset()  # paths with a mode that StrictModes refuses
    full: bool = False
    read_only: bool = False
    node: bool = False
    held: tuple[str, ...] = ("old", "new")
    settings: dict[str, str] = field(default_factory=dict)
    fate: Fate = field(default_factory=Fate)
    backups: dict[str, bytes] = field(default_factory=dict)
    away: int = 0
    boots: int = 0
    operations: int = 0
    refusals: int = 0

    def takes(self, name):
        """Whether the key logs in now, and can run a command."""
        return self.accepts(blob(name)) and name not in self.forced

    def accepts(self, key):
        """Whether sshd lets the key in."""
        lets_in = {blob(name) for name in self.command}
        for path in {self.real(name) for name in self.names} - self.ignored:
            for each in authorized_keys.read(self.files.get(path, b"")):
                source = re.search(rb'from="(.*?)"', each.options)
                if each.blob and not each.is_authority and (not source or source[1] == OURS.encode()):
                    lets_in.add(each.blob)
        return key in lets_in - {blob(name) for name in self.broken}

    def real(self, name):
        """Where a name leads."""
        path = name if name.startswith("/") else HOME + name
        return self.links.get(path, path)

    def way_in(self):
        """Whether some key that the operator holds logs in."""
        return any(self.takes(name) for name in self.held)

    def tick(self, effect=lambda: None, *, room=None):
        """Do one thing, and let fate have its turn."""
        due = self.operations == self.fate.at
        self.operations += 1
        if due and not self.fate.late:
            self._strike(room)
        result = effect()
        if due and self.fate.late:
            self._strike(room)
        return result

    def _strike(self, room):
        if self.fate.kind == "kill":
            raise Killed
        if self.fate.kind == "reboot":
            self.boots, self.away = self.boots + 1, self.fate.count
            raise UnreachableError("the connection broke")
        if self.fate.kind == "throttle":
            self.away = self.fate.count
        if self.fate.kind == "drop" and room is not None:
            room.broken = True
            raise UnreachableError("the connection broke")


@dataclass
class ModelDoor:
    """The way in."""

    host: ModelHost

    def enter(self, keys):
        """As `Door.enter`."""
        return self.host.tick(lambda: self._enter(keys))

    def prove(self, retired, key):
        """As `Door.prove`."""
        accepted = frozenset(each.asbytes() for each in retired if self.host.accepts(each.asbytes()))
        self.host.refusals += len(retired) - len(accepted)
        return self.host.tick(lambda: self._enter([key]))[0], accepted, frozenset()

    def _enter(self, keys):
        if self.host.away:
            self.host.away -= 1
            raise DroppedError("Not allowed at this time")
        for key in keys:
            if self.host.accepts(key.asbytes()):
                return ModelRoom(self.host, key.name, self.host.boots), key.asbytes()
        raise AuthenticationError("the host refused the key")


@dataclass
class ModelRoom:
    """A session: it outlives the removal of its key, and no reboot."""

    host: ModelHost
    key: str
    boot: int
    broken: bool = False

    def close(self):
        """Nothing is left open."""

    def look(self, tag):
        """As `Room.look`."""
        return self._do(lambda: self._seen(tag))

    def answers(self):
        """As `Room.answers`."""
        self._do(lambda: None)

    def replace(self, edit, tag):
        """As the script REPLACE."""
        self._do(lambda: self._replaced(edit, tag))

    def discard(self, files, tag):
        """As the script DISCARD."""
        self._do(lambda: [self.host.backups.pop(f"{file.path} {tag}", None) for file in files])

    def _do(self, effect):
        if self.broken or self.boot != self.host.boots:
            raise UnreachableError("the session is gone")
        if self.key in self.host.forced:
            raise LifecycleError("a forced command ran instead")
        return self.host.tick(effect, room=self)

    def _seen(self, tag):
        files = []
        for name in self.host.names:
            path = self.host.real(name)
            backup = self.host.backups.get(f"{path} {tag}")
            files.append(KeyFile(name=name, path=path, content=self.host.files.get(path), backup=backup))
        return Seen(
            user="ops",
            home=HOME,
            files=tuple(files),
            is_node=self.host.node,
            settings={"authorizedkeysfile": " ".join(self.host.names), **self.host.settings},
        )

    def _replaced(self, edit, tag):
        now = self.host.files[edit.path]
        if self.host.full or self.host.read_only:
            raise LifecycleError("its new version could not be written")
        if edit.before is not None and digest(now) != digest(edit.before):
            raise LifecycleError("somebody else changed it meanwhile")
        self.host.backups.setdefault(f"{edit.path} {tag}", now)
        self.host.files[edit.path] = edit.after


def order_for(*, add=("new",), remove=("old",), entry=("old", "new"), held=("new",), retired=("old",)):
    """A rotation by the names of its keys."""
    return Order(
        wish=Wish(
            added=tuple(map(public, add)), removed=tuple(map(public, remove)), held=frozenset(map(blob, held))
        ),
        entry=tuple(map(Key, entry)),
        held=tuple(map(Key, held)),
        retired=tuple(map(Key, retired)),
        tag="t",
    )
