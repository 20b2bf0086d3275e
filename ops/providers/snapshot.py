"""The snapshot that a guest gets before `up` changes it.

The engine says when that is: it calls a hook right before it asks the provider for an update, and only then.
Why this is a hook and no resource of its own: docs/adr/0006-a-hook-takes-the-snapshot.md.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pulumi

from ops.core.outcomes import all_good
from ops.core.snapshots import timed_name
from ops.core.waiting import Limits
from ops.errors import LifecycleError

PREFIX = "before-change"
LOCK_WAIT = 300.0  # seconds; a backup of a small guest is over by then
TIMEOUT = 1800.0  # seconds; freezing the guest's file systems alone may take many minutes (TRAPS E6)


@dataclass(frozen=True, kw_only=True)
class SnapshotArgs:
    """The guest, by its name and number, and the time of this run."""

    guest: str
    vm_id: int
    now: datetime


class Snapshot:
    """The snapshot of one guest before its first change in a run; a later change in that run takes no other.

    Attributes:
        hooks: for the options of each resource whose update changes the guest.
    """

    hooks: pulumi.ResourceHookBinding

    def __init__(self, parent: pulumi.Resource, args: SnapshotArgs) -> None:
        self._parent = parent
        self._args = args
        self._taking: asyncio.Future[str] | None = None
        # A preview asks, too: that a storage cannot snapshot is better known before than half-way.
        options = pulumi.ResourceHookOptions(on_dry_run=True)
        hook = pulumi.ResourceHook(f"{args.guest}-snapshot-before-change", self._before, options)
        self.hooks = pulumi.ResourceHookBinding(before_update=[hook])

    async def _before(self, change: pulumi.ResourceHookArgs) -> None:
        """Let the change happen by returning; an error stops it."""
        if self._taking is not None:
            await self._taking
            return
        what = ", ".join(changed(change)) or change.name
        description = f"before pulumi up of stack {pulumi.get_stack()} changes {what}"
        dry_run = pulumi.runtime.is_dry_run()
        # In a thread of its own, so that the guests of a stack do not wait for each other.
        work = asyncio.to_thread(take, self._args, description, dry_run=dry_run)
        self._taking = asyncio.ensure_future(work)
        pulumi.log.info(await self._taking, self._parent)


def changed(change: pulumi.ResourceHookArgs) -> list[str]:
    """Name the properties that are declared otherwise than the refresh found them; no secret is looked at."""
    there, declared = change.old_inputs or {}, change.new_inputs or {}
    return [name for name in _common(declared, there) if _differs(declared[name], there[name])]


def _common(declared: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """The names that both sides know, in order: the provider adds its defaults to one of them."""
    return sorted(name for name in declared if name in there and not name.startswith("__"))


def _differs(declared: Any, there: Any) -> bool:
    if isinstance(declared, dict) and isinstance(there, dict):
        return any(_differs(declared[name], there[name]) for name in _common(declared, there))
    if isinstance(declared, list) and isinstance(there, list):
        return len(declared) != len(there) or any(map(_differs, declared, there))
    secret = isinstance(declared, pulumi.Output) or isinstance(there, pulumi.Output)
    return not secret and declared != there


def take(args: SnapshotArgs, description: str, *, dry_run: bool) -> str:
    """Take the snapshot and say so; in a dry run only see whether it can be taken.

    Raises:
        LifecycleError: it cannot be taken, was not, or nobody knows.
    """
    try:
        name, notes = _taken(args, description, dry_run=dry_run)
    except LifecycleError as error:
        raise LifecycleError(
            f"no snapshot, and so no change: {error}",
            where=f"{args.guest} ({args.vm_id})",
            remedy="Mend that, or set snapshot_before_change of this guest to false for this change.",
        ) from None
    done = "a snapshot will be taken" if dry_run else f"snapshot {name} taken"
    return f"{args.guest}: {done} before the change ({'; '.join(notes)})"


def _taken(args: SnapshotArgs, description: str, *, dry_run: bool) -> tuple[str, Sequence[str]]:
    """Return its name, and what is to be known of it: how whole its data is, and Proxmox VE's warnings."""
    from ops.runs.cluster import observe, opened  # noqa: PLC0415
    from ops.runs.snapshots import create as snapshot_create  # noqa: PLC0415  a program on mocks needs no network libraries
    from ops.runs.snapshots.steps import Session  # noqa: PLC0415

    with opened(None) as (settings, proxmox):
        session = Session(
            proxmox=proxmox,
            inventory=observe(proxmox),
            now=args.now,
            zone=settings.zone,
            limits=Limits(lock_wait=LOCK_WAIT, timeout=TIMEOUT),
        )
        guest = session.one(str(args.vm_id))
        name = _free(args.now, {snapshot.name for snapshot in session.snapshots.of(guest)})
        wish = snapshot_create.Wish(name=name, description=description, keep=None, ram=False)
        plan = snapshot_create.plan(session, [guest], wish)
        if refusal := plan.steps[0].refusal:
            raise LifecycleError(refusal)
        if dry_run:
            return name, plan.steps[0].notes
        (outcome,) = snapshot_create.apply(session, plan, lambda _: None)
    if not all_good([outcome]):
        raise LifecycleError(outcome.words)
    return name, outcome.words.splitlines()


def _free(now: datetime, there: set[str]) -> str:
    """Name it by the time, numbered where that is taken: LIFECYCLE_NOW may stand still."""
    name = timed_name(PREFIX, now)
    numbered = (f"{name}-{number}" for number in range(2, len(there) + 2))
    return next(each for each in (name, *numbered) if each not in there)
