"""Ways to list the snapshots of a cluster: one guest after another, the least that is possible, and ours.

Each says how many it found, and the seconds that the work took. `python -m bench.snapshot_clients bare`
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from urllib.parse import urlsplit

ENDPOINT = os.environ["PROXMOX_VE_ENDPOINT"]
TOKEN = os.environ["PROXMOX_VE_API_TOKEN"]
BUNDLE = os.environ["PROXMOX_VE_CA_FILE"]
WORKERS = 32  # as many connections as ours keeps


def one_at_a_time() -> int:
    """As scripts do it, with the library that all of them use."""
    from proxmoxer import ProxmoxAPI  # noqa: PLC0415 - the other contestant does not pay for it

    begin()
    where = urlsplit(ENDPOINT)
    user, _, rest = TOKEN.partition("!")
    name, _, value = rest.partition("=")
    api = ProxmoxAPI(
        where.hostname, port=where.port, user=user, token_name=name, token_value=value, verify_ssl=BUNDLE
    )
    return sum(
        each["name"] != "current"
        for guest in api.cluster.resources.get(type="vm")
        for each in api.nodes(guest["node"])(guest["type"])(guest["vmid"]).snapshot.get()
    )


def bare() -> int:
    """Threads over one session of `requests`: no check, no retry, no words."""
    import requests  # noqa: PLC0415 - as above

    begin()
    with requests.Session() as session, ThreadPoolExecutor(WORKERS) as pool:
        session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=WORKERS))
        session.headers["Authorization"] = f"PVEAPIToken={TOKEN}"
        session.verify, session.trust_env = BUNDLE, False

        def get(path: str) -> list[dict[str, str]]:
            found: list[dict[str, str]] = session.get(f"{ENDPOINT}/api2/json/{path}").json()["data"]
            return found

        paths = [
            f"nodes/{guest['node']}/{guest['type']}/{guest['vmid']}/snapshot"
            for guest in get("cluster/resources?type=vm")
        ]
        return sum(each["name"] != "current" for rows in pool.map(get, paths) for each in rows)


def ours() -> int:
    """`pve-snapshot list`, whose document is read back."""
    from ops import snapshot, snapshot_report  # noqa: F401, PLC0415 - as above
    from ops.runs import cluster  # noqa: F401, PLC0415
    from ops.runs.snapshots import listing as snapshot_listing  # noqa: F401, PLC0415

    begin()
    with redirect_stdout(StringIO()) as said:
        snapshot.main(["list", "--json"])
    return len(json.loads(said.getvalue())["snapshots"])


def begin() -> None:
    """The process has started and imported what it needs: from here on it works."""
    started.append(time.perf_counter())


if __name__ == "__main__":
    started: list[float] = []
    found = globals()[sys.argv[1]]()
    sys.stdout.write(json.dumps({"found": found, "seconds": time.perf_counter() - started[0]}))
