"""A container's script looks whether it holds what the stack says, before it does anything."""

import subprocess

import pytest

from components.cloud_init import Birth, Distribution, container_script

BIRTH = Birth(
    hostname="web",
    distribution=Distribution.DEBIAN,
    environment="lab",
    user="root",
    ssh_keys=(),
    auto_security_updates=True,
    agent_enabled=False,
    mail_to=None,
    mail_relay=None,
    time_zone="UTC",
)


@pytest.fixture
def run(tmp_path):
    """The script as far as its first step, in a container that holds a distribution."""

    def run_script(holds):
        release = tmp_path / "os-release"
        release.write_text(f'NAME="Something Linux"\nID={holds}\n')
        script = container_script(BIRTH).replace("/etc/os-release", str(release))
        begun = script.replace("wait_for_boot() {", "wait_for_boot() { say begun; exit 0;")
        return subprocess.run(["sh", "-s"], input=begun, capture_output=True, text=True, check=False)

    return run_script


def test_the_other_distribution_is_refused_before_anything_is_done(run):
    """Its origins would match nothing, and unattended-upgrades ends with success then."""
    done = run("ubuntu")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "this container holds ubuntu, and the stack says debian: correct its distribution\n"


@pytest.mark.parametrize("holds", ["debian", "raspbian"])
def test_the_same_one_and_a_relative_are_set_up(run, holds):
    """A derivative's archives are its own affair."""
    done = run(holds)
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\n", "")
