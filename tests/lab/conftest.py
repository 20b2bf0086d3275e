"""The real engine and provider against the lab: one project directory and one world for each module."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lab.accounts import OPERATIONS_TOKEN
from lab.engine import Engine
from lab.project import ProjectDirectory
from lab.world import World

IMAGE = {"url": "https://images.example.org/debian-12-20260101.qcow2", "checksum": "0" * 64}
TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
PASSPHRASE = "canary-passphrase"
GUEST_TYPES = ("VmLegacy", "ContainerLegacy")


@dataclass
class Result:
    """What a run of the engine printed, and how it ended."""

    status: int
    output: str

    def __post_init__(self) -> None:
        """Show the output beside a failed assertion."""
        sys.stdout.write(self.output)


@dataclass
class Project:
    """A copy of the program with a stack of its own, driven by the command line that users type."""

    place: ProjectDirectory
    environ: dict[str, str]
    stack: str
    config: dict[str, Any] = field(default_factory=dict)
    transcripts: list[str] = field(default_factory=list)

    def write(self, **changes: Any) -> None:
        """Write the stack file, with some keys changed for good."""
        self.config |= changes
        self.place.write_stack(self.stack, self.config)

    @property
    def directory(self) -> Path:
        """Where the project lies."""
        return self.place.path

    def pulumi(self, *words: str, now: datetime | None = None, check: bool = True) -> Result:
        """Run ``pulumi`` and return what it said; its whole process group ends with it."""
        environ = self.environ | ({"LIFECYCLE_NOW": now.isoformat()} if now else {})
        process = subprocess.Popen(
            ["pulumi", *words, "--non-interactive"],
            cwd=self.directory,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=240)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        self.transcripts.append(output)
        result = Result(process.returncode, output)
        assert not check or result.status == 0, output
        return result

    def up(self, *words: str, now: datetime | None = None, check: bool = True) -> Result:
        """``pulumi up`` without questions."""
        return self.pulumi(
            "up", "--yes", "--skip-preview", "--stack", self.stack, *words, now=now, check=check
        )

    def preview(self, now: datetime | None = None) -> list[dict[str, Any]]:
        """The steps of ``pulumi preview --json`` that are changes."""
        result = self.pulumi("preview", "--json", "--stack", self.stack, now=now)
        steps = json.loads(result.output[result.output.index("{") :])["steps"]
        return [step for step in steps if step["op"] not in {"same", "refresh"}]

    def outputs(self) -> dict[str, Any]:
        """What the stack exports."""
        return json.loads(self.pulumi("stack", "output", "--json", "--stack", self.stack).output)

    def state(self) -> str:
        """The whole state as it lies on disk."""
        return self.pulumi("stack", "export", "--stack", self.stack).output


def kind(step: dict[str, Any]) -> str:
    """The resource type's last word: ``VmLegacy``."""
    return step["urn"].split("::")[2].split("$")[-1].rsplit(":", 1)[-1]


def about_guests(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps that touch a VM or a container itself."""
    return [step for step in steps if kind(step) in GUEST_TYPES]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A lab with one node; whatever ran against it, no operation has asked for a guest to be deleted."""
    with World() as running:
        yield running
        assert not [each for each in running.requests.guest_deletions if each.who == OPERATIONS_TOKEN]


@pytest.fixture(scope="module")
def make_project(
    engine: Engine, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Project]:
    """Lay out a project directory and initialise its stack."""
    names = (f"test{number}" for number in itertools.count())

    def make(stack: str | None = None, **config: Any) -> Project:
        stack = stack or next(names)
        directory = ProjectDirectory.lay_out(tmp_path_factory.mktemp("project"))
        environ = directory.environment(engine, os.environ, PASSPHRASE) | world.environment()
        project = Project(directory, environ | {"HOME": str(world.home)}, stack)
        project.pulumi("stack", "init", stack)
        usual = {
            "environment": "lab",
            "ssh_keys": [world.identity.public],
            "image": IMAGE,
            "container_template": TEMPLATE,
        }
        project.write(**usual | config)
        return project

    return make
