"""The stack's keys are edited as text: what the stack says otherwise stays, byte for byte."""

import difflib
from pathlib import Path

import pytest
import yaml

from ops.core.keys import parse_public_key
from ops.core.stack_keys import KEYS, StackProblem, with_keys
from tests.ops.rotation.model import public

OLD, NEW, ADA, JOB = (public(name) for name in ("old", "new", "ada", "job"))
LAB = Path(__file__).parents[3] / "Pulumi.lab.yaml"
STACK = f"""\
config:
  # who may log in
  {KEYS}:
    - {ADA}   # Ada
    - "{OLD}"
  pve-lifecycle:virtual_machines:
    - name: web
      additional_ssh_keys:
        - {OLD}
      tags: [demo]
"""


def _lists(text):
    config = yaml.safe_load(text)["config"]
    return config[KEYS], config["pve-lifecycle:virtual_machines"][0]["additional_ssh_keys"]


def test_the_new_key_stands_where_the_old_one_stood():
    """In every list; comments and other keys stay where they are."""
    text = with_keys(STACK, [NEW], [OLD])
    assert _lists(text) == ([str(ADA), str(NEW)], [str(NEW)])
    changed = [line for line in difflib.ndiff(STACK.splitlines(), text.splitlines()) if line[0] in "+-"]
    assert len(changed) == 4


def test_a_key_without_a_predecessor_comes_last():
    """And one that only goes leaves no hole: a list without items is written as an empty one."""
    text = with_keys(STACK, [JOB], [])
    assert _lists(text)[0] == [str(ADA), str(OLD), str(JOB)]
    text = with_keys(STACK, [], [OLD])
    assert _lists(text) == ([str(ADA)], [])


def test_the_second_time_changes_nothing():
    """Neither does a key that is there."""
    once = with_keys(STACK, [NEW], [OLD])
    assert with_keys(once, [NEW], [OLD]) == once


def test_a_key_that_is_folded_is_one_key():
    """As programs write long texts, PyYAML for one."""
    long = parse_public_key(f"{OLD} with a comment of several words that do not fit into a line")
    config = {KEYS: [str(ADA), str(long)], "pve-lifecycle:environment": "lab"}
    text = yaml.safe_dump({"config": config}, sort_keys=False)
    assert text.count("\n") > 6
    edited = with_keys(text, [NEW], [OLD])
    assert yaml.safe_load(edited)["config"] == {**config, KEYS: [str(ADA), str(NEW)]}


def test_the_example_stack_takes_its_first_key():
    """`ssh_keys: []` becomes a list, and every comment stays."""
    text = LAB.read_text()
    edited = with_keys(text, [NEW], [])
    assert yaml.safe_load(edited)["config"][KEYS] == [str(NEW)]
    before, after = yaml.safe_load(text)["config"], yaml.safe_load(edited)["config"]
    assert {**before, KEYS: None} == {**after, KEYS: None}
    assert sum(line.startswith("- ") for line in difflib.ndiff(text.splitlines(), edited.splitlines())) == 1


def test_a_comment_that_yaml_would_misread_is_quoted():
    """A colon, a hash, an umlaut."""
    odd = parse_public_key(f"{JOB} it's #1: jöb")
    text = with_keys(STACK, [odd], [])
    assert _lists(text)[0][-1] == str(odd)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"config:\n  {KEYS}: [{OLD}]\n", "one key a line|not a list's item"),
        (f"config:\n  {KEYS}: [{ADA}]\n", "one key a line"),
        ("config:\n  pve-lifecycle:environment: lab\n", "has no"),
        (f"config:\n  {KEYS}:\n    - {ADA}\n    - {NEW}\n  other: {OLD}\n", "not a list's item"),
    ],
)
def test_what_is_written_otherwise_is_refused(text, words):
    """Nobody's file is guessed at."""
    with pytest.raises(StackProblem, match=words):
        with_keys(text, [NEW], [OLD])
