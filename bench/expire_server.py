"""The API that `bench.expire` asks: a process of its own, so that its work is not counted as a client's.

It says on stdout how it is reached, as JSON, and serves until its standard input ends.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from lab.accounts import open_accounts
from lab.mends import MendedPve
from lab.tls import make_certificates

ADDRESS = "127.0.0.1"
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
    with tempfile.TemporaryDirectory() as folder:
        certificates = make_certificates(Path(folder), ADDRESS, ("pve1",))
        pve = MendedPve(host=ADDRESS, port=0)
        _fill(pve, count)
        token = open_accounts(pve).operations
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
    asyncio.run(_serve(int(sys.argv[1])))
