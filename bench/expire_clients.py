"""Who asks in `bench.expire`: each says how long it took and how many guests it found, as JSON."""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import requests

NOW = datetime(2026, 12, 1, 7, tzinfo=UTC)


def bare() -> int:
    """The one call that is needed at least, its answer parsed, and nothing done with it."""
    with _session() as session:
        return len(_get(session, "cluster/resources?type=vm"))


def one_by_one() -> int:
    """As the scripts do that ask each guest for its tags."""
    with _session() as session:
        for row in _get(session, "cluster/resources?type=vm"):
            _get(session, f"nodes/{row['node']}/{row['type']}/{row['vmid']}/config")["tags"]
        return len(_get(session, "cluster/resources?type=vm"))


def scan() -> int:
    """Ours: the guests read, and one decision on each of them."""
    from ops.adapters.api import Api  # noqa: PLC0415 - the other contestants do not pay for it
    from ops.adapters.connection import from_environment  # noqa: PLC0415 - as above
    from ops.adapters.proxmox import Proxmox  # noqa: PLC0415 - as above
    from ops.core.expiring import Policy, decide_all  # noqa: PLC0415 - as above

    settings = from_environment(os.environ)
    api = Api(settings)
    verdicts = decide_all(Proxmox(api).guests(), Policy(now=NOW, zone=settings.zone))
    api.close()
    return len(verdicts)


def whole() -> int:
    """Ours, all that the command does before it would tell and stop: nodes, their clocks, the report."""
    from ops.expire import main  # noqa: PLC0415 - as above

    with redirect_stdout(StringIO()) as said:
        main(("--dry-run", "--show-all", "--json"))
    return len(json.loads(said.getvalue())["plan"])


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"PVEAPIToken={os.environ['PROXMOX_VE_API_TOKEN']}"
    session.verify = os.environ["PROXMOX_VE_CA_FILE"]
    return session


def _get(session: requests.Session, path: str) -> Any:
    answer = session.get(f"{os.environ['PROXMOX_VE_ENDPOINT']}/api2/json/{path}", timeout=60)
    answer.raise_for_status()
    return answer.json()["data"]


CLIENTS: dict[str, Callable[[], int]] = {each.__name__: each for each in (bare, scan, whole, one_by_one)}

if __name__ == "__main__":
    chosen = CLIENTS[sys.argv[1]]
    if chosen in {scan, whole}:
        # Imports count as the process's start, for all alike.
        import ops.cli
        import ops.expire
        import ops.runs.expiry.run

        gc.set_threshold(ops.cli.COLLECT_AFTER)  # as the command itself does
    begin, busy = time.perf_counter(), time.process_time()
    found = chosen()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - busy
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "found": found}))
