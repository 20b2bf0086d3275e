"""The API that `bench.snapshots` asks: a process of its own, so that its work is not counted as a client's.

It says on stdout how it is reached, as JSON, and serves until its standard input ends.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lab.accounts import open_accounts
from lab.mends import MendedPve
from lab.tls import make_certificates

ADDRESS = "127.0.0.1"
EACH = 5  # snapshots of a guest
DAY = 86_400
TASK_SECONDS = 2.0  # of a snapshot and of a rollback


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
    with tempfile.TemporaryDirectory() as folder:
        certificates = make_certificates(Path(folder), ADDRESS, ("pve1",))
        pve = SlowPve(host=ADDRESS, port=0)
        pve.time_scale = 1.0
        _fill(pve, count)
        token = open_accounts(pve).operations
        pve.slow_network(latency)
        await pve.start(str(certificates.certificate), str(certificates.key))
        reached = {
            "PROXMOX_VE_ENDPOINT": str(pve.url),
            "PROXMOX_VE_API_TOKEN": token,
            "PROXMOX_VE_CA_FILE": str(certificates.ca),
        }
        sys.stdout.write(json.dumps(reached) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await pve.stop()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
