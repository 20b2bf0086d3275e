"""Where every operation begins: the connection, and one look at the whole cluster."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.adapters import connection
from ops.adapters.api import Api
from ops.adapters.proxmox import Proxmox
from ops.core.model import Guest
from ops.core.selection import Selection, SelectionError, choose
from ops.errors import LifecycleError


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Every guest that the token may see, and the nodes that nobody can reach now."""

    guests: tuple[Guest, ...]
    offline_nodes: tuple[str, ...] = ()

    def chosen(self, selection: Selection) -> list[Guest]:
        """The guests that are meant; an error where a word means none or several."""
        try:
            return choose(self.guests, selection)
        except SelectionError as error:
            raise LifecycleError(str(error), remedy="Nothing was done.") from None


@contextmanager
def opened(connection_file: Path | None) -> Iterator[tuple[connection.Connection, Proxmox]]:
    """Read the settings and give the cluster; nothing is sent before the first question."""
    settings = connection.load(connection_file, os.environ)
    api = Api(settings)
    try:
        yield settings, Proxmox(api)
    finally:
        api.close()


def observe(proxmox: Proxmox) -> Inventory:
    """Read the guests of the cluster with one call, and beside it which nodes are away.

    An empty list is an error: more often than an empty cluster it is a token that sees nothing (TRAPS A21).
    """
    with ThreadPoolExecutor(max_workers=1) as beside:
        asked = beside.submit(proxmox.nodes)
        guests = proxmox.guests()
    if not guests:
        raise LifecycleError(
            f"the token {proxmox.api.token_id} sees no guest at all",
            where=proxmox.api.endpoint,
            remedy="An empty list is what a token without VM.Audit on /vms gets, and so it is not taken for "
            "'nothing to do'. Give the token (and, with privilege separation, its user) the role.",
        )
    offline = [node.name for node in asked.result() if not node.online]
    return Inventory(guests=tuple(guests), offline_nodes=tuple(sorted(offline)))
