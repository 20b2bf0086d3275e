"""The public keys in a stack file, edited as text: comments, order and every other byte stay as they are."""

import json
import re
from collections.abc import Sequence

from ops.core.keys import KeyProblem, PublicKey, parse_public_key

KEYS = "pve-lifecycle:ssh_keys"
ITEM = re.compile(r"(?P<lead>[ \t]*-[ \t]+)(?P<value>\S.*?)(?P<end>[ \t]*(?:[ \t]#[^\n]*)?\r?\n?)", re.DOTALL)
KEY_ITEM = re.compile(r"[ \t]*-[ \t]+[\"']?(?:ssh|ecdsa|sk)-")
HEADING = re.compile(r"(?P<lead>[ \t]+)(?P<name>[\"']?[\w:-]+[\"']?):(?P<value>.*?)(?P<end>\r?\n?)")
EMPTY = frozenset({"", "[]"})


class StackProblem(ValueError):  # noqa: N818  it is read as a sentence: "the problem with this file is ..."
    """Why a stack file is not edited."""


def with_keys(text: str, added: Sequence[PublicKey], removed: Sequence[PublicKey]) -> str:
    """Put each added key where the removed one in its place stands, or at the end of `ssh_keys`.

    Raises:
        StackProblem: the lists are written in a way that is not edited here.
    """
    lines = _pieces(text)
    successors = dict(zip([key.blob for key in removed], added, strict=False))
    retired = {key.blob for key in removed}
    present = {blob for line in lines if (blob := _blob(line))}
    edited = []
    for line in lines:
        blob = _blob(line)
        heir = successors.get(blob) if blob else None
        if blob not in retired:
            edited.append(line)
        elif heir is not None and heir.blob not in present:
            edited.append(_item(line, heir))
    missing = [key for key in added if key.blob not in {_blob(line) for line in edited}]
    result = "".join(_closed(_extended(edited, missing) if missing else edited))
    left = [key for key in removed if str(key).split()[1] in result]
    if left:
        raise StackProblem(
            f"it holds {left[0].comment or 'a removed key'} in a place that is not a list's item"
        )
    return result


def _pieces(text: str) -> list[str]:
    """The lines; a key that YAML has folded into several is one piece."""
    pieces: list[str] = []
    for line in text.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip())
        folded = (
            pieces
            and KEY_ITEM.match(pieces[-1])
            and line.strip()
            and indent > len(pieces[-1]) - len(pieces[-1].lstrip())
            and not line.lstrip().startswith(("- ", "#"))
        )
        if folded:
            pieces[-1] += line
        else:
            pieces.append(line)
    return pieces


def _blob(line: str) -> bytes | None:
    """The key of a list's item."""
    item = ITEM.fullmatch(line)
    try:
        return parse_public_key(" ".join(_plain(item["value"]).split())).blob if item else None
    except KeyProblem:
        return None


def _plain(value: str) -> str:
    return value[1:-1] if value[:1] in {'"', "'"} and value[-1:] == value[:1] else value


def _item(line: str, key: PublicKey) -> str:
    item = ITEM.fullmatch(line)
    return f"{item['lead']}{_scalar(key)}{item['end']}" if item else line


def _scalar(key: PublicKey) -> str:
    """The key as YAML takes it: plain, where its comment holds nothing that YAML would read otherwise."""
    text = str(key)
    return text if re.fullmatch(r"[\w@.+/= -]+", text) else json.dumps(text, ensure_ascii=False)


def _extended(lines: list[str], keys: Sequence[PublicKey]) -> list[str]:
    """The lines with the keys at the end of `ssh_keys`, which may be empty and must be there."""
    for number, line in enumerate(lines):
        heading = HEADING.fullmatch(line)
        if heading is None or heading["name"].strip("\"'") != KEYS:
            continue
        value = heading["value"].partition(" #")[0].strip()
        if value not in EMPTY:
            raise StackProblem(f"{KEYS} is not written as one key a line")
        end = number + 1
        while end < len(lines) and ITEM.fullmatch(lines[end]):
            end += 1
        model = ITEM.fullmatch(lines[end - 1])
        lead = model["lead"] if model else f"{heading['lead']}  - "
        ending = heading["end"] or "\n"
        head = line.replace("[]", "", 1).rstrip() + ending if value else line
        items = [f"{lead}{_scalar(key)}{ending}" for key in keys]
        return [*lines[:number], head, *lines[number + 1 : end], *items, *lines[end:]]
    raise StackProblem(f"it has no {KEYS}")


def _closed(lines: list[str]) -> list[str]:
    """A list that lost its last item is written as an empty one."""
    closed = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        heading = HEADING.fullmatch(line)
        is_keys = heading is not None and "ssh_keys" in heading["name"] and not heading["value"].strip()
        bare = is_keys and not ITEM.fullmatch(following) and not following.lstrip().startswith("#")
        closed.append(f"{line.rstrip()} []{heading['end']}" if bare and heading else line)
    return closed
