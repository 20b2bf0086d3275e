"""What the API processes of the benchmarks share: each has a cluster to fill, and serves it until it is left.

It stands apart from `bench.measure`: who measures imports nothing of the lab, for a child's peak of memory is
never said to be less than what its parent had when it started it.
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


async def serve(pve: MendedPve) -> None:
    """Say on stdout how it is reached, as JSON, and serve until standard input ends."""
    with tempfile.TemporaryDirectory() as folder:
        certificates = make_certificates(Path(folder), ADDRESS, ("pve1",))
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
