"""The three ways in which `python -m ops.rotate_keys` goes, and what each says."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.text import Text

from ops import cli, consoles
from ops.clock import read_now
from ops.core.rotation import SETTLED
from ops.errors import LifecycleError
from ops.runs.rotation import audit as rotation_audit
from ops.runs.rotation import command as rotation_command
from ops.runs.rotation import keys as rotation_keys
from ops.runs.rotation import report as rotation_report
from ops.runs.rotation import run as rotation
from ops.runs.rotation.fleet import Result
from ops.runs.rotation.keys import KeyPaths

Given = Mapping[str, Any]


def rotate(given: Given) -> int:
    """Rotate, report, and say what the stack should hold."""
    now = read_now(os.environ)
    rotation_command.check_outputs(given["reports"], given["stack"])
    policy = rotation.Policy(
        parallel=given["parallel"], canaries=given["canary"], max_failures=given["max_failures"]
    )
    with _recorded(given["metrics_directory"], now) as record:
        begun = rotation_command.begun(
            _where(given), _paths(given), now, resume=given["resume"], environment=os.environ
        )
        with begun as prepared, _progress(len(prepared.hosts)) as done:
            results = rotation_command.carry_out(prepared, policy, done)
        document = rotation_command.told(prepared, results)
        record.succeeded = bool(document["ok"])
    troubles = [record.trouble] if record.trouble else []  # what was done on the hosts is told all the same
    if any(result.state.verdict in SETTLED for result in results):
        with _noted(troubles):
            document["stack"] = rotation_command.change_stack(given["stack"], prepared.keys)
    with _noted(troubles):
        rotation_command.write_reports(given["reports"], document)
    document |= {"ok": document["ok"] and not troubles, "troubles": troubles}
    if given["as_json"]:
        cli.print_json(document)
    else:
        sentences = (rotation_report.summary(results), document.get("stack", ""), *troubles)
        _say(lambda tables: tables.show(results), *sentences)
    return cli.DONE if document["ok"] else cli.FAILED


def plan(given: Given) -> int:
    """Look everywhere and show what would be written."""
    prepared = rotation_command.prepared(_where(given), _paths(given), read_now(os.environ))
    results = rotation.plan(prepared.hosts, prepared.order, given["parallel"])
    if given["as_json"]:
        cli.print_json(rotation_report.plan_document(results, prepared.order))
    else:
        _say(lambda tables: tables.show_plan(results, prepared.order), "Nothing was changed.")
    return cli.DONE if all(result.state.verdict is None for result in results) else cli.FAILED


def audit(given: Given) -> int:
    """Look everywhere for retired keys."""
    now = read_now(os.environ)
    retired = [rotation_keys.public(path) for path in given["audit"]]
    # A host that was set back knows nothing but the keys of that day: the retired one is a way in, too.
    order = rotation_keys.looking(rotation_keys.load(replace(_paths(given), remove=given["audit"])))
    findings = rotation_audit.audit(_where(given).hosts(), order, retired, given["parallel"])
    troubles: list[str] = []
    if given["metrics_directory"] and not given["dry_run"]:
        from ops.runs.rotation import metrics as rotation_metrics  # noqa: PLC0415 - prometheus_client

        with _noted(troubles):
            rotation_metrics.write_metrics(given["metrics_directory"], findings, retired, now)
    if given["as_json"]:
        cli.print_json(rotation_audit.document(findings, retired) | {"troubles": troubles})
    else:
        _say(lambda tables: tables.show_findings(findings), *troubles)
    return cli.DONE if rotation_audit.clean(findings) and not troubles else cli.FAILED


def _where(given: Given) -> rotation_command.Where:
    login = ("user", "port", "known_hosts", "accept_new", "consoles", "dry_run")
    names = ("hosts_file", "connection_file", *login)
    return rotation_command.Where(selection=given["selection"], **{name: given[name] for name in names})


def _paths(given: Given) -> KeyPaths:
    return KeyPaths(
        add=given["add_key"],
        remove=given["remove_key"],
        identity=given["identity"],
        new_identities=given["new_identity"],
    )


def _say(show: Callable[[Any], None], *sentences: str) -> None:
    from ops.runs.rotation import tables  # noqa: PLC0415 - rich.table, where --json wants none

    show(tables)
    console = consoles.result_console()
    for sentence in filter(None, sentences):
        console.print(Text(sentence), soft_wrap=True)


@contextmanager
def _noted(troubles: list[str]) -> Iterator[None]:
    """What fails after the hosts were worked on is told beside the result, and does not hide it."""
    try:
        yield
    except LifecycleError as error:
        troubles.append(str(error))


@contextmanager
def _recorded(directory: Path | None, now: datetime) -> Iterator[Any]:
    """What `ops.runs.recording` keeps of a run; it is loaded where somebody wants it."""
    if directory is None:
        yield SimpleNamespace(trouble="")
        return
    from ops.runs.recording import recorded  # noqa: PLC0415 - prometheus_client

    with recorded(directory, "rotate_keys", now) as record:
        yield record


@contextmanager
def _progress(count: int) -> Iterator[Callable[[Result], None]]:
    """A bar over the fleet, where somebody watches."""
    console = consoles.progress_console()
    if not console.is_terminal:
        yield lambda _result: None
        return
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Rotating", total=count)

        def done(result: Result) -> None:
            progress.update(task, advance=1, description=escape(f"{result.host}: {result.state.verdict}"))

        yield done
