"""Taking snapshots: every disk is looked at before anything is sent, and every guest has its own outcome."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ops.adapters import agent
from ops.adapters.api import CONNECTIONS
from ops.adapters.proxmox import Proxmox
from ops.core.consistency import agent_is_asked, consistency
from ops.core.disks import hindrances
from ops.core.keeping import Kept, with_keep
from ops.core.model import Guest, GuestKind
from ops.core.outcomes import Outcome, Result
from ops.core.snapshots import timed_name
from ops.errors import LifecycleError
from ops.runs.actions import carry_out
from ops.runs.looking import look_after
from ops.runs.parallel import one_at_a_time_by, side_by_side
from ops.runs.snapshots.steps import Plan, Session, Step, find, while_unlocked

PREFIX = "manual"
PROMISED = 10.0  # seconds, CS-003
# Two guests of one node at once, so that one that freezes slowly does not hold up the rest. Not more: they
# would wait for each other at the storage (a thin pool's metadata, a ZFS transaction), frozen as they are.
PER_NODE = 2
NODES = 16


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person asked for; without a name each snapshot is called after the time."""

    name: str | None
    description: str
    keep: Kept | None
    ram: bool


@dataclass(frozen=True, kw_only=True)
class Take(Step):
    """A snapshot to be taken."""

    description: str = ""
    ram: bool = False


def plan(session: Session, guests: Sequence[Guest], wish: Wish) -> Plan[Take]:
    """Look at every guest, side by side, and say for each what will be done or why not."""

    def decide(guest: Guest) -> Take:
        name = wish.name or timed_name(PREFIX, session.now)
        refusal = session.out_of_reach(guest)
        if refusal:
            return Take(guest=guest, snapshot=name, action=f"take snapshot {name}", refusal=refusal)
        try:
            return _decided(session, guest, wish, name)
        except LifecycleError as error:
            return Take(guest=guest, snapshot=name, action=f"take snapshot {name}", refusal=str(error))

    return session.plan(side_by_side(decide, guests, workers=CONNECTIONS))


def _decided(session: Session, guest: Guest, wish: Wish, name: str) -> Take:
    config = session.proxmox.guest_config(guest)
    there = session.snapshots.of(guest)
    refusal = ""
    if wish.name is None:
        free = (f"{name}-{number}" if number > 1 else name for number in range(1, len(there) + 2))
        name = next(each for each in free if find(there, each) is None)
    elif find(there, name):
        refusal = f"it has a snapshot {name} already; choose another --name"
    doubt = []
    if not refusal and not session.snapshots.possible(guest):
        disks = _hindrances(session.proxmox, guest, config)
        refusal = f"it cannot be snapshotted: {disks}" if disks else ""
        doubt = ["Proxmox VE says that it cannot be snapshotted, and no disk shows why: it is tried"]
    take = Take(guest=guest, snapshot=name, action=f"take snapshot {name}", refusal=refusal)
    if refusal:
        return take
    running = session.proxmox.runs(guest)  # the list may be older than its start, and calls a pause `paused`
    ram = wish.ram and guest.kind is GuestKind.VIRTUAL_MACHINE and running
    without = ["without RAM: only a running VM has any to save"] if wish.ram and not ram else []
    return replace(
        take,
        notes=(*doubt, *_notes(session.proxmox, guest, config, running=running, ram=ram), *without),
        description=with_keep(wish.description, wish.keep) if wish.keep else wish.description,
        ram=ram,
    )


def _hindrances(proxmox: Proxmox, guest: Guest, config: dict[str, Any]) -> str:
    plugins = {storage.name: storage.plugin for storage in proxmox.storages(guest.node)}
    return "; ".join(hindrances(guest.kind, config, plugins))


def _notes(
    proxmox: Proxmox, guest: Guest, config: dict[str, Any], *, running: bool, ram: bool
) -> tuple[str, ...]:
    setting = str(config.get("agent", ""))
    asked = agent_is_asked(guest.kind, running=running, ram=ram, setting=setting)
    answers = agent.answers(proxmox, guest) if asked else None
    notes = [consistency(guest.kind, running=running, ram=ram, setting=setting, answers=answers)]
    if config.get("lock"):
        notes.append(f"it is locked ({config['lock']}) now and will be waited for")
    return tuple(notes)


def apply(session: Session, planned: Plan[Take], tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Take them: two at once on a node, the nodes side by side. `tell` hears of each as it ends."""
    lanes, count = {}, Counter[str]()
    for step in planned.steps:
        lanes[step.guest.vmid] = (step.guest.node, count[step.guest.node] % PER_NODE)
        count[step.guest.node] += 1

    def take(step: Take) -> Outcome:
        outcome = while_unlocked(session, step, lambda: _taken(session, step))
        tell(outcome)
        return outcome

    found = one_at_a_time_by(
        lambda step: lanes[step.guest.vmid], take, planned.steps, places=PER_NODE * NODES
    )
    return sorted(found, key=lambda outcome: outcome.guest.vmid)


def _taken(session: Session, step: Take) -> Outcome:
    outcome = carry_out(
        session.proxmox.api,
        step.guest,
        step.action,
        lambda: session.snapshots.take(step.guest, step.snapshot, step.description, ram=step.ram),
        timeout=session.limits.timeout,
        promised=PROMISED,
    )
    outcome = look_after(
        session.proxmox,
        outcome,
        lambda there: (found := find(there, step.snapshot)) is not None and found.state is None,
        timeout=session.limits.timeout,
    ).outcome
    said = [outcome.words, *(step.notes if outcome.result is Result.DONE else ())]
    return replace(outcome, words="\n".join(filter(None, said)))
