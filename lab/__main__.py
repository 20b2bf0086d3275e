"""`python -m lab up|status|env|down`: a Proxmox VE of one's own for trying things out, in memory.

Everything that is deployed to it is gone when it ends, also when it is killed; the next `up` starts anew.
"""

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .daemon import Site

NEEDS = ("asyncssh", "fakepve", "yaml")
NOT_RUNNING = 3
READY = """\
The lab runs (pid {pid}); it is in memory, and what is deployed to it goes with it.
  API           {endpoint}
  node's SSH    {nodes}
  guests        ssh -F {ssh_config} NAME
  log           {log}
Use it in this shell:  eval "$({command})"
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0 done, 1 an expected failure, 3 (status) no lab runs."""
    arguments = _parser().parse_args(argv)
    problem = _unfit()
    if problem:
        sys.stderr.write(f"lab: {problem}\n")
        return 1
    from .daemon import LabError, Site  # noqa: PLC0415 - needs what was just looked for

    try:
        verb: Callable[[Site, argparse.Namespace], int] = arguments.verb
        return verb(Site(arguments.directory.resolve()), arguments)
    except (LabError, OSError) as error:  # the directory may be one that nobody can write
        sys.stderr.write(f"lab: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=(__doc__ or "").split("\n\n")[1])
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb, text in (
        ("up", _up, "start it in the background, unless it runs"),
        ("status", _status, "say whether it runs and list its guests"),
        ("env", _env, "print lines for the shell that make programs use it"),
        ("down", _down, "end it and remove what it kept"),
    ):
        sub = verbs.add_parser(name, help=text, description=f"{text.capitalize()}.")
        sub.add_argument(
            "--directory", type=Path, default=Path(".lab"), help="where it keeps its files (.lab)"
        )
        sub.set_defaults(verb=verb)
        if name == "up":
            sub.add_argument("--foreground", action="store_true", help="stay; Ctrl-C ends it")
    return parser


def _unfit() -> str | None:
    if not sys.platform.startswith("linux"):
        return "needs Linux: only there every address of 127.0.0.0/8 can be listened on"
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    return f"needs {', '.join(missing)}: pip install '.[lab]'" if missing else None


def _up(site: "Site", arguments: argparse.Namespace) -> int:
    from . import daemon  # noqa: PLC0415

    if arguments.foreground:
        daemon.serve(site)
        return 0
    from .overview import environment_of, node_lines  # noqa: PLC0415

    daemon.start(site)
    environment = environment_of(site)
    command = shlex.join([sys.executable, "-m", "lab", "env", "--directory", str(site.path)])
    sys.stdout.write(
        READY.format(
            pid=site.pid,
            endpoint=environment["PROXMOX_VE_ENDPOINT"],
            nodes=", ".join(node_lines(environment)),
            ssh_config=shlex.quote(str(site.path / "ssh_config")),
            log=site.log,
            command=command,
        )
    )
    return 0


def _status(site: "Site", _: argparse.Namespace) -> int:
    from .overview import guest_table  # noqa: PLC0415

    if not site.is_ready:
        sys.stdout.write(f"No lab runs in {site.path}; `python -m lab up` starts one\n")
        return NOT_RUNNING
    sys.stdout.write(f"The lab runs (pid {site.pid})\n{guest_table(site)}")
    return 0


def _env(site: "Site", _: argparse.Namespace) -> int:
    from .daemon import LabError  # noqa: PLC0415

    if not site.is_ready:
        raise LabError(f"no lab runs in {site.path}; `python -m lab up` starts one")
    sys.stdout.write(site.environment.read_text("utf-8"))
    return 0


def _down(site: "Site", _: argparse.Namespace) -> int:
    from .daemon import stop  # noqa: PLC0415

    sys.stdout.write("The lab ended\n" if stop(site) else "No lab ran\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
