"""`python -m ops.audit`: what the operations may do, held against what they should be able to do."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.text import Text

from ops import cli, consoles
from ops.core.preflight import Status, passed
from ops.preflight import show_checks


@click.group(name="pve-audit")
def command() -> None:
    """Look at the rights that the operations have. Nothing is changed."""


@command.command()
@cli.connection_option()
@cli.json_option()
def permissions(*, connection_file: Path | None, as_json: bool) -> int:
    """Compare the token with the documented role LifecycleOperations.

    Exit code 0: it holds the role, and nothing with which guests could be lost (there may be warnings).
    1: a privilege is missing, or one too many could delete guests, take disks or widen itself.
    """
    from ops.runs.audit import inspect_permissions  # noqa: PLC0415 - the API's library: time that --help spares

    with consoles.progress_console().status("Asking Proxmox …"):
        checks = inspect_permissions(connection_file)
    if as_json:
        cli.print_json({"ok": passed(checks), "checks": [asdict(check) for check in checks]})
        return cli.DONE if passed(checks) else cli.FAILED
    show_checks(checks)
    amiss = sum(check.status is Status.FAILED for check in checks)
    verdict = "This is not the documented role." if amiss else "Ready for operations."
    consoles.result_console().print(Text(f"\n{verdict}", style="bold"))
    return cli.FAILED if amiss else cli.DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return cli.run(command, argv)


if __name__ == "__main__":
    sys.exit(main())
