"""The manual's commands are run as they stand, in their order, against the lab."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from lab.project import example_config
from ops.core.privileges import role

pytestmark = pytest.mark.lab

PAGE = Path(__file__).parents[2] / "docs" / "VM-LIFECYCLE.md"
BLOCK = re.compile(r"(?P<mark><!-- on a node -->\n)?```sh\n(?P<text>.*?)```", re.DOTALL)
FEWEST = 6


def _blocks(on_a_node):
    return [m["text"] for m in BLOCK.finditer(PAGE.read_text()) if bool(m["mark"]) == on_a_node]


@pytest.fixture(scope="module")
def shell(make_project, world, tmp_path_factory):
    """A shell in a project of the example stack, whose ``ssh`` knows the lab's guests."""
    project = make_project(stack="lab", **example_config("lab") | {"ssh_keys": [world.identity.public]})
    tools = tmp_path_factory.mktemp("bin")
    ssh = tools / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F "{world.ssh_config}" -o BatchMode=yes "$@"\n')
    ssh.chmod(0o755)
    environ = project.environ | {
        "PATH": f"{tools}:{project.environ['PATH']}",
        "PULUMI_OPTION_NON_INTERACTIVE": "true",
    }

    def run(text: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=project.directory,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def test_every_command_of_the_manual_works(shell):
    """In one shell's environment, from the preflight to a look into a guest."""
    blocks = _blocks(on_a_node=False)
    assert len(blocks) >= FEWEST
    said = [shell(block) for block in blocks]
    together = "\n".join(said)
    assert '"expires_on":"20' in together.replace('": "', '":"')
    assert "Debian-Security" in said[-1]


def test_the_documented_role_is_the_one_that_is_checked():
    """The manual, the preflight and the lab name the same privileges."""
    (text,) = _blocks(on_a_node=True)
    privileges = re.search(r'-privs "(.*?)"', text)
    assert privileges
    assert set(privileges[1].split()) == set(role(9))
    assert os.linesep not in privileges[1]
