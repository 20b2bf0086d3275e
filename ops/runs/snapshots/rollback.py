"""Going back to a snapshot: what it costs is said first, and today's tags and start at boot outlive it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from ops.adapters.guest_settings import write_start_at_boot, write_tags
from ops.adapters.locks import wait_until_unlocked
from ops.adapters.proxmox import Proxmox
from ops.core.disks import newest_only
from ops.core.model import Guest, GuestKind
from ops.core.outcomes import GOOD, Outcome, Result
from ops.core.retention import age_in_words, format_day
from ops.core.rollback import Today, by_hand, goes_back, is_blocked, newer, today
from ops.core.snapshots import Snapshot
from ops.core.tags import parse_tags
from ops.errors import LifecycleError, UnknownOutcomeError
from ops.runs.actions import carry_out
from ops.runs.parallel import pause
from ops.runs.snapshots.steps import (
    Plan,
    Session,
    Step,
    broken,
    find,
    missing,
    refused,
    while_unlocked,
)

PROMISED = 30.0  # seconds, CS-003
START = 60.0  # seconds for the guest to run again; the HA manager takes two rounds of ten to hear of it
LOOK_EVERY = 1.0  # seconds
HA_NAMES = {GuestKind.VIRTUAL_MACHINE: "vm", GuestKind.CONTAINER: "ct"}
SETTINGS = 2  # the tags, and the start at boot: one write each


@dataclass(frozen=True, kw_only=True)
class RollBack(Step):
    """A way back, and the snapshots that a strict storage would mind."""

    newer: tuple[str, ...] = ()


def plan(session: Session, guest: Guest, name: str) -> Plan[RollBack]:
    """Look at the guest, its snapshots and both configurations, and say what will be lost and what stays."""
    refusal = session.out_of_reach(guest)
    there = [] if refusal else session.snapshots.of(guest)
    target = find(there, name)
    if not refusal:
        refusal = broken(target) if target else missing(there, name)
    after = newer(there, target) if target else []
    step = RollBack(
        guest=guest,
        snapshot=name,
        action=f"roll back to snapshot {name}",
        refusal=refusal,
        notes=() if refusal or target is None else _notes(session, guest, target, after),
        newer=tuple(after),
    )
    return session.plan([step])


def _notes(session: Session, guest: Guest, target: Snapshot, after: list[str]) -> tuple[str, ...]:
    config = session.proxmox.guest_config(guest)
    settings = today(config)
    since = "it was taken, at a time that nobody knows"
    if target.taken is not None:
        since = f"{format_day(target.taken)}, {age_in_words(session.now - target.taken)} ago"
    notes = [f"lost: everything that was written to its disks since {since}"]
    changes = goes_back(config, session.snapshots.config(guest, target.name))
    notes += [f"goes back: {change}" for change in changes]
    notes.append(f"stays: tags {';'.join(settings.tags) or '(none)'}, start at boot {int(settings.onboot)}")
    if session.proxmox.runs(guest):
        notes.append("it is switched off hard, and started again afterwards")
    elif target.ram:
        notes.append("the snapshot holds RAM: Proxmox VE starts the guest, which is stopped now")
    notes.append(f"its SSH keys will be those of that day: afterwards, pve-rotate-keys --audit {guest.vmid}")
    if parse_tags(guest.tags).managed:
        notes.append("Pulumi declares it: afterwards, pulumi up --refresh")
    if guest.ha_state == "started":
        notes.append(
            "the HA manager wants it running and may start it in the middle: before, on a node, "
            f"ha-manager set {HA_NAMES[guest.kind]}:{guest.vmid} --state ignored; afterwards, --state started"
        )
    if config.get("lock"):
        notes.append(f"it is locked ({config['lock']}) now and will be waited for")
    return (*notes, *_newer_notes(session.proxmox, guest, config, after))


def _newer_notes(proxmox: Proxmox, guest: Guest, config: dict[str, object], after: list[str]) -> list[str]:
    if not after:
        return []
    try:
        plugins = {storage.name: storage.plugin for storage in proxmox.storages(guest.node)}
    except LifecycleError:  # one that hangs must not keep a guest from going back
        return [f"newer: {', '.join(after)}; not known whether the storage minds, for it cannot be looked at"]
    strict = newest_only(guest.kind, config, plugins)
    if strict:
        names, stores = ", ".join(after), ", ".join(strict)
        return [
            f"storage {stores} goes back to its newest snapshot only: refused as long as there is {names}"
        ]
    # A volume chain of PVE 9 cannot leave them either, and no plugin's name says so: the refusal names them.
    return [f"newer snapshots stay in the list, where the storage can keep them: {', '.join(after)}"]


def apply(session: Session, planned: Plan[RollBack], tell: Callable[[str], None]) -> list[Outcome]:
    """Go back, once. `tell` hears, before anything is sent, how to set today's settings again by hand."""
    (step,) = planned.steps
    return [while_unlocked(session, step, lambda: _rolled_back(session, step, tell))]


def _rolled_back(session: Session, step: RollBack, tell: Callable[[str], None]) -> Outcome:
    """Read afresh what must outlive it: since the plan a person was asked, or a lock waited for."""
    try:
        settings = today(session.proxmox.guest_config(step.guest))
        ran = session.proxmox.runs(step.guest)
    except LifecycleError as error:
        return refused(step, str(error))
    command = by_hand(step.guest, settings)
    tell(f"If this is interrupted, today's settings are set again on node {step.guest.node} with: {command}")
    outcome = carry_out(
        session.proxmox.api,
        step.guest,
        step.action,
        lambda: session.snapshots.roll_back(step.guest, step.snapshot, start=ran),
        timeout=session.limits.timeout,
        promised=PROMISED,
    )
    if is_blocked(outcome.words) and step.newer:
        names = " ".join(step.newer)
        explained = (
            f"{outcome.words}\nIts storage goes back to the newest snapshot only. Newer, and lost with it: "
            f"{names}. If they may go: pve-snapshot delete {step.guest.vmid} {names}"
        )
        outcome = replace(outcome, words=explained)
    if ran and outcome.result in GOOD:
        outcome = _up_again(session, outcome)
    return _with_settings(session, outcome, settings)


def _up_again(session: Session, outcome: Outcome) -> Outcome:
    """See the guest run: PVE starts it by a task of its own, for which the rollback's does not wait.

    (qemu-server, API2/Qemu.pm: vm_start within the worker forks another one and returns.)
    """
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        with suppress(LifecycleError):
            if session.proxmox.runs(outcome.guest):
                return outcome
        pause(LOOK_EVERY)
    words = (
        f"it went back, and does not run {START:.0f} s later: see the end of its start in the task list of "
        f"node {outcome.guest.node}"
    )
    return replace(outcome, result=Result.FAILED, words="\n".join(filter(None, (outcome.words, words))))


def _with_settings(session: Session, outcome: Outcome, settings: Today) -> Outcome:
    """Set today's settings again where they went back, also after a rollback that broke off."""
    known = outcome.result is not Result.UNKNOWN
    limits = session.limits
    patience = limits.lock_wait if known else max(0.0, limits.timeout - (outcome.seconds or 0.0))
    problem = _restored(session.proxmox, outcome.guest, settings, patience, settled=known)
    by_command = f"On node {outcome.guest.node}: {by_hand(outcome.guest, settings)}"
    if problem:
        words = f"today's tags and start at boot could not be set again: {problem}\n{by_command}"
        result = Result.FAILED if outcome.result in GOOD else outcome.result
        return replace(outcome, result=result, words="\n".join(filter(None, (outcome.words, words))))
    if not known:
        words = f"Once it is over, look at the guest's tags; to set today's again: {by_command}"
        return replace(outcome, words=f"{outcome.words}\n{words}")
    return outcome


def _restored(proxmox: Proxmox, guest: Guest, settings: Today, patience: float, *, settled: bool) -> str:
    """Write what differs, one setting at a time with a fresh digest; says what went wrong, or nothing.

    Once the rollback has ended (`settled`), settings that are as they were will stay so, and no lock matters.
    Tags cannot be written away: that takes PVE's `delete`, which this program cannot say.
    """
    try:
        if settled and today(proxmox.guest_config(guest)) == settings:
            return ""
        if (lock := wait_until_unlocked(proxmox, guest, at_most=patience)) is not None:
            return f"the guest is locked ({lock})"
        problem = _written(proxmox, guest, settings)
        found = today(proxmox.guest_config(guest))
    except LifecycleError as error:
        return str(error)
    return "" if found == settings else problem


def _written(proxmox: Proxmox, guest: Guest, settings: Today) -> str:
    """Write what differs, and say why it may differ still: a write whose answer was lost may be done."""
    problem = "they are still those of the snapshot"
    for _ in range(SETTINGS):
        config = proxmox.guest_config(guest)
        digest = str(config["digest"])
        try:
            if today(config).tags != settings.tags and settings.tags:
                write_tags(proxmox, guest, list(settings.tags), digest=digest)
            elif today(config).onboot != settings.onboot:
                write_start_at_boot(proxmox, guest, on=settings.onboot, digest=digest)
        except UnknownOutcomeError as error:
            problem = str(error)
    return problem
