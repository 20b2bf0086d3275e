"""What `python -m ops.rotate_keys` does between its options and its words: read, look, rotate or audit."""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.adapters import rotation_journal, stack_file
from ops.adapters.known_hosts import KnownHosts, from_console
from ops.adapters.rotation_journal import Journal
from ops.adapters.run_lock import only_run
from ops.core.selection import Selection
from ops.core.stack_keys import with_keys
from ops.errors import LifecycleError
from ops.runs.rotation import keys as rotation_keys
from ops.runs.rotation import report as rotation_report
from ops.runs.rotation import targets as rotation_targets
from ops.runs.rotation.fleet import Result
from ops.runs.rotation.host import Order
from ops.runs.rotation.keys import KeyPaths, Keys
from ops.runs.rotation.run import Policy, apply
from ops.runs.rotation.targets import Host, Login


@dataclass(frozen=True, kw_only=True)
class Where:
    """Which hosts, and how they are logged in to. Exactly one of the first two is given."""

    selection: Selection | None = None
    hosts_file: Path | None = None
    connection_file: Path | None = None
    user: str | None = None
    port: int | None = None
    known_hosts: Path
    accept_new: bool = False
    dry_run: bool = False
    consoles: Mapping[str, Path] = field(default_factory=dict)

    def hosts(self) -> list[Host]:
        """Find them; nobody is logged in to."""
        login = Login(user=self.user, port=self.port, known_hosts=self._book())
        if self.hosts_file is not None:
            return rotation_targets.from_file(self.hosts_file, login)
        if self.selection is None:
            raise AssertionError("either a file or a selection")
        return rotation_targets.from_cluster(self.selection, login, self.connection_file)

    def _book(self) -> KnownHosts:
        pinned = [line for names, path in self.consoles.items() for line in _console(path, names.split(","))]
        book = KnownHosts.read(self.known_hosts.expanduser(), accept_new=self.accept_new, pinned=pinned)
        if self.dry_run:  # it writes nothing, here either
            book.path = None
        return book


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """A rotation that is ready to be shown or done."""

    keys: Keys
    order: Order
    hosts: list[Host]
    journal: Journal | None = None


def prepared(where: Where, paths: KeyPaths, now: datetime) -> Rotation:
    """Read keys and hosts, for a run that writes nothing."""
    keys = rotation_keys.load(paths)
    return Rotation(keys=keys, order=rotation_keys.order(keys, _tag(now)), hosts=where.hosts())


def change_stack(stack: str | None, keys: Keys) -> str:
    """Put the keys into the stack's file, where one is named, or say what to put there."""
    lines = [*(f"  + {key}" for key in keys.added), *(f"  - {key}" for key in keys.removed)]
    if stack is None:
        head = "Guests to come are born with the keys of the stack's file; --update-stack STACK writes there:"
    else:
        path = stack_file.path_of(stack, Path.cwd())
        changed = stack_file.edit(path, lambda text: with_keys(text, keys.added, keys.removed))
        head = f"{path.name}: {'changed' if changed else 'nothing to change'}"
    return "\n".join([head, *lines])


@contextmanager
def begun(
    where: Where, paths: KeyPaths, now: datetime, *, resume: bool, environment: Mapping[str, str]
) -> Iterator[Rotation]:
    """A rotation with its journal, and no other beside it."""
    keys = rotation_keys.load(paths)
    rotation_keys.order(keys, "")  # what cannot be done is refused before anybody is asked anything
    with only_run("rotate-keys", "hosts", environment):
        hosts = where.hosts()
        directory = rotation_journal.journal_directory(environment)
        journal = _resumed(directory, keys) if resume else None
        journal = journal or rotation_journal.begin(directory, _tag(now), keys.purpose)
        order = rotation_keys.order(keys, journal.tag)
        yield Rotation(keys=keys, order=order, hosts=hosts, journal=journal)


def carry_out(rotation: Rotation, policy: Policy, done: Callable[[Result], None]) -> list[Result]:
    """Rotate the keys of all hosts."""
    if rotation.journal is None:
        raise AssertionError("a rotation is begun with a journal")
    return apply(rotation.hosts, rotation.order, policy, rotation.journal, done=done)


def told(rotation: Rotation, results: Sequence[Result]) -> dict[str, Any]:
    """The report as a document."""
    return rotation_report.document(
        results, tag=rotation.order.tag, added=rotation.keys.added, removed=rotation.keys.removed
    )


def check_outputs(reports: Sequence[Path], stack: str | None) -> None:
    """See before the first write on a host that what is written afterwards has its place."""
    for path in reports:
        if not path.parent.is_dir():
            raise LifecycleError("the report cannot be written: there is no such directory", where=str(path))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise LifecycleError("the report cannot be written: Permission denied", where=str(path))
    if stack is not None and not (path := stack_file.path_of(stack, Path.cwd())).is_file():
        raise LifecycleError("there is no such stack file; nothing was done", where=str(path))


def write_reports(paths: Sequence[Path], document: dict[str, Any]) -> None:
    """Write the document to each file, as JSON or Markdown by the file's suffix."""
    for path in paths:
        page = path.suffix == ".md"
        text = rotation_report.markdown(document) if page else json.dumps(document, indent=2) + "\n"
        try:
            path.write_text(text, "utf-8")
        except OSError as error:
            raise LifecycleError(f"the report cannot be written: {error.strerror}", where=str(path)) from None


def _resumed(directory: Path, keys: Keys) -> Journal:
    journal = rotation_journal.unfinished(directory, keys.purpose)
    if journal is None:
        raise LifecycleError(
            "no run with these keys was cut short: there is nothing to go on with",
            where=str(directory),
            remedy="Run it without --resume; hosts that are rotated already are seen as such.",
        )
    return journal


def _tag(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def _console(path: Path, names: Sequence[str]) -> list[str]:
    try:
        lines = from_console(path.read_text("utf-8", "replace"), names)
    except OSError as error:
        raise LifecycleError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if not lines:
        raise LifecycleError(
            "holds no host keys as cloud-init prints them (BEGIN SSH HOST KEY KEYS)", where=str(path)
        )
    return lines
