"""Asking the guest agent: its silence is an answer, and a question to which nobody may answer is none."""

import pytest

from ops.adapters import agent
from ops.adapters.proxmox import Proxmox
from ops.core.model import Guest, GuestKind

VM = Guest(vmid=100, name="web", node="pve1", kind=GuestKind.VIRTUAL_MACHINE, status="running")


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        ((200, {"result": []}), True),
        ((500, {"message": "x"}), None),
        ((403, None), None),
        ((595, ""), None),
        ("drop", None),
    ],
)
def test_only_an_answer_is_a_yes_and_the_question_is_asked_once(answer, known, api, script):
    """A read that failed is not repeated: the time would be the snapshot's."""
    script.answers = [answer]
    assert agent.answers(Proxmox(api), VM) is known
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "words",
    [
        "QEMU guest agent is not running",
        "No QEMU guest agent configured",
        "VM 100 qga command 'guest-network-get-interfaces' failed - got timeout",
    ],
)
def test_pves_words_for_a_silent_agent_are_a_no(words, fake_api, fakepve):
    """Nothing will be frozen then."""
    fakepve.add_vm(100, "web", status="running")
    fakepve.fail("GET", "/agent/network-get-interfaces", 500, words)
    assert agent.answers(Proxmox(fake_api), VM) is False
