"""What `pve-cleanup-snapshots` does between its options and its report."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ops.adapters.connection import Connection
from ops.adapters.metrics import write_success
from ops.adapters.notices import Delivery
from ops.adapters.proxmox import Proxmox
from ops.adapters.run_lock import only_run
from ops.core.ceiling import Ceiling
from ops.core.outcomes import GOOD, Outcome, Result, all_good
from ops.core.retention import Plan, Policy, Verdict, decide_all
from ops.core.selection import Selection
from ops.core.waiting import Limits
from ops.errors import LifecycleError
from ops.runs import clocks
from ops.runs.cleanup.deletions import Deletions
from ops.runs.cleanup.notices import notices_of
from ops.runs.cluster import observe, opened
from ops.runs.recording import recorded
from ops.runs.snapshots.delete import action_on
from ops.runs.snapshots.listing import Listing, list_all
from ops.runs.snapshots.metrics import write_snapshots
from ops.runs.telling import complaints, tell

OPERATION = "cleanup_snapshots"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for. `metrics` is the directory of the text files, which are about all guests."""

    selection: Selection
    max_age: timedelta
    ceiling: Ceiling
    limits: Limits
    now: datetime
    dry_run: bool
    metrics: Path | None

    @property
    def recorded_in(self) -> Path | None:
        """Where this run is recorded: one about a few guests would pass for the truth about all."""
        return self.metrics if self.selection.everything else None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was decided and what came of it. `troubles` is what went wrong beside the snapshots."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    offline_nodes: tuple[str, ...]
    deliveries: tuple[Delivery, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether all that was due is gone, every guest was seen, and everybody was told."""
        return all_good(self.outcomes) and not self.troubles


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Who watches: `warn` hears what is odd, `planned` sees the plan, `ended` each deletion's end."""

    warn: Callable[[str], None]
    planned: Callable[[Plan], None]
    ended: Callable[[Outcome], None]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    listing: Listing
    plan: Plan
    policy: Policy
    offline_nodes: tuple[str, ...]

    @property
    def not_begun(self) -> tuple[Outcome, ...]:
        """Guests that could not be read, and snapshots that the plan refuses."""
        refused = [
            Outcome(
                guest=each.guest,
                action=action_on(each.snapshot.name),
                result=Result.REFUSED,
                words=each.reason,
            )
            for each in self.plan.of(Verdict.REFUSE)
        ]
        return (*self.listing.unread, *refused)


def clean_up(request: Request, *, connection_file: Path | None, screen: Screen) -> Report:
    """Observe, decide, show, apply; then tell people and leave the metrics.

    Raises:
        LifecycleError: nothing could be judged at all, and nothing was deleted.
    """
    with opened(connection_file) as (settings, proxmox):
        if request.dry_run:
            seen = _see(request, settings, proxmox, screen)
            return Report(plan=seen.plan, outcomes=seen.not_begun, offline_nodes=seen.offline_nodes)
        with (
            only_run(OPERATION, settings.endpoint),
            recorded(request.recorded_in, OPERATION, request.now) as record,
        ):
            report = _applied(request, settings, proxmox, screen)
            record.outcomes, record.succeeded = report.outcomes, report.succeeded
        return replace(report, troubles=(*report.troubles, *filter(None, [record.trouble])))


def _see(request: Request, settings: Connection, proxmox: Proxmox, screen: Screen) -> _Seen:
    inventory = observe(proxmox)
    guests = inventory.chosen(request.selection)
    nodes = sorted({guest.node for guest in guests}.difference(inventory.offline_nodes))
    acts = not request.dry_run
    for warning in clocks.odd_times(proxmox, nodes, request.now, os.environ, acts=acts):
        screen.warn(warning)
    listing = list_all(proxmox, guests, inventory.offline_nodes)
    policy = Policy(max_age=request.max_age, ceiling=request.ceiling, zone=settings.zone)
    plan = decide_all(listing.held, policy, request.now)
    screen.planned(plan)
    return _Seen(listing=listing, plan=plan, policy=policy, offline_nodes=inventory.offline_nodes)


def _applied(request: Request, settings: Connection, proxmox: Proxmox, screen: Screen) -> Report:
    seen = _see(request, settings, proxmox, screen)
    deletions = Deletions(
        proxmox=proxmox, policy=seen.policy, now=request.now, limits=request.limits, report=screen.ended
    )
    ended = deletions.carry_out_all(seen.plan.of(Verdict.DELETE))
    report = Report(plan=seen.plan, outcomes=(*seen.not_begun, *ended), offline_nodes=seen.offline_nodes)
    notices = notices_of(report.plan, report.outcomes, OPERATION, request.now, settings.zone)
    told = tell(settings.notices, notices)
    report = replace(report, deliveries=tuple(told), troubles=tuple(complaints(told)))
    return _leave_metrics(request, report, seen, ended)


def _leave_metrics(request: Request, report: Report, seen: _Seen, ended: Sequence[Outcome]) -> Report:
    """Write what is left now, and the stamp of success, if it was one."""
    directory = request.recorded_in
    if directory is None:
        return report
    gone = {(each.guest.vmid, each.action) for each in ended if each.result in GOOD}
    left = [
        each for each in seen.plan.decisions if (each.guest.vmid, action_on(each.snapshot.name)) not in gone
    ]
    unread = {each.guest.vmid for each in seen.listing.unread}
    try:
        held = ((each.guest, each.snapshot) for each in left)
        write_snapshots(directory, held, unread, seen.policy.zone)
        if report.succeeded:
            write_success(directory, OPERATION, request.now)
    except LifecycleError as error:
        return replace(report, troubles=(*report.troubles, str(error)))
    return report
