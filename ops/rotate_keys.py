"""`python -m ops.rotate_keys`: new SSH keys for the fleet, old ones gone, and nobody locked out."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ops import cli
from ops.core.selection import Selection, SelectionError
from ops.core.tags import Environment

FILE = click.Path(path_type=Path, dir_okay=False)
ENVIRONMENTS = click.Choice([each.value for each in Environment])


def _consoles(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, Path]:
    pairs = [text.partition("=") for text in given]
    if not all(name and path for name, _, path in pairs):
        raise click.BadParameter("write ADDRESS=FILE")
    return {name: Path(path) for name, _, path in pairs}


def _key_options(command: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.option("--new-identity", type=FILE, multiple=True, help="A new private half from elsewhere."),
        click.option(
            "--identity",
            type=FILE,
            envvar="PVE_LIFECYCLE_IDENTITY",
            show_envvar=True,
            help="The private key that logs in now; else the one beside a --remove-key.",
        ),
        click.option("--remove-key", type=FILE, multiple=True, help="A public key to remove; repeatable."),
        click.option("--add-key", type=FILE, multiple=True, help="A public key to add; repeatable."),
    ):
        command = option(command)
    return command


def _host_options(command: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.option(
            "--console",
            "consoles",
            multiple=True,
            metavar="ADDRESS=FILE",
            callback=_consoles,
            help="Take host keys from a guest's console log, as cloud-init prints them.",
        ),
        click.option("--accept-new", is_flag=True, help="Note the host key of a host that is not known yet."),
        click.option(
            "--known-hosts",
            type=FILE,
            default=Path("~/.ssh/known_hosts"),
            show_default=True,
            envvar="PVE_LIFECYCLE_KNOWN_HOSTS",
            show_envvar=True,
            help="Host keys, as OpenSSH keeps them.",
        ),
        click.option(
            "--port",
            type=click.IntRange(1, 65535),
            envvar="PVE_LIFECYCLE_SSH_PORT",
            show_envvar=True,
            help="The SSH port where no file tells it; else 22.",
        ),
        click.option("--user", help="The login name where neither Proxmox VE nor a file tells it."),
        click.option(
            "--hosts",
            "hosts_file",
            type=FILE,
            help="A file of hosts, NAME ADDRESS [PORT] [USER] or the stack's output `guests`.",
        ),
        click.option("--all", "everything", is_flag=True, help="All guests of the cluster."),
        click.option("--env", "environment", type=ENVIRONMENTS, help="All guests with this environment tag."),
        click.argument("guests", metavar="[GUEST]...", nargs=-1),
    ):
        command = option(command)
    return command


def _run_options(command: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.option("--report", "reports", type=FILE, multiple=True, help="Write a report: .json or .md."),
        click.option(
            "--update-stack", "stack", metavar="STACK", help="Write the keys into Pulumi.STACK.yaml."
        ),
        click.option("--audit", type=FILE, multiple=True, help="Only look for this retired key; repeatable."),
        click.option("--resume", is_flag=True, help="Go on with the run for these keys that was cut short."),
        click.option(
            "--max-failures",
            type=click.IntRange(1),
            default=3,
            show_default=True,
            help="Failed hosts that stop the fleet.",
        ),
        click.option(
            "--canary",
            type=click.IntRange(0),
            default=1,
            show_default=True,
            help="Hosts that go first, through all phases.",
        ),
        click.option(
            "--parallel",
            type=click.IntRange(1, 64),
            default=16,
            show_default=True,
            help="Hosts that are worked on at once.",
        ),
    ):
        command = option(command)
    return command


@click.command(name="pve-rotate-keys")
@_key_options
@_host_options
@_run_options
@cli.metrics_option()
@cli.connection_option()
@cli.dry_run_option()
@cli.json_option()
def command(**given: Any) -> int:
    """Add keys, verify them by a login of their own, remove the old ones, and prove that they are refused.

    Exit code 0: every host is rotated (with --audit: every host was looked at and is clean). 1: a host is
    unproven, pending, refused or failed. Wherever a new key was not proven, the old ones are in place.
    """
    given["selection"] = _selection(given)
    changes = bool(given["add_key"] or given["remove_key"])
    if changes == bool(given["audit"]):
        raise click.UsageError("give --add-key, --remove-key or both, or else --audit")
    rotations = {"reports": "--report", "stack": "--update-stack", "resume": "--resume"}
    if given["audit"] and (idle := [rotations[name] for name in rotations if given[name]]):
        raise click.UsageError(f"{', '.join(idle)}: not with --audit, which changes nothing")
    from ops import rotate_keys_runs as runs  # noqa: PLC0415 - paramiko: a quarter of a second that --help spares

    if given["audit"]:
        return runs.audit(given)
    return runs.plan(given) if given["dry_run"] else runs.rotate(given)


def _selection(given: dict[str, Any]) -> Selection | None:
    guests, environment, everything = given["guests"], given["environment"], given["everything"]
    if given["hosts_file"]:
        if guests or environment or everything:
            raise click.UsageError("--hosts stands for itself: no guests, --env or --all beside it")
        return None
    try:
        return Selection(
            words=guests,
            environment=Environment(environment) if environment else None,
            everything=everything,
        )
    except SelectionError as error:
        raise click.UsageError(f"{error}, or --hosts FILE") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return cli.run(command, argv)


if __name__ == "__main__":
    sys.exit(main())
