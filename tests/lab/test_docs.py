"""The manual's commands are run as they stand, in their order, against the lab."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from lab.project import example_config
from ops.core.privileges import DEPLOYMENT, OPERATIONS, Role

pytestmark = pytest.mark.lab

PAGE = Path(__file__).parents[2] / "docs" / "VM-LIFECYCLE.md"
BLOCK = re.compile(r"(?P<mark><!-- on a node -->\n)?```sh\n(?P<text>.*?)```", re.DOTALL)
CHAPTER = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
# A block with one of these has the token of the operations; what deploys stands in blocks of its own.
OPERATION = re.compile(r"python -m ops\.(?!preflight)|\bpve-(?!preflight)")
FEWEST = 9


def _chapters():
    """Title and text of each chapter."""
    pieces = CHAPTER.split(PAGE.read_text())
    return list(zip(pieces[1::2], pieces[2::2], strict=True))


def _blocks(*, on_a_node):
    return [
        (title, m["text"])
        for title, text in _chapters()
        for m in BLOCK.finditer(text)
        if bool(m["mark"]) == on_a_node
    ]


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
        operations = {"PROXMOX_VE_API_TOKEN": environ["LAB_OPERATIONS_API_TOKEN"]}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=project.directory,
            env=environ | operations if OPERATION.search(text) else environ,
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
    said: dict[str, str] = {}
    for title, block in blocks:
        said[title] = said.get(title, "") + shell(block)
    assert '"expires_on":"20' in said["Deploying"].replace('": "', '":"')
    assert "Debian-Security" in said["Security updates"]


@pytest.mark.parametrize("role", [DEPLOYMENT, OPERATIONS], ids=lambda role: role.name)
def test_the_documented_role_is_the_one_that_is_checked(role: Role):
    """The manual, the checks and the lab name the same privileges."""
    texts = "".join(text for _, text in _blocks(on_a_node=True))
    named = re.search(rf'pveum role add {role.name} -privs "(.*?)"', texts)
    assert named
    assert set(named[1].split()) == set(role.privileges(9))
    assert os.linesep not in named[1]
