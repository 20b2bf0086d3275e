"""What the README tells people to type makes a shell in which the program runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.engine import Engine
from tests.engine.commands import Project

pytestmark = pytest.mark.lab

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_pulumi_runs_the_program_in_the_shell_of_the_readme(project: Project, engine: Engine) -> None:
    """A language host that was built here runs the first `python` on PATH: it must have the packages."""
    (own,) = [block for block in BLOCK.findall(README) if "pulumi up" in block]
    before = own.partition("pulumi up")[0].splitlines()
    entering = [line for line in before if line.startswith(". ")]
    (project.directory / ".venv").symlink_to(sys.prefix)
    path = os.pathsep.join([*map(str, engine.path_entries), os.defpath, "/usr/bin"])
    words = "pulumi preview --non-interactive --stack test"
    (project.directory / "inputs.json").write_text('{"kind": "local", "create": "true"}')
    done = subprocess.run(
        ["bash", "-euc", "\n".join([*entering, words])],
        cwd=project.directory,
        env=project.environment | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
