"""The stack's file after an edit: one guest's day is new, and every other byte is where it was."""

import stat
from datetime import date
from pathlib import Path

import pytest
import yaml

from ops.adapters.stack_guests import find_entry, with_day
from ops.errors import LifecycleError

EXAMPLE = Path(__file__).parents[3] / "Pulumi.lab.yaml"
DAY = date(2027, 1, 31)
REMARK = "2026-12-01: the demo was moved"
LINES = ["    # extended on 2026-12-01: the demo was moved", '      expires_on: "2027-01-31"']


@pytest.fixture
def write(tmp_path):
    """Write a stack file whose guests are the given text."""

    def written(guests, name="Pulumi.lab.yaml"):
        path = tmp_path / name
        path.write_bytes(f"config:\n  pve-lifecycle:virtual_machines:{guests}".encode())
        return path

    return written


def _edit(path, vmid=101, stack=None):
    with_day(find_entry(path.parent, vmid, stack), DAY, REMARK).write()
    return path.read_bytes().decode()


@pytest.mark.parametrize("vmid", [101, 102, 103, 201])
def test_the_example_gets_two_lines_and_keeps_all_others(tmp_path, vmid):
    """For each guest of the repository's own example, comments and all."""
    path = tmp_path / "Pulumi.lab.yaml"
    path.write_bytes(EXAMPLE.read_bytes())
    before = path.read_text().splitlines()
    after = _edit(path, vmid).splitlines()
    new = [line for line in after if line not in before]
    assert [line.strip() for line in new] == [line.strip() for line in LINES]
    assert [line for line in after if line in before] == before
    config = yaml.safe_load(path.read_text())["config"]
    guests = config["pve-lifecycle:virtual_machines"] + config["pve-lifecycle:containers"]
    assert [guest["vm_id"] for guest in guests if guest.get("expires_on")] == [vmid]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (  # a day that is there is replaced, the words beside it stay
            "\n  - vm_id: 101\n    expires_on: 2026-12-07   # until the fair\n    name: web\n",
            "\n  - vm_id: 101\n    # REMARK\n    expires_on: DAY   # until the fair\n    name: web\n",
        ),
        (  # our own remark is replaced, a person's stays
            "\n  - vm_id: 101\n    # mine\n    # extended on 2026-11-01: x\n    expires_on: '2026-12-07'\n",
            "\n  - vm_id: 101\n    # mine\n    # REMARK\n    expires_on: DAY\n",
        ),
        (  # an empty value
            "\n  - vm_id: 101\n    expires_on:\n    name: web\n",
            "\n  - vm_id: 101\n    # REMARK\n    expires_on: DAY\n    name: web\n",
        ),
        (  # no line end at the end of the file
            "\n  - name: web\n    vm_id: 101",
            "\n  - name: web\n    vm_id: 101\n    # REMARK\n    expires_on: DAY\n",
        ),
        (  # Windows' line ends
            "\r\n  - name: web\r\n    vm_id: 101\r\n    cores: 2\r\n",
            "\r\n  - name: web\r\n    vm_id: 101\r\n    # REMARK\r\n    expires_on: DAY\r\n    cores: 2\r\n",
        ),
        (  # a quoted number and a comment with umlauts
            "\n    -   name: web\n        vm_id: '101'  # früh\n",
            "\n    -   name: web\n        vm_id: '101'  # früh\n        # REMARK\n        expires_on: DAY\n",
        ),
        (  # in one line, with a day
            "\n  - {vm_id: 101, expires_on: 2026-12-07}\n",
            "\n    # REMARK\n  - {vm_id: 101, expires_on: DAY}\n",
        ),
    ],
)
def test_every_other_byte_is_kept(write, before, after):
    """In each way in which a person may have written it."""
    head = "config:\n  pve-lifecycle:virtual_machines:"
    expected = after.replace("# REMARK", LINES[0].strip()).replace("DAY", '"2027-01-31"')
    assert _edit(write(before)) == head + expected


@pytest.mark.parametrize(
    "guests",
    [
        "\n  - {name: web, vm_id: 101}\n",
        "\n  - &one\n    vm_id: 101\n    name: web\n  - *one\n",
    ],
)
def test_what_cannot_be_cut_in_lines_is_left_as_it_is(write, guests):
    """The person is told what to write."""
    path = write(guests)
    before = path.read_bytes()
    with pytest.raises(LifecycleError, match=r'expires_on: "2027-01-31"|more than one entry'):
        _edit(path)
    assert path.read_bytes() == before


def test_no_file_two_files_and_the_named_one(write, tmp_path):
    """A number that stands nowhere or twice is an error that says where was looked."""
    with pytest.raises(LifecycleError, match=r"no stack file has vm_id 101[\s\S]*looked into: none there"):
        find_entry(tmp_path, 101, None)
    lab, other = write("\n  - vm_id: 101\n"), write("\n  - vm_id: 101\n", "Pulumi.other.yaml")
    with pytest.raises(LifecycleError, match=r"Pulumi.lab.yaml, Pulumi.other.yaml[\s\S]*--stack"):
        _edit(lab)
    before = lab.read_bytes()
    _edit(other, stack="other")
    assert lab.read_bytes() == before
    with pytest.raises(LifecycleError, match="cannot be read"):
        find_entry(tmp_path, 101, "third")


def test_a_file_that_is_no_yaml_is_named(write):
    """The engine could not read it either."""
    with pytest.raises(LifecycleError, match="is not YAML"):
        _edit(write(": ["))


def test_mode_and_link_are_kept_and_nothing_lies_about(write, tmp_path):
    """The file behind a link is changed, with its own mode."""
    path = write("\n  - vm_id: 101\n")
    path.chmod(0o640)
    link = tmp_path / "project" / path.name
    link.parent.mkdir()
    link.symlink_to(path)
    _edit(link)
    assert (link.is_symlink(), stat.S_IMODE(path.stat().st_mode)) == (True, 0o640)
    assert "2027-01-31" in path.read_text()
    assert {file.name for file in tmp_path.rglob("*")} == {"project", "Pulumi.lab.yaml"}


@pytest.mark.parametrize(
    "extra", ["    expires_on: 2026-02-30\n", "    x: !secret y\n", "    2026-01-01: x\n"]
)
def test_a_value_that_cannot_be_read_is_named_and_nothing_is_changed(write, extra):
    """A day that no calendar has, above all."""
    path = write(f"\n  - vm_id: 101\n{extra}")
    before = path.read_bytes()
    with pytest.raises(LifecycleError, match="cannot be read"):
        _edit(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("null", ["", " ~", " null"])
def test_a_day_that_is_null_is_none(write, null):
    """It is no later day, and the new one takes its place."""
    path = write(f"\n  - vm_id: 101\n    expires_on:{null}\n")
    assert find_entry(path.parent, 101, None).expires_on is None
    assert 'expires_on: "2027-01-31"' in _edit(path)
