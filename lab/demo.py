"""`make demo`: the lab stack on an embedded Proxmox VE, and a look around.

Leaves the lab running, so that a person can go on; Ctrl-C ends everything that it started.
"""

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .daemon import LabError, Site, start, stop
from .engine import EngineError, provide
from .overview import environment_of, guest_table
from .project import ProjectDirectory, example_config

STACK = "lab"
GRACE_SECONDS = 10.0
ENGINE_VARIABLES = ("PATH", "HOME")
NEXT = """\
The lab goes on running. What to type next:

  . {environment}
  cd {project}
  pulumi preview                      # nothing to do
  $EDITOR Pulumi.{stack}.yaml          # add a guest, a tag, a key; then: pulumi up
  ssh -F {ssh_config} web              # log in to a guest
  cd {root} && .venv/bin/python -m lab down    # ends the lab and forgets it

On a real Proxmox VE, in the repository's own directory, with `make setup` done:

  export PROXMOX_VE_ENDPOINT=https://pve1.example.org:8006/ PROXMOX_VE_API_TOKEN='user@realm!name=secret'
  .venv/bin/python -m ops.preflight --node pve1     # says what is missing; README.md has the rest
  $EDITOR Pulumi.lab.yaml && pulumi up --stack lab
"""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A lab and a project directory in it."""

    site: Site
    project: ProjectDirectory
    environ: dict[str, str]

    def pulumi(self, *words: str, now: datetime | None = None, quiet: bool = False) -> str:
        """Run ``pulumi`` in the project; what it prints is shown unless ``quiet``."""
        environ = self.environ | ({"LIFECYCLE_NOW": now.isoformat()} if now else {})
        return _run(["pulumi", *words], self.project.path, environ, quiet=quiet)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 done, 1 an expected failure, 130 interrupted."""
    _ = argv
    started = time.monotonic()
    site = Site(Path(".lab").resolve())
    try:
        demo = _prepare(site)
        _tour(demo)
    except (LabError, EngineError, OSError) as error:
        sys.stderr.write(f"demo: {error}\n")
        if site.is_running:
            sys.stderr.write("The lab goes on running; `.venv/bin/python -m lab down` ends it.\n")
        return 1
    except KeyboardInterrupt:
        stop(site)
        sys.stderr.write("\nInterrupted; the lab is ended and nothing is left running.\n")
        return 130
    _say(f"Done in {time.monotonic() - started:.0f} s")
    sys.stdout.write(
        NEXT.format(
            environment=shlex.quote(str(site.path / "demo.env")),
            root=shlex.quote(str(Path.cwd())),
            project=shlex.quote(str(demo.project.path)),
            stack=STACK,
            ssh_config=shlex.quote(str(site.path / "ssh_config")),
        )
    )
    return 0


def _prepare(site: Site) -> Demo:
    _say("1. The engine: pulumi, its Python host and the Proxmox VE provider")
    engine = provide(_line)
    _say("2. The lab: a Proxmox VE API, a node with SSH, guests that boot")
    start(site)
    project = ProjectDirectory.lay_out(site.path / "project")
    base = {
        name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "PROXMOX_VE_"))
    }
    connection = environment_of(site)
    environ = (
        project.environment(engine, base, _passphrase(site)) | connection | {"HOME": connection["LAB_HOME"]}
    )
    _write_environment(site, environ, base)
    key = Path(f"{connection['LAB_IDENTITY']}.pub").read_text("utf-8").strip()
    if not project.stack_file(STACK).exists():
        project.write_stack(STACK, example_config(STACK) | {"ssh_keys": [key]})
    return Demo(site=site, project=project, environ=environ)


def _tour(demo: Demo) -> None:
    _say("3. Preflight: what would make `pulumi up` fail?")
    _run([sys.executable, "-m", "ops.preflight", "--node", "pve1"], Path.cwd(), demo.environ)
    _say(f"4. pulumi up --stack {STACK}")
    demo.pulumi("stack", "select", "--create", STACK, quiet=True)
    demo.pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK)
    _say("5. A second `pulumi up` changes nothing")
    demo.pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes", "--stack", STACK)
    _say("6. The guests, with their tags and the day on which each ends")
    sys.stdout.write(guest_table(demo.site))
    _say("7. An SSH login into `web`, with the key that its cloud-init brought")
    ssh = ["ssh", "-F", str(demo.site.path / "ssh_config"), "-o", "BatchMode=yes", "web", "hostname"]
    _run(ssh, Path.cwd(), demo.environ)
    _what_expiry_would_do(demo)


def _what_expiry_would_do(demo: Demo) -> None:
    """Preview the same stack on a later day: the program stops what is over by the rule that ops uses."""
    later = datetime.now(UTC) + timedelta(days=30)
    _say(f"8. What expiry would do: a preview of {later.date().isoformat()}")
    text = demo.pulumi("preview", "--json", "--non-interactive", "--stack", STACK, now=later, quiet=True)
    steps = json.loads(text[text.index("{") :])["steps"]
    stopped = sorted(_name(step) for step in steps if _stops(step))
    for name in stopped:
        _line(f"{name}: its day is over, it would be stopped")
    _line("keep: carries no-expire, it would go on")
    _line("Nothing is ever deleted by expiry.")


def _stops(step: dict[str, Any]) -> bool:
    new = step.get("newState", {}).get("inputs", {})
    return "vmId" in new and new.get("started") is False


def _name(step: dict[str, Any]) -> str:
    return str(step["urn"].rsplit("::", 1)[1])


def _passphrase(site: Site) -> str:
    """A passphrase that lives as long as the lab; what it encrypts is the lab's own."""
    path = site.path / "passphrase"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24), "utf-8")
    return path.read_text("utf-8")


def _write_environment(site: Site, environ: dict[str, str], base: dict[str, str]) -> None:
    """Write what a person's shell needs to go on; readable by its owner alone."""
    path = site.path / "demo.env"
    changed = {name: value for name, value in environ.items() if base.get(name) != value and name != "HOME"}
    path.touch(mode=0o600)
    path.write_text(
        "".join(f"export {name}={shlex.quote(value)}\n" for name, value in changed.items()), "utf-8"
    )


def _run(words: list[str], directory: Path, environ: dict[str, str], *, quiet: bool = False) -> str:
    """Run a command to its end; a failure shows what it said."""
    process = subprocess.Popen(
        words,
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    with process:
        try:
            for line in process.stdout or ():
                lines.append(line)
                if not quiet:
                    sys.stdout.write(f"   {line}")
                    sys.stdout.flush()
        except KeyboardInterrupt:
            _end(process)
            raise
    if process.returncode:
        said = "".join(lines[-20:]) if quiet else "see above"
        raise LabError(f"`{shlex.join(words)}` ended with {process.returncode}: {said}")
    return "".join(lines)


def _end(process: subprocess.Popen[str]) -> None:
    """Let a command that was interrupted, too, finish its step; then insist, as a second Ctrl-C would."""
    for signal_number in (signal.SIGINT, signal.SIGKILL):
        try:
            process.communicate(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal_number)
        else:
            return


def _say(text: str) -> None:
    sys.stdout.write(f"\n== {text}\n")
    sys.stdout.flush()


def _line(text: str) -> None:
    sys.stdout.write(f"   {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
