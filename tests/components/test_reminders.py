"""What is due or looks like a mistake is said, and stops nobody."""

from datetime import date

import pytest

from components.reminders import reminders
from components.settings import parse_settings
from tests.components.stacks import HOST_KEY, guest, stack

REVIEW = {"no_expire": {"reason": "reference", "review_on": "2026-11-23"}}
RIGHT = {"distribution": "debian"}
TEMPLATE = {
    "virtual_machines": [],
    "containers": [{"name": "web", "vm_id": 101}],
    "container_template": "local:vztmpl/debian-12-standard.tar.zst",
    "nodes": {"pve1": {"address": "pve1.example.org", "host_key": HOST_KEY}},
}
SWITCHED_OFF = {"environment": "prod", **guest(auto_security_updates=False, **RIGHT)}


def said(today=date(2026, 11, 23), **changes):
    """The reminders about the one guest of a stack."""
    settings = parse_settings(stack(**changes), {"PROXMOX_VE_SSH_PRIVATE_KEY": "x"})
    return list(reminders(settings.guests[0], settings, today))


def test_nothing_is_said_of_a_guest_that_is_in_order():
    """A warning that is always there is not read; the day of the review itself is not late."""
    assert said(**guest(**RIGHT, **REVIEW)) == []


def test_a_review_that_is_due_is_called_for():
    """Who lives on without an end is looked at again on the day that its owner wrote down."""
    (words,) = said(date(2026, 11, 24), **guest(**RIGHT, **REVIEW))
    assert words.startswith("web: no_expire was to be reviewed by 2026-11-23")


def test_production_without_security_updates_is_named():
    """It is allowed, and it is never an oversight."""
    (words,) = said(**SWITCHED_OFF)
    assert "no security updates" in words
    assert said(**(SWITCHED_OFF | {"environment": "lab"})) == []


@pytest.mark.parametrize("changes", [guest(), TEMPLATE], ids=["image", "template"])
def test_a_source_that_names_another_distribution_is_named(changes):
    """The origins of one distribution match nothing on the other, and nothing would fail."""
    (words,) = said(**changes)
    assert "holds debian, and its distribution is ubuntu" in words


@pytest.mark.parametrize(
    "changes",
    [
        guest(clone_from=9000),
        guest(image={"url": "https://images.example.org/noble-20260101.img", "checksum": "0" * 64}),
        guest(image={"url": "https://ubuntu.example.org/debian/x-20260101.img", "checksum": "0" * 64}),
    ],
    ids=["clone", "unnamed", "both"],
)
def test_a_source_that_says_nothing_is_left_alone(changes):
    """A name is a hint; without one there is nothing to say."""
    assert said(**changes) == []
