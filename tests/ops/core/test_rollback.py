"""What a rollback takes away, what is kept through it, and how to set it by hand."""

import shlex
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.core.model import Guest, GuestKind
from ops.core.rollback import Today, by_hand, goes_back, is_blocked, newer, today
from ops.core.snapshots import Snapshot

VM = Guest(vmid=100, name="web", node="pve1", kind=GuestKind.VIRTUAL_MACHINE, status="running")
CT = Guest(vmid=101, name="cache", node="pve1", kind=GuestKind.CONTAINER, status="running")
TAGS = st.from_regex(r"[a-z0-9_][a-z0-9_+.-]{0,9}", fullmatch=True)


@given(st.sets(TAGS, min_size=1), st.booleans())
def test_the_command_by_hand_sets_what_was_read(tags, onboot):
    """A shell takes it apart into the same settings."""
    wanted = today({"tags": ";".join(tags), "onboot": int(onboot)})
    tool, verb, vmid, first, boot, second, text = shlex.split(by_hand(VM, wanted))
    assert (tool, verb, vmid, first, second) == ("qm", "set", "100", "--onboot", "--tags")
    assert today({"tags": text, "onboot": boot}) == wanted


def test_the_command_knows_containers_and_no_tags():
    """An empty list of tags is a setting that is taken away."""
    assert by_hand(CT, Today(tags=(), onboot=False)) == "pct set 101 --onboot 0 --delete tags"


@pytest.mark.parametrize(
    ("config", "tags", "onboot"),
    [({}, (), False), ({"tags": "B a;c", "onboot": "1"}, ("B", "a", "c"), True), ({"onboot": 0}, (), False)],
)
def test_todays_settings_are_read_as_pve_stores_them(config, tags, onboot):
    """Not set is PVE's default: no tags, and not started with its node."""
    assert today(config) == Today(tags=tags, onboot=onboot)


def test_the_settings_that_go_back_are_named_with_both_values():
    """But not those that we keep, that PVE leaves alone, or that are no settings."""
    now = {
        "memory": 4096,
        "cores": 2,
        "tags": "new",
        "onboot": 1,
        "digest": "a",
        "description": "x",
        "net1": "y",
    }
    then = {"memory": 2048, "cores": "2", "tags": "old", "parent": "p", "snaptime": 1, "unused0": "z" * 99}
    assert goes_back(now, then) == ["memory: 4096 -> 2048", "net1: y -> (not set)"]
    assert goes_back({"args": "a" * 99}, {})[0].startswith(f"args: {'a' * 59}… ->")


def test_newer_snapshots_are_those_behind_it_in_time():
    """In the list's order, the oldest first."""
    there = [
        Snapshot(name=name, taken=datetime(2026, 11, day, tzinfo=UTC))
        for day, name in enumerate("abc", start=1)
    ]
    assert newer(there, there[0]) == ["b", "c"]
    assert newer(there, there[2]) == []


def test_pves_words_for_a_blocked_rollback_are_known():
    """As pve-storage writes them."""
    assert is_blocked("can't rollback, 'a' is not most recent snapshot on 'tank:vm-100-disk-0'")
    assert not is_blocked("VM is locked (backup)")
