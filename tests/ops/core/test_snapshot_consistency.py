"""What may be promised about the data in a snapshot."""

import pytest

from ops.core.consistency import agent_is_asked, consistency
from ops.core.model import GuestKind

VM, CT = GuestKind.VIRTUAL_MACHINE, GuestKind.CONTAINER


@pytest.mark.parametrize(
    ("setting", "asked"),
    [
        ("", False),
        ("0", False),
        ("1", True),
        ("enabled=1", True),
        ("enabled=0,fstrim_cloned_disks=1", False),
        ("1,fstrim_cloned_disks=1", True),
        ("fstrim_cloned_disks=1,enabled=1", True),
        ("1,freeze-fs-on-backup=0", False),
        ("1,freeze-fs=0", False),
        ("1,freeze-fs=1", True),
    ],
)
def test_the_agent_counts_only_where_it_would_freeze(setting, asked):
    """It is enabled in any of PVE's spellings, and freezing is not switched off."""
    assert agent_is_asked(VM, running=True, ram=False, setting=setting) is asked
    assert not agent_is_asked(VM, running=False, ram=False, setting=setting)
    assert not agent_is_asked(VM, running=True, ram=True, setting=setting)
    assert not agent_is_asked(CT, running=True, ram=False, setting=setting)


@pytest.mark.parametrize(
    ("kind", "running", "ram", "setting", "answers", "words"),
    [
        (VM, False, False, "1", None, "stopped"),
        (CT, False, False, "", None, "stopped"),
        (CT, True, False, "", None, "processes are frozen"),
        (VM, True, True, "1", None, "with RAM"),
        (VM, True, False, "1", True, "frozen by the guest agent"),
        (VM, True, False, "1", False, "crash-consistent: the guest agent is enabled and does not answer"),
        (VM, True, False, "1", None, "cannot tell"),
        (VM, True, False, "", None, "crash-consistent: the guest agent is not enabled"),
        (VM, True, False, "1,freeze-fs=0", None, "crash-consistent: freezing is switched off"),
    ],
)
def test_it_is_said_how_whole_the_data_is(kind, running, ram, setting, answers, words):
    """And where nobody can know, that is said."""
    assert words in consistency(kind, running=running, ram=ram, setting=setting, answers=answers)
