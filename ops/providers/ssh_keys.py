"""The SSH keys that may log in to a guest, kept as declared by the same careful steps as a rotation.

A declared key that is missing is added and one that is declared no more is removed: after a login with a
key that stays, and with the old session open as a way back. The last key is never removed, not by a delete
either. The private keys that log in come from the environment (LIFECYCLE_SSH_IDENTITIES), not from the state.
"""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from ops.core.keys import KeyProblem, PublicKey, parse_public_key
from ops.errors import LifecycleError

if TYPE_CHECKING:
    from ops.core.key_files import Seen
    from ops.core.rotation import State
    from ops.runs.rotation.host import HostRun

IDENTITIES = "LIFECYCLE_SSH_IDENTITIES"
PLACE = ("address", "port", "user", "host_key")
DECISIVE = ("keys", "retired", *PLACE)


class AuthorizedKeysProvider(ResourceProvider):
    """Adds, verifies, removes and proves; `configure` tells which private keys log in."""

    identities: tuple[Path, ...] = ()

    def configure(self, req: ConfigureRequest) -> None:
        """Take the paths of the private keys from the environment, where secrets belong."""
        del req
        self.identities = tuple(map(Path, filter(None, os.environ.get(IDENTITIES, "").split(os.pathsep))))

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what is no public key, a private one above all, and a wish that locks everybody out."""
        failures = [
            CheckFailure(name, f"{name}[{number}]: {problem}")
            for name in ("keys", "retired")
            for number, text in enumerate(news.get(name) or [])
            if (problem := _problem(text))
        ]
        if not failures and not _blobs(news["keys"]) - _blobs(news.get("retired") or []):
            failures = [CheckFailure("keys", "no key would be left; declare one that is not retired")]
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare the keys, whatever their order and comments, and the place."""
        keys = any(
            _blobs(olds.get(name) or []) != _blobs(news.get(name) or []) for name in ("keys", "retired")
        )
        return DiffResult(changes=keys or any(olds.get(name) != news.get(name) for name in PLACE))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Add what is missing and remove what is retired."""
        self._settle(props, removed=props.get("retired") or [])
        return CreateResult(f"ssh-keys-{props['guest']}", props)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """As create; what was declared before and is not now goes, too."""
        dropped = [text for text in olds["keys"] if parse_public_key(text).blob not in _blobs(news["keys"])]
        self._settle(news, removed=[*dropped, *(news.get("retired") or [])])
        return UpdateResult(news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Return what holds now: declared keys that are there, retired ones that are gone."""
        present = self._look(props).blobs()
        keys = [text for text in props["keys"] if parse_public_key(text).blob in present]
        gone = [text for text in props.get("retired") or [] if parse_public_key(text).blob not in present]
        return ReadResult(id_, {**props, "keys": keys, "retired": gone})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Remove the declared keys that are not our own way in; the last ones stay."""
        mine = {key.asbytes() for key in self._private()}
        dropped = [text for text in props["keys"] if parse_public_key(text).blob not in mine]
        if dropped and self._look(props).login_blobs() & mine:
            self._settle({**props, "keys": []}, removed=dropped)

    def _settle(self, props: dict[str, Any], *, removed: Sequence[str]) -> None:
        from ops.core.rotation import SETTLED  # noqa: PLC0415  a program on mocks needs no network libraries

        present = self._look(props).login_blobs()
        state = self._run(props, props["keys"], removed, present).run()
        if state.verdict not in SETTLED:  # what it declares are the files
            raise LifecycleError(f"its SSH keys are not as declared: {_words(state)}", where=props["guest"])

    def _look(self, props: dict[str, Any]) -> "Seen":
        from contextlib import ExitStack  # noqa: PLC0415

        from ops.core.rotation import Looked, State  # noqa: PLC0415

        with ExitStack() as rooms:
            observation = self._run(props, [], [], frozenset()).observed(State(), rooms)
        if not isinstance(observation, Looked):
            words = getattr(observation, "words", "an unexpected answer")
            raise LifecycleError(
                f"its SSH keys cannot be read: {words}",
                where=props["guest"],
                remedy="Start it, or see to it. If it is gone for good: pulumi state delete URN.",
            )
        return observation.seen

    def _run(
        self, props: dict[str, Any], keys: Sequence[str], removed: Sequence[str], present: frozenset[bytes]
    ) -> "HostRun":
        from ops.adapters.guest_ssh import Door  # noqa: PLC0415
        from ops.adapters.ssh import Target  # noqa: PLC0415
        from ops.core.key_files import Wish  # noqa: PLC0415
        from ops.runs.rotation.host import HostRun, Order  # noqa: PLC0415

        added, retired = _parsed(keys), _parsed(removed)
        staying = [key for key in self._private() if key.asbytes() not in {each.blob for each in retired}]
        # Those that are declared shall log in; another of ours there may be for something else.
        declared = {each.blob for each in added} - {each.blob for each in retired}
        mine = [key for key in staying if key.asbytes() in declared]
        held = tuple(mine or [key for key in staying if key.asbytes() in present])
        if (added or retired) and not held:
            raise LifecycleError(
                "every private key at hand is to be removed",
                where=props["guest"],
                remedy=f"See {IDENTITIES}.",
            )
        target = Target(
            address=props["address"],
            port=int(props["port"]),
            username=props["user"],
            host_key=props.get("host_key"),
            known_hosts=Path("~/.ssh/known_hosts").expanduser(),
        )
        order = Order(
            wish=Wish(added=added, removed=retired, held=frozenset(key.asbytes() for key in held)),
            entry=tuple(self._private()),
            held=held,
            retired=tuple(key for key in self._private() if key not in staying),
            tag=secrets.token_hex(6),
        )
        return HostRun(door=Door(target=target), order=order)

    def _private(self) -> list[Any]:
        from ops.runs.rotation.keys import privates  # noqa: PLC0415

        if not self.identities:
            raise LifecycleError(
                f"{IDENTITIES} is not set: no private key is known that logs in",
                remedy="Give the paths of the private keys, separated by colons.",
            )
        return list(privates(self.identities))


def _problem(text: str) -> str | None:
    try:
        parse_public_key(text)
    except KeyProblem as problem:
        return str(problem)
    return None


def _parsed(texts: Sequence[str]) -> tuple[PublicKey, ...]:
    return tuple({(key := parse_public_key(text)).blob: key for text in texts}.values())


def _blobs(texts: Sequence[str]) -> set[bytes]:
    return {parse_public_key(text).blob for text in texts}


def _words(state: "State") -> str:
    return "; ".join(filter(None, (state.words, *state.notes)))


@dataclass(frozen=True, kw_only=True)
class AuthorizedKeysArgs:
    """Who may log in, and where.

    Attributes:
        guest: the guest's name, for messages.
        address: where its SSH server is.
        keys: public keys that may log in; others that stand there are left alone.
        retired: public keys that must not, however they came there.
        port: the SSH server's.
        user: whose keys these are.
        host_key: `TYPE BASE64`; without one ~/.ssh/known_hosts decides.
    """

    guest: pulumi.Input[str]
    address: pulumi.Input[str]
    keys: Sequence[str]
    retired: Sequence[str] = ()
    port: int = 22
    user: str = "root"
    host_key: str | None = None


class AuthorizedKeys(Resource, module="lifecycle", name="AuthorizedKeys"):
    """The keys of one user of one guest."""

    keys: pulumi.Output[list[str]]

    def __init__(
        self, name: str, args: AuthorizedKeysArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props: dict[str, Any] = {**vars(args), "keys": list(args.keys), "retired": list(args.retired)}
        super().__init__(AuthorizedKeysProvider(), name, props, opts)
