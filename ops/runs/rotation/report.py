"""A rotation told: as a document for programs, as Markdown for a merge request, in a sentence for people."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ops.core import authorized_keys
from ops.core.keys import PublicKey, fingerprint
from ops.core.rotation import Verdict
from ops.runs.rotation.fleet import Result
from ops.runs.rotation.host import Order
from ops.runs.rotation.run import edits_to_come


def document(
    results: Sequence[Result], *, tag: str, added: Iterable[PublicKey], removed: Iterable[PublicKey]
) -> dict[str, Any]:
    """Plain values, ready for JSON; no key is told but by fingerprint and comment."""
    return {
        "ok": all(result.state.verdict is Verdict.ROTATED for result in results),
        "run": tag,
        "added": list(map(_key, added)),
        "removed": list(map(_key, removed)),
        "counts": dict(Counter(verdict_of(result) for result in results)),
        "hosts": [_host(result) for result in results],
    }


def markdown(told: dict[str, Any]) -> str:
    """The document as a page."""
    rows = [
        f"| {_plain(host['name'])} | {_plain(host['target'] or '-')} | {host['verdict']} | {_cell(host)} |"
        for host in told["hosts"]
    ]
    keys = [
        f"* {word}: `{key['fingerprint']}` {_plain(key['comment'])}".rstrip()
        for word in ("added", "removed")
        for key in told[word]
    ]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in told["counts"].items())
    head = ["# SSH key rotation", "", f"Run `{told['run']}`: {counts}.", "", *keys, ""]
    table = ["| host | login | verdict | why |", "|---|---|---|---|", *rows, ""]
    return "\n".join([*head, *table])


def plan_document(results: Sequence[Result], order: Order) -> dict[str, Any]:
    """What would be done, as plain values."""
    hosts = [_host(result) | {"verdict": intent(result), "edits": edits(result, order)} for result in results]
    return {"dry_run": True, "hosts": hosts}


def intent(result: Result) -> str:
    """What would come of a host, in a few words."""
    return result.state.verdict.value if result.state.verdict else "would be rotated"


def edits(result: Result, order: Order) -> list[str]:
    """The edits that would be made, a line for each file."""
    told = []
    for edit in edits_to_come(result.state, order):
        before, after = (authorized_keys.blobs(content or b"") for content in (edit.before, edit.after))
        signs = [f"+{fingerprint(blob)}" for blob in sorted(after - before)]
        signs += [f"-{fingerprint(blob)}" for blob in sorted(before - after)]
        told.append(f"{edit.path}: {' '.join(signs)}")
    return told


def summary(results: Sequence[Result]) -> str:
    """The counts in a sentence, and what they ask for."""
    counts = Counter(verdict_of(result) for result in results)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    if counts[Verdict.ROTATED] == len(results) and any(result.state.in_doubt for result in results):
        return f"{said}. The notes say how a certificate or a key command might yet let the old key in."
    if counts[Verdict.ROTATED] == len(results):
        return f"{said}. The old private key is of no use any more."
    return f"{said}. Keep the old private key until a run ends with every host rotated."


def _host(result: Result) -> dict[str, Any]:
    state, target = result.state, result.host.target
    return {
        "name": result.host.name,
        "vmid": result.host.vmid,
        "target": str(target) if target else None,
        "verdict": verdict_of(result),
        "words": state.words,
        "notes": list(state.notes),
        "files": [file.path for file in state.files],
        "seconds": None if result.seconds is None else round(result.seconds, 2),
    }


def _key(key: PublicKey) -> dict[str, str]:
    return {"fingerprint": fingerprint(key.blob), "comment": key.comment}


def verdict_of(result: Result) -> str:
    """The verdict in a word."""
    return (result.state.verdict or Verdict.FAILED).value


def _cell(host: dict[str, Any]) -> str:
    words = "; ".join(filter(None, (host["words"], *host["notes"])))
    return _plain(words)


def _plain(words: str) -> str:
    """Words in a page as they are, and no mark of Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", words).replace("\n", " ")
