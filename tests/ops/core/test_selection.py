"""Which guests a command is about."""

import pytest

from ops.core.model import Guest, GuestKind
from ops.core.selection import Selection, SelectionError, choose
from ops.core.tags import Environment


def _guest(vmid, name, tags=""):
    return Guest(
        vmid=vmid, name=name, node="pve1", kind=GuestKind.VIRTUAL_MACHINE, status="running", tags=tags
    )


WEB = _guest(101, "web", "environment-lab")
DB = _guest(100, "db", "env=prod")
TWIN = _guest(103, "twin", "environment-lab;environment-prod")
OTHER_TWIN = _guest(102, "twin")
NUMBERED = _guest(104, "100")
FLEET = [WEB, DB, TWIN, OTHER_TWIN, NUMBERED]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(words=("web",)), [WEB]),
        (Selection(words=("101", "web", "db")), [DB, WEB]),
        (Selection(words=("100",)), [DB]),
        (Selection(words=("103",)), [TWIN]),
        (Selection(environment=Environment.PROD), [DB]),
        (Selection(environment=Environment.LAB), [WEB]),
        (Selection(everything=True), [DB, WEB, OTHER_TWIN, TWIN, NUMBERED]),
    ],
)
def test_numbers_names_environments_and_all(selection, expected):
    """By vmid and each once; a number is a vmid before it is a name, and two environments are none."""
    assert choose(FLEET, selection) == expected


@pytest.mark.parametrize("words", [("web", "typo"), ("twin",), ("WEB",), ("",)])
def test_a_word_that_means_nobody_or_two_chooses_nothing(words):
    """Half of what was typed is not done."""
    with pytest.raises(SelectionError, match=r"no guest|2 guests .*102, 103"):
        choose(FLEET, Selection(words=words))


@pytest.mark.parametrize(
    "given",
    [{}, {"words": ("web",), "everything": True}, {"environment": Environment.LAB, "everything": True}],
)
def test_exactly_one_way_of_choosing(given):
    """A forgotten name does not mean all."""
    with pytest.raises(SelectionError, match="one of the three"):
        Selection(**given)
