"""The API that `bench.snapshots` asks, whose tasks take a while: a process of its own, as that of expiry."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.serving import ADDRESS, serve
from bench.snapshots import EACH, TASK_SECONDS
from lab.mends import MendedPve

DAY = 86_400


class SlowPve(MendedPve):
    """Its snapshot tasks take a while, as those of a storage do."""

    async def task(  # noqa: D102 - fakepve's
        self, node: str, ttype: str, tid: object, user: str, body: Callable[[], Awaitable[Any]], **given: Any
    ) -> str:
        async def longer() -> Any:
            await self.pause(TASK_SECONDS)
            return await body()

        return str(await super().task(node, ttype, tid, user, longer, **given))


def _fill(pve: MendedPve, count: int) -> None:
    now = int(time.time())
    for number in range(count):
        vmid, node = 100 + number, f"pve{number % 3 + 1}"
        add = pve.add_ct if number % 2 else pve.add_vm
        guest = add(vmid, f"guest{vmid}", node=node, config={"tags": "environment-lab"})
        for age in range(1, EACH + 1):
            taken = {"snaptime": now - age * DAY, "description": "nightly"}
            guest.snapshots[f"auto-{age}"] = dict(guest.config) | taken


async def _serve(count: int, latency: float) -> None:
    pve = SlowPve(host=ADDRESS, port=0)
    pve.time_scale = 1.0
    _fill(pve, count)
    pve.slow_network(latency)
    await serve(pve)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
