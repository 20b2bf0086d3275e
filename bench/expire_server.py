"""The API that `bench.expire` asks: a process of its own, so that its work is not counted as a client's."""

import asyncio
import sys

from bench.serving import ADDRESS, serve
from lab.mends import MendedPve

NODES = 5
FIRST = 100
# By turns: over and running, over and stopped, not yet, production, and what somebody typed.
TAGS = (
    ("environment-lab;expires-2026-01-31;managed-by-pulumi", "running"),
    ("environment-lab;expires-2026-01-31", "stopped"),
    ("environment-lab;expires-2099-01-31;managed-by-pulumi", "running"),
    ("environment-prod;managed-by-pulumi;web", "running"),
    ("Env_LAB;Expires_2099-02-30", "running"),
)


def _fill(pve: MendedPve, count: int) -> None:
    for number in range(count):
        vmid, node = FIRST + number, f"pve{number % NODES + 1}"
        tags, status = TAGS[number % len(TAGS)]
        add = pve.add_ct if number % 2 else pve.add_vm
        add(vmid, f"guest{vmid}", node=node, status=status, config={"tags": tags})


async def _serve(count: int) -> None:
    pve = MendedPve(host=ADDRESS, port=0)
    _fill(pve, count)
    await serve(pve)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
