"""A guest's entry in a stack's configuration file: found by its number, and changed in one line.

The file is a person's: comments, order, quotes and line ends stay. So the YAML parser only says where
things stand, the text is cut there, and the result is parsed again and compared before it is written.
"""

import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ops.errors import LifecycleError

KEY = "expires_on"
ZONE = "time_zone"
NULL = "tag:yaml.org,2002:null"
LISTS = ("virtual_machines", "containers")
OUR_REMARK = re.compile(r"[ \t]*# extended on \d{4}-\d{2}-\d{2}: ")


@dataclass(frozen=True, kw_only=True)
class Change:
    """New text for a stack file, with the text that it replaces."""

    path: Path
    before: str
    after: str

    def write(self) -> None:
        """Put the new text in place, at once."""
        _replace(self.path, self.after)

    def undo(self) -> None:
        """Put the old text back."""
        _replace(self.path, self.before)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A guest in a stack file, whose days end in `time_zone`; `node` knows where each of its words stands."""

    path: Path
    time_zone: str
    text: str
    place: tuple[str, int]
    node: yaml.MappingNode

    @property
    def expires_on(self) -> str | None:
        """The day that the entry names; `pulumi config set` leaves one without quotes as a midnight."""
        value = _value(self.node, KEY)
        given = isinstance(value, yaml.ScalarNode) and value.tag != NULL
        return value.value[: len("2027-01-31")] if given else None


def find_entry(project: Path, vmid: int, stack: str | None) -> Entry:
    """Find the guest in the project's stack files, or in the one that is named.

    Raises:
        LifecycleError: no file has it, several have it, or a file cannot be read.
    """
    files = [project / f"Pulumi.{stack}.yaml"] if stack else sorted(project.glob("Pulumi.*.yaml"))
    found = [entry for path in files for entry in _entries(path, vmid)]
    if len(found) == 1:
        return found[0]
    looked = ", ".join(path.name for path in files) or "none there"
    where = ", ".join(entry.path.name for entry in found)
    raise LifecycleError(
        f"more than one entry has vm_id {vmid}: {where}" if found else f"no stack file has vm_id {vmid}",
        where=str(project),
        remedy=f"The program owns this guest, so its day stands in a stack file (looked into: {looked}). "
        "Name the project's directory with --project and the stack with --stack.",
    )


def with_day(entry: Entry, day: date, remark: str) -> Change:
    """Give the entry its `expires_on`, with a remark in the line above it."""
    after = _edited(entry, day, remark)
    try:
        expected = _plain(entry.text)
    except (yaml.YAMLError, ValueError, TypeError) as error:  # such as a day that no calendar has
        raise LifecycleError(
            f"holds a value that cannot be read: {error}",
            where=str(entry.path),
            remedy="Correct it by hand. Nothing was changed.",
        ) from None
    key, index = entry.place
    expected["config"][key][index][KEY] = day.isoformat()
    try:
        agrees = _plain(after) == expected
    except yaml.YAMLError:
        agrees = False
    if not agrees:
        raise LifecycleError(
            "the entry is not written as a list of lines, so it is not edited here",
            where=f"{entry.path}, line {entry.node.start_mark.line + 1}",
            remedy=f'Write {KEY}: "{day}" into it, and type `pulumi up`.',
        )
    return Change(path=entry.path, before=entry.text, after=after)


def _edited(entry: Entry, day: date, remark: str) -> str:
    newline = "\r\n" if "\r\n" in entry.text else "\n"
    lines = entry.text.splitlines(keepends=True)
    margin = " " * entry.node.start_mark.column
    above = f"{margin}# extended on {remark}{newline}"
    value = _value(entry.node, KEY)
    if value is None:
        at = _value(entry.node, "vm_id").end_mark.line + 1
        if not lines[at - 1].endswith(("\n", "\r")):
            lines[at - 1] += newline
        lines[at:at] = [above, f'{margin}{KEY}: "{day}"{newline}']
        return "".join(lines)
    start, end, line = value.start_mark.index, value.end_mark.index, value.start_mark.line
    gap = " " if entry.text[start - 1] == ":" else ""
    lines = f'{entry.text[:start]}{gap}"{day}"{entry.text[end:]}'.splitlines(keepends=True)
    old = slice(line - 1, line) if line and OUR_REMARK.match(lines[line - 1]) else slice(line, line)
    lines[old] = [above]
    return "".join(lines)


def _entries(path: Path, vmid: int) -> list[Entry]:
    text = _read(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise LifecycleError(f"is not YAML: {error}", where=str(path)) from None
    config = _value(root, "config")
    settings = config.value if isinstance(config, yaml.MappingNode) else ()
    zone = next((value.value for key, value in settings if key.value.rpartition(":")[2] == ZONE), "")
    return [
        Entry(path=path, text=text, place=(key.value, index), node=node, time_zone=zone or "UTC")
        for key, value in settings
        if key.value.rpartition(":")[2] in LISTS and isinstance(value, yaml.SequenceNode)
        for index, node in enumerate(value.value)
        if isinstance(node, yaml.MappingNode) and getattr(_value(node, "vm_id"), "value", None) == str(vmid)
    ]


def _value(node: yaml.Node | None, name: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def _plain(text: str) -> Any:
    """The document without shared parts: an alias is a copy, a date its text."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise LifecycleError(f"cannot be read: {error}", where=str(path)) from None


def _replace(path: Path, text: str) -> None:
    """Write beside the file and rename, so that nobody finds half of it; mode and owner stay."""
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                known = target.stat()
                os.fchmod(file.fileno(), known.st_mode & 0o7777)
                if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), known.st_uid, known.st_gid)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LifecycleError(f"cannot be written: {error.strerror}", where=str(path)) from None
