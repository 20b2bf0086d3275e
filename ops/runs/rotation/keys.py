"""The key files that a rotation is given, read once: public ones, and private halves beside them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import paramiko

from ops.adapters.ssh_keys import private_key
from ops.core.key_files import Wish
from ops.core.keys import KeyProblem, PublicKey, fingerprint, is_weak, parse_public_key
from ops.errors import LifecycleError
from ops.runs.rotation.host import Order


@dataclass(frozen=True, kw_only=True)
class KeyPaths:
    """The files that were named: public keys to add and to remove, and private ones."""

    add: tuple[Path, ...] = ()
    remove: tuple[Path, ...] = ()
    identity: Path | None = None
    new_identities: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Keys:
    """All that was read. `private` are by blob, those that log in now first.

    `certified` are the removed keys beside which a certificate lies, and with it.
    """

    added: tuple[PublicKey, ...]
    removed: tuple[PublicKey, ...]
    private: dict[bytes, paramiko.PKey]
    certified: dict[bytes, paramiko.PKey]
    entry: bytes

    @property
    def purpose(self) -> dict[str, list[str]]:
        """What a run with these keys is for, as a journal knows it."""
        return {
            "added": sorted(fingerprint(key.blob) for key in self.added),
            "removed": sorted(fingerprint(key.blob) for key in self.removed),
        }

    @property
    def without_private(self) -> list[PublicKey]:
        """The removed keys whose refusal no login can show."""
        return [key for key in self.removed if key.blob not in self.private]


def load(paths: KeyPaths) -> Keys:
    """Read every file that was named, and the private halves beside the public keys, where there are any."""
    added, removed = (tuple(map(public, each)) for each in (paths.add, paths.remove))
    both = {key.blob for key in added} & {key.blob for key in removed}
    if both:
        raise LifecycleError(
            f"the key {fingerprint(both.pop())} is to be added and to be removed",
            remedy="Name each key once, with --add-key or with --remove-key.",
        )
    for path, key in zip(paths.add, added, strict=True):
        if is_weak(key):
            raise LifecycleError(
                "is an RSA key below 2048 bits, too weak to be added",
                where=str(path),
                remedy="Make another: ssh-keygen -t ed25519",
            )
    named = [path for path in (paths.identity, *paths.new_identities) if path]
    going, coming = (
        [half for path in each if path.suffix == ".pub" and (half := path.with_suffix("")).exists()]
        for each in (paths.remove, paths.add)
    )
    if named:  # one of a key that goes proves its refusal, and is not needed: it may have a passphrase
        going = [half for half in going if _readable(half)]
    files = [*named, *going, *coming]
    read = list(zip(files, privates(files), strict=True))
    private = {key.asbytes(): key for _, key in read}
    if not private:
        raise LifecycleError(
            "no private key is at hand that logs in now", remedy="Name it with --identity FILE."
        )
    gone = {key.blob for key in removed}
    certified = {
        key.asbytes(): with_it
        for path, key in read
        if key.asbytes() in gone and (with_it := _certified(path))
    }
    return Keys(
        added=added, removed=removed, private=private, certified=certified, entry=read[0][1].asbytes()
    )


def order(keys: Keys, tag: str) -> Order:
    """What is to be done with the keys.

    Raises:
        LifecycleError: no key that could be verified would stay.
    """
    retired = {key.blob for key in keys.removed}
    mine = [key.blob for key in keys.added if key.blob in keys.private]
    if keys.added and not mine:
        raise LifecycleError(
            "of no key that is to be added the private half is at hand, so that no login could verify it",
            remedy="Put it beside the .pub file, or name it with --new-identity FILE. Nothing was done.",
        )
    staying = mine or [blob for blob in keys.private if blob not in retired]
    if not staying:
        raise LifecycleError(
            "every key that is at hand is to be removed: nobody could log in afterwards to see that it works",
            remedy="Add a key with --add-key, or log in with one that stays: --identity FILE.",
        )
    added = {key.blob for key in keys.added}
    entry = [keys.entry, *mine, *(blob for blob in keys.private if blob not in added | {keys.entry})]
    return Order(
        wish=Wish(added=keys.added, removed=keys.removed, held=frozenset(staying)),
        entry=_distinct(keys, entry),
        held=_distinct(keys, mine or staying[:1]),
        retired=tuple(
            each[key.blob]
            for each in (keys.private, keys.certified)  # ssh offers both
            for key in keys.removed
            if key.blob in each
        ),
        tag=tag,
    )


def looking(keys: Keys) -> Order:
    """How to log in where nothing is to be changed."""
    wish = Wish(added=(), removed=(), held=frozenset())
    return Order(wish=wish, entry=tuple(keys.private.values()), held=(), retired=(), tag="audit")


def public(path: Path) -> PublicKey:
    """Read one public key from a file; a private one is refused and never shown."""
    try:
        return parse_public_key(path.read_text("utf-8-sig").strip())
    except KeyProblem as problem:
        raise LifecycleError(str(problem), where=str(path)) from None
    except UnicodeDecodeError:
        raise LifecycleError("is no text, and so no public key", where=str(path)) from None
    except OSError as error:
        raise LifecycleError(f"cannot be read: {error.strerror}", where=str(path)) from None


def privates(paths: Iterable[Path]) -> Iterator[paramiko.PKey]:
    """Read private keys; an error names the file and never shows what is in it."""
    for path in paths:
        try:
            text = path.read_text("utf-8", "replace")
        except OSError as error:
            raise LifecycleError(f"cannot be read: {error.strerror}", where=str(path)) from None
        try:
            yield private_key(text)
        except LifecycleError as error:
            raise LifecycleError(error.what, where=str(path), remedy=error.remedy) from None


def _readable(path: Path) -> bool:
    try:
        next(privates([path]))
    except LifecycleError:
        return False
    return True


def _certified(path: Path) -> paramiko.PKey | None:
    """The key with the certificate that lies beside it, where `ssh-keygen -s` leaves it and ssh finds it."""
    certificate = path.with_name(f"{path.name}-cert.pub")
    if not certificate.exists():
        return None
    (key,) = privates([path])
    with suppress(ValueError, OSError, paramiko.SSHException):
        key.load_certificate(str(certificate))
    if key.public_blob is None or "-cert-v" not in key.public_blob.key_type:
        raise LifecycleError("is no certificate of this key", where=str(certificate))
    return key


def _distinct(keys: Keys, blobs: Sequence[bytes]) -> tuple[paramiko.PKey, ...]:
    return tuple(keys.private[blob] for blob in dict.fromkeys(blobs))
