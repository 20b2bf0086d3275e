"""What a host says of its authorized_keys files, and which edits of them a rotation asks for."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ops.core import authorized_keys
from ops.core.authorized_keys import EditProblem
from ops.core.keys import PublicKey

NONE = frozenset({"", "none"})


def digest(content: bytes) -> str:
    """The SHA-256 of a file's bytes, as sha256sum writes it."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, kw_only=True)
class KeyFile:
    """One file that sshd reads for the user.

    Attributes:
        name: as sshd's configuration gives it.
        path: where it really lies, symlinks followed.
        content: its bytes; None where there is no file, or none that can be read.
        access: how it can be replaced: `own`, `sudo`, or empty for not at all.
        backup: what a run that was cut short left beside it: its bytes before that run.
    """

    name: str
    path: str
    content: bytes | None
    access: str = "own"
    backup: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One look at a host. `settings` are sshd's effective ones for this user, lower case; may be empty."""

    user: str
    home: str
    files: tuple[KeyFile, ...]
    settings: Mapping[str, str]
    is_node: bool = False

    @property
    def there(self) -> tuple[KeyFile, ...]:
        """The files that have content, each path once."""
        return tuple({file.path: file for file in self.files if file.content is not None}.values())

    def login_blobs(self) -> frozenset[bytes]:
        """The keys that log in by any of the files."""
        return frozenset().union(*(authorized_keys.login_blobs(file.content or b"") for file in self.files))

    def blobs(self) -> frozenset[bytes]:
        """The keys that stand in any of the files."""
        return frozenset().union(*(authorized_keys.blobs(file.content or b"") for file in self.files))


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One file's bytes before and after, and how to get there. Without a `before` any bytes are replaced."""

    path: str
    before: bytes | None
    after: bytes
    access: str


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a rotation is for. The key in place i of `added` takes over from the one in place i of `removed`.

    `held` are the blobs whose private halves are at hand and that shall log in afterwards.
    """

    added: tuple[PublicKey, ...]
    removed: tuple[PublicKey, ...]
    held: frozenset[bytes]

    @property
    def retired(self) -> frozenset[bytes]:
        """The blobs that shall be gone."""
        return frozenset(key.blob for key in self.removed)


def obstacle(seen: Seen) -> str | None:
    """Why this host is left alone, or None."""
    if seen.is_node or any(file.path.startswith("/etc/pve/") for file in seen.files):
        return (
            "this is a Proxmox VE node: its keys are the cluster's (/etc/pve/priv/authorized_keys) and are "
            "not rotated here"
        )
    if not seen.there:
        names = ", ".join(file.name for file in seen.files) or "none"
        return f"the key that logs in stands in no file that could be edited (AuthorizedKeysFile: {names})"
    return None


def doubts(seen: Seen, retired: Collection[bytes]) -> tuple[str, ...]:
    """What else than these files may let a removed key in: revocation cannot be promised then."""
    authorities = tuple(
        f"revocation cannot be promised: {file.path} names a certificate authority, and a certificate for a "
        "removed key would open"
        for file in seen.there
        if any(
            line.is_authority and line.blob not in retired
            for line in authorized_keys.read(file.content or b"")
        )
    )
    if not seen.settings:
        words = "sshd's effective configuration could not be read (no root, no sudo): the files are sshd's "
        return (*authorities, f"{words}default ones, and what holds is the proof by login")
    names = seen.settings.get("authorizedkeysfile", "")
    if any(name[0] not in "/.%" and name not in NONE for name in names.split()):
        words = f"sshd -T tells names without quotes, and one of these may hold a blank: {names}"
        authorities = (*authorities, f"revocation cannot be promised: {words}")
    told = {
        "authorizedkeyscommand": "AuthorizedKeysCommand",
        "trustedusercakeys": "TrustedUserCAKeys",
    }
    settings = (
        f"revocation cannot be promised: {name} is set to {seen.settings[key]}"
        for key, name in told.items()
        if seen.settings.get(key, "").lower() not in NONE
    )
    return (*authorities, *settings)


def additions(seen: Seen, wish: Wish, entered_with: bytes) -> tuple[Edit, ...]:
    """The edits that add the new keys beside those they take over from; none where they are there already."""
    after = {file.path: file.content or b"" for file in seen.there}
    present = seen.login_blobs()
    for number, key in enumerate(wish.added):
        if key.blob not in present:
            model = _model(seen, wish, number, entered_with)
            place = _place(seen, (model, entered_with))
            options = authorized_keys.options_of(place.content or b"", model) if model else ()
            after[place.path] = authorized_keys.add(after[place.path], key, options or (b"",))
    return _edits(seen.there, after)


def removals(files: Sequence[KeyFile], retired: Collection[bytes]) -> tuple[Edit, ...]:
    """The edits that remove the keys from every file.

    Raises:
        EditProblem: no key would be left, or a file that holds one cannot be replaced.
    """
    left = {file.path: authorized_keys.login_blobs(file.content or b"") - set(retired) for file in files}
    everywhere = frozenset().union(*left.values())
    after = {
        file.path: authorized_keys.remove(file.content or b"", retired, elsewhere=everywhere)
        for file in files
    }
    return _edits(files, after)


def originals(seen: Seen, wish: Wish, entered_with: bytes) -> tuple[KeyFile, ...]:
    """The files as they were before this rotation: a backup counts where only the rotation came after it."""
    born = tuple(replace(file, content=file.backup or file.content) for file in seen.there)
    past = replace(seen, files=born)
    try:
        added = edited(born, additions(past, wish, entered_with))
        removed = edited(added, removals(added, wish.retired))
    except EditProblem:
        return seen.there
    now = [file.content for file in seen.there]
    ours = (born, added, removed)
    return born if any(now == [file.content for file in files] for files in ours) else seen.there


def edited(files: Sequence[KeyFile], edits: Sequence[Edit]) -> tuple[KeyFile, ...]:
    """The files as they are after these edits."""
    after = {edit.path: edit.after for edit in edits}
    return tuple(replace(file, content=after.get(file.path, file.content)) for file in files)


def way_back(
    first: Sequence[KeyFile], files: Sequence[KeyFile], removed: Collection[str]
) -> tuple[Edit, ...]:
    """The edits from the files as they are to those that were there first.

    Where we have `removed` a key, whatever stands there is replaced: a way in comes before another's edit.
    Elsewhere that may be a rotation which is done, and stays.
    """
    return tuple(
        Edit(
            path=now.path,
            before=None if now.path in removed else now.content,
            after=then.content or b"",
            access=now.access,
        )
        for then, now in zip(first, files, strict=True)
        if then.content != now.content
    )


def _model(seen: Seen, wish: Wish, number: int, entered_with: bytes) -> bytes | None:
    """The key whose options the added one takes over: its counterpart, or another of those that go."""
    mine = wish.removed[number : number + 1]
    candidates = [key.blob for key in (*mine, *wish.removed)]
    present = seen.login_blobs()
    if entered_with in candidates[len(mine) :] and not mine:
        candidates.insert(0, entered_with)
    return next((blob for blob in candidates if blob in present), None)


def _place(seen: Seen, beside: Sequence[bytes | None]) -> KeyFile:
    """The file that the first of these keys stands in; else the first that can be replaced."""
    for blob in beside:
        for file in seen.there:
            if blob in authorized_keys.login_blobs(file.content or b""):
                return file
    return next((file for file in seen.there if file.access), seen.there[0])


def _edits(files: Sequence[KeyFile], after: Mapping[str, bytes]) -> tuple[Edit, ...]:
    edits = tuple(
        Edit(path=file.path, before=file.content or b"", after=after[file.path], access=file.access)
        for file in files
        if after[file.path] != (file.content or b"")
    )
    for edit in edits:
        if not edit.access:
            raise EditProblem(f"{edit.path} cannot be replaced by this user, with or without sudo")
    return edits
