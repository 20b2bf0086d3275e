"""`python -m ops.preflight`: says in plain words what would fail before `pulumi up` does."""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.text import Text

from ops import cli, consoles, tables
from ops.core.preflight import Check, Status, Wanted, passed

VOLUME = re.compile(r"[A-Za-z][\w.-]*:vztmpl/[^/\s]+", re.ASCII)
STYLES = {Status.OK: "green", Status.WARNING: "yellow", Status.FAILED: "bold red", Status.NOT_CHECKED: "dim"}


def _volume(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not VOLUME.fullmatch(value):
        raise click.BadParameter("write STORAGE:vztmpl/FILE, as `pveam list STORAGE` shows it")
    return value


def _image(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value not in {None, "none"} and not str(value).startswith(("https://", "http://")):
        raise click.BadParameter("write an http(s) address, or none")
    return value


@click.command(name="pve-preflight")
@click.option("--node", default="pve1", show_default=True, help="The node that the guests are made on.")
@click.option("--snippets-storage", default="local", show_default=True, help="Where user-data is put.")
@click.option("--image-storage", default="local", show_default=True, help="Where the node puts cloud images.")
@click.option("--disk-storage", default="local-lvm", show_default=True, help="Where disks are made.")
@click.option("--container-template", metavar="VOLID", callback=_volume, help="The containers' template.")
@click.option("--image", metavar="URL|none", callback=_image, help="The VMs' cloud image; none: only clones.")
@cli.connection_option()
@cli.json_option()
def command(
    *,
    node: str,
    snippets_storage: str,
    image_storage: str,
    disk_storage: str,
    container_template: str | None,
    image: str | None,
    connection_file: Path | None,
    as_json: bool,
) -> int:
    """Check the settings, the API, the token's privileges, node, storages and SSH, and change nothing.

    Exit code 0: nothing failed (there may be warnings). 1: something would fail.
    """
    from ops.runs.preflight import inspect  # noqa: PLC0415 - paramiko and requests: half a second that --help spares

    wanted = Wanted(
        node=node,
        snippets_storage=snippets_storage,
        image_storage=image_storage,
        disk_storage=disk_storage,
        container_template=container_template,
        image=None if image == "none" else image,
        from_image=image != "none",
    )
    with consoles.progress_console().status("Asking Proxmox …"):
        checks = inspect(wanted, connection_file=connection_file, environment=os.environ)
    if as_json:
        cli.print_json({"ok": passed(checks), "checks": [asdict(check) for check in checks]})
    else:
        show(checks)
    return cli.DONE if passed(checks) else cli.FAILED


def show(checks: Sequence[Check]) -> None:
    """The report, and the verdict below it."""
    show_checks(checks)
    failures = sum(check.status is Status.FAILED for check in checks)
    verdict = f"{failures} would fail." if failures else "Ready for `pulumi up`."
    consoles.result_console().print(Text(f"\n{verdict}", style="bold"))


def show_checks(checks: Sequence[Check]) -> None:
    """A table, then what to do, in lines that are not broken so that commands can be copied."""
    console = consoles.result_console()
    rows = [
        (check.name, Text(check.status.value, STYLES[check.status]), check.what, check.where)
        for check in checks
    ]
    tables.show(console, ("check", "status", "what", "where"), rows)
    for check in checks:
        if check.remedy:
            console.print(Text(f"\n{check.name}: {check.what}\n{check.remedy}"), soft_wrap=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return cli.run(command, argv)


if __name__ == "__main__":
    sys.exit(main())
