"""Looking for keys that were retired: a rollback, a restore or cloud-init may bring them back (TRAPS G5)."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ops.core.key_files import doubts
from ops.core.keys import PublicKey, fingerprint
from ops.core.rotation import Looked, State
from ops.runs.rotation.fleet import everywhere
from ops.runs.rotation.host import HostRun, Order, Waits
from ops.runs.rotation.run import over_ssh
from ops.runs.rotation.targets import Host


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One host: the retired keys in its files, or in `words` why nobody could look."""

    host: Host
    present: tuple[PublicKey, ...] = ()
    words: str = ""


def audit(hosts: Sequence[Host], order: Order, retired: Sequence[PublicKey], parallel: int) -> list[Finding]:
    """Look on every host for the keys; nothing is changed anywhere."""

    def look(host: Host, waits: Waits) -> Finding:
        if host.target is None:
            return Finding(host=host, words=host.obstacle)
        with ExitStack() as rooms:
            run = HostRun(door=over_ssh(host, waits), order=order, waits=waits)
            observation = run.observed(State(), rooms)
        if not isinstance(observation, Looked):
            return Finding(host=host, words=getattr(observation, "words", ""))
        if not observation.seen.settings:
            (*_, words) = doubts(observation.seen, ())
            return Finding(host=host, present=_present(observation, retired), words=words)
        return Finding(host=host, present=_present(observation, retired))

    return everywhere(look, hosts, parallel)


def _present(looked: Looked, retired: Sequence[PublicKey]) -> tuple[PublicKey, ...]:
    blobs = looked.seen.blobs()
    return tuple(key for key in retired if key.blob in blobs)


def clean(findings: Sequence[Finding]) -> bool:
    """Whether everybody could be looked at and has none of the keys."""
    return not any(finding.present or finding.words for finding in findings)


def document(findings: Sequence[Finding], retired: Sequence[PublicKey]) -> dict[str, Any]:
    """Plain values, ready for JSON."""
    return {
        "ok": clean(findings),
        "retired": [{"fingerprint": fingerprint(key.blob), "comment": key.comment} for key in retired],
        "hosts": [
            {
                "name": finding.host.name,
                "vmid": finding.host.vmid,
                "present": [fingerprint(key.blob) for key in finding.present],
                "words": finding.words,
            }
            for finding in findings
        ],
    }
