"""How PVE reads what a request gives, where the fake drops something or refuses it."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from fakepve import server

FORM = "application/x-www-form-urlencoded"
# pve-common, PVE::Tools::split_list; the API server puts a NUL between the values of a name that is repeated.
SEPARATORS = re.compile(r"[\0,;\s]+")
OPTIONS = ("delete", "revert")  # lists of the configuration's keys
GUEST_CONFIG = re.compile(r"/(?:qemu|lxc)/\d+/config$")
TEXTS = ("description", "tags")
MENDED = web.AppKey("MENDED", bool)  # on the applications that are to read as PVE does
_taken_by_the_fake = server.params


async def sent(request: web.Request) -> dict[str, Any]:
    """What was sent, the empty values of a form among it: the fake drops those."""
    taken: dict[str, Any] = await _taken_by_the_fake(request)
    if request.content_type != FORM:
        return taken
    pairs = parse_qsl((await request.read()).decode(), keep_blank_values=True)
    return {name: "" for name, value in pairs if not value} | taken


async def as_pve_reads(request: web.Request) -> dict[str, Any]:
    """PVE takes `delete` however it is separated or repeated, and an empty text of a guest for none."""
    if MENDED not in request.app:
        return dict(await _taken_by_the_fake(request))
    given = await sent(request)
    if request.method in {"PUT", "POST"} and GUEST_CONFIG.search(request.path):
        given = _without_empty_texts(given)
    return given | {name: _joined(given[name]) for name in OPTIONS if isinstance(given.get(name), str | list)}


def _without_empty_texts(given: Mapping[str, Any]) -> dict[str, Any]:
    """The line of an empty text is not in the file that PVE reads back."""
    empty = [name for name in TEXTS if given.get(name) == ""]
    kept = {name: value for name, value in given.items() if name not in empty}
    return kept | {"delete": _joined([_joined(given.get("delete") or ""), *empty])} if empty else kept


def _joined(words: str | list[str]) -> str:
    text = words if isinstance(words, str) else ",".join(words)
    return ",".join(filter(None, SEPARATORS.split(text)))
