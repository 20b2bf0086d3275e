"""The lab's Proxmox VE API: the mended fake with a journal, snippets that are files, guests that follow."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from fakepve.model import TaskError
from fakepve.server import API, EXTJS, USER

from .journal import Journal, Request, without_secrets
from .mends import MendedPve
from .parameters import sent

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SNIPPET_STORAGE = "local"
SNIPPETS = "snippets"


class Observer(Protocol):
    """Who is told that a guest's state may have changed."""

    async def follow(self, vmid: int, done: str) -> None:
        """Bring the guest in line after a task of the type `done`; raises `BootError` if it cannot start."""

    def addresses(self, vmid: int) -> tuple[str, ...]:
        """The addresses with prefix length that the running guest has."""


class BootError(Exception):
    """A guest cannot start, in PVE's words."""


class LabPve(MendedPve):
    """A cluster of one address: `observer` hears of every finished task before its client does."""

    def __init__(self, *, host: str, port: int, password: str, storage: Path) -> None:
        super().__init__(host=host, port=port, password=password)
        self.journal = Journal()
        self.storage = storage
        self.observer: Observer | None = None
        self.birth_keys: dict[int, str] = {}
        (storage / SNIPPETS).mkdir(parents=True, exist_ok=True)

    def _build_app(self) -> web.Application:
        app: web.Application = super()._build_app()
        app.middlewares.insert(0, self._note)
        return app

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note the request with its answer; an upload's body is not looked into."""
        status = 0
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        else:
            return response
        finally:
            self.journal.add(
                Request(
                    when=dt.datetime.now(dt.UTC),
                    method=request.method,
                    path=request.path.removeprefix(API).removeprefix(EXTJS).rstrip("/"),
                    who=request.get(USER) or "",
                    params=without_secrets(await _readable(request)),
                    status=status,
                )
            )

    async def stop(self) -> None:
        """Stop listening; who is still connected is cut off, not waited for."""
        connected = [handler.transport for handler in self.runner.server.connections] if self.runner else []
        await super().stop()
        for transport in filter(None, connected):
            transport.abort()
        await asyncio.sleep(0)

    async def task(  # noqa: D102, PLR0917 - fakepve's
        self,
        node: str,
        ttype: str,
        tid: object,
        user: str,
        body: Callable[[], Awaitable[Any]],
        vm: Any = None,
        lock: bool = True,  # noqa: FBT001, FBT002 - fakepve's signature
        log: Sequence[str] = (),
    ) -> str:
        async def followed() -> Any:
            try:
                note = await body()
            except TaskError:
                await self._tell(tid, "")
                raise
            await self._tell(tid, ttype)
            return note

        return str(await super().task(node, ttype, tid, user, followed, vm=vm, lock=lock, log=log))

    async def _tell(self, tid: object, done: str) -> None:
        if self.observer is None or not str(tid).isdigit():
            return
        try:
            await self.observer.follow(int(str(tid)), done)
        except BootError as error:
            raise TaskError(str(error)) from error

    async def _qm_clone(self, values: dict[str, Any], user: str) -> str:
        upid = str(await super()._qm_clone(values, user))
        # What a template holds is unknown here, but an agent in it is what templates are made for.
        self.vm(int(values["newid"])).agent_in_image = True
        return upid

    async def _lxc_create(self, user: str, values: dict[str, Any]) -> str:
        """PVE writes the keys into the container and keeps them nowhere else."""
        vmid = int(values["vmid"])
        if self.guest(vmid) is None:
            self.birth_keys[vmid] = values.get("ssh-public-keys") or ""
        return str(await super()._lxc_create(user, values))

    async def _lxc_interfaces(self, user: str, values: dict[str, Any]) -> Any:
        """PVE shows what the container really has; the fake only what its configuration says."""
        items = await super()._lxc_interfaces(user, values)
        own = self.observer.addresses(int(values["vmid"])) if self.observer else ()
        for item in (items or [])[1:2]:
            for cidr in reversed(own):  # the one that is reached comes first
                family = "inet6" if ":" in cidr else "inet"
                address, prefix = cidr.split("/")
                item[family] = cidr
                entry = {"ip-address-type": family, "ip-address": address, "prefix": prefix}
                item["ip-addresses"] = [entry, *(known for known in item["ip-addresses"] if known != entry)]
        return items

    def _volumes(self, name: str) -> dict[str, dict[str, Any]]:
        """PVE lists a directory's files: a snippet that came over SSH is there at once."""
        volumes: dict[str, dict[str, Any]] = super()._volumes(name)
        if name == SNIPPET_STORAGE:
            for path in sorted((self.storage / SNIPPETS).iterdir()):
                about = path.stat()
                entry = {
                    "content": SNIPPETS,
                    "format": "snippet",
                    "size": about.st_size,
                    "ctime": int(about.st_ctime),
                }
                volumes[f"{SNIPPETS}/{path.name}"] = entry
        return volumes

    async def _content_delete(self, values: dict[str, Any], user: str) -> Any:
        answer = await super()._content_delete(values, user)
        storage, name = self._volume_target(values)[:2]
        if storage == SNIPPET_STORAGE and name.startswith(f"{SNIPPETS}/"):
            (self.storage / name).unlink(missing_ok=True)
        return answer

    def snippet(self, volume: str) -> str:
        """The text of a snippet by its volume id; raises `BootError` in PVE's words."""
        storage, _, name = volume.partition(":")
        path = self.storage / name
        if storage != SNIPPET_STORAGE or not name.startswith(f"{SNIPPETS}/"):
            raise BootError(f"{volume} is not in the snippets directory")
        if not path.is_file():
            raise BootError(f"volume '{volume}' does not exist")
        return path.read_text("utf-8")


async def _readable(request: web.Request) -> dict[str, object]:
    try:
        return await sent(request)
    except Exception:  # noqa: BLE001 - the journal never spoils an answer
        return {}
