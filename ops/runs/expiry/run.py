"""What `pve-expire` does between its options and its report: scan, decide, tell, stop."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ops.adapters.connection import NoticeSettings
from ops.adapters.metrics import write_success
from ops.adapters.notices import Delivery, channels
from ops.adapters.proxmox import Proxmox
from ops.adapters.run_lock import only_run
from ops.core.ceiling import Ceiling
from ops.core.expiring import UNDONE, Decision, Policy, Verdict
from ops.core.outcomes import Outcome, Result, all_good
from ops.errors import LifecycleError
from ops.runs import clocks
from ops.runs.cluster import observe, opened
from ops.runs.expiry import metrics, notices
from ops.runs.expiry.metrics import Seen, Stop
from ops.runs.expiry.plan import Plan, planned
from ops.runs.expiry.stopping import Ending, Terms, action_on, end
from ops.runs.parallel import side_by_side
from ops.runs.recording import recorded
from ops.runs.telling import complaints, tell

UNTOLD = "no channel for notices is set up, so nobody would be stopped"
NOT_BEGUN = "interrupted before it was begun"
WITHHELD = "no channel has accepted a notice, and nobody is stopped without one (--stop-without-notice)"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for. `words` name guests, none means all; times are in seconds."""

    words: tuple[str, ...]
    warn_days: tuple[int, ...]
    ceiling: Ceiling
    lock_wait: float
    shutdown_timeout: int
    workers: int
    without_notice: bool
    now: datetime
    dry_run: bool
    metrics: Path | None

    @property
    def recorded_in(self) -> Path | None:
        """Where the run itself is recorded: one for some guests says nothing of the daily one's success."""
        return None if self.words else self.metrics


@dataclass(frozen=True, kw_only=True)
class Report:
    """The plan and what came of it; nothing came of a dry run."""

    plan: Plan
    endings: tuple[Ending, ...] = ()
    withheld: tuple[Outcome, ...] = ()
    not_begun: tuple[Outcome, ...] = ()
    interrupted: bool = False
    warned: int = 0
    unheard: int = 0
    again: frozenset[int] = frozenset()
    deliveries: tuple[Delivery, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Every action, by guest."""
        ended = (outcome for ending in self.endings for outcome in ending.outcomes)
        return (*self.withheld, *ended, *self.not_begun)

    @property
    def stopped(self) -> frozenset[int]:
        """The vmids of the guests that this run has taken down."""
        return frozenset(ending.verdict.guest.vmid for ending in self.endings if ending.stopped)

    @property
    def kept_down(self) -> frozenset[int]:
        """The vmids of the guests whose start at boot this run has taken away."""
        return frozenset(ending.verdict.guest.vmid for ending in self.endings if ending.kept_down)

    @property
    def restopped(self) -> frozenset[int]:
        """Those among them that were stopped before, and started by somebody."""
        return self.stopped & self.again

    @property
    def complaints(self) -> list[str]:
        """What is wrong beside the guests: nodes away, notices that nobody took, files not written."""
        away = [
            f"The node {node} is offline: what runs there is not seen." for node in self.plan.offline_nodes
        ]
        unheard = [f"{self.unheard} warning(s) reached nobody."] if self.unheard else []
        untold = (unheard or self.withheld) and not self.deliveries
        nobody = ["No channel for notices is set up."] if untold else []
        return [*away, *complaints(self.deliveries), *nobody, *unheard, *self.troubles]

    @property
    def succeeded(self) -> bool:
        """Whether every guest was seen, everything due was done, and every channel took what it was given."""
        undone = any(verdict.reason in UNDONE for verdict in self.plan.meant)
        return all_good(self.outcomes) and not (undone or self.interrupted or self.complaints)


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Who watches: `warn` hears what is odd, `planned` sees the plan before anything is done.

    `begun` gets the number of guests that are worked on, `ended` each end as it comes.
    """

    warn: Callable[[str], None]
    planned: Callable[[Plan], None]
    begun: Callable[[int], None]
    ended: Callable[[Ending], None]


def expire(request: Request, *, connection_file: Path | None, screen: Screen) -> Report:
    """Do one run. A dry run ends with the plan: no write, no notice, no file, and no lock.

    Raises:
        LifecycleError: nothing could be judged at all, and nothing was done.
    """
    with opened(connection_file) as (settings, proxmox):
        policy = Policy(now=request.now, zone=settings.zone, warn_days=request.warn_days)
        if request.dry_run:
            plan = _plan(proxmox, request, policy, screen)
            if plan.of(Decision.STOP) and not (request.without_notice or channels(settings.notices)):
                screen.warn(UNTOLD)
            return Report(plan=plan)
        with (
            only_run(metrics.OPERATION, settings.endpoint),
            recorded(request.recorded_in, metrics.OPERATION, request.now) as record,
        ):
            plan = _plan(proxmox, request, policy, screen)
            before = metrics.remember(request.metrics) if request.metrics else {}
            valid = metrics.still_valid(before, plan.all, policy.zone, policy.now)
            again, heard_by = frozenset(valid), settings.notices
            report = _apply(proxmox, plan, request, policy, heard_by=heard_by, screen=screen, again=again)
            report = _leave_metrics(request, report, valid, policy)
            record.outcomes, record.succeeded = report.outcomes, report.succeeded
        return replace(report, troubles=(*report.troubles, *filter(None, [record.trouble])))


def _plan(proxmox: Proxmox, request: Request, policy: Policy, screen: Screen) -> Plan:
    inventory = observe(proxmox)
    nodes = sorted({guest.node for guest in inventory.guests} - set(inventory.offline_nodes))
    acts = not request.dry_run
    for warning in clocks.odd_times(proxmox, nodes, policy.now, os.environ, acts=acts):
        screen.warn(warning)
    plan = planned(proxmox, inventory, request.words, request.ceiling, policy)
    screen.planned(plan)
    return plan


def _apply(
    proxmox: Proxmox,
    plan: Plan,
    request: Request,
    policy: Policy,
    *,
    heard_by: NoticeSettings,
    screen: Screen,
    again: frozenset[int],
) -> Report:
    soon, due = plan.of(Decision.WARN), plan.of(Decision.STOP)
    warnings = tell(heard_by, notices.warnings(soon, policy))
    heard = any(each.accepted for each in warnings)
    announced = tell(heard_by, notices.stops(due, again, policy))
    report = Report(
        plan=plan,
        warned=len(soon) if heard else 0,
        unheard=0 if heard or request.without_notice else len(soon),
        again=again,
        deliveries=(*warnings, *announced),
    )
    if not request.without_notice and not any(each.accepted for each in announced):
        report, due = replace(report, withheld=tuple(_refused(verdict, WITHHELD) for verdict in due)), []
    due += plan.of(Decision.KEEP_DOWN)  # nobody loses anything that runs, and so nobody is told
    terms = Terms(policy=policy, lock_wait=request.lock_wait, shutdown_timeout=request.shutdown_timeout)

    endings: dict[int, Ending] = {}

    def one(verdict: Verdict) -> None:
        ending = end(proxmox, verdict, terms)
        endings[verdict.guest.vmid] = ending
        screen.ended(ending)

    screen.begun(len(due))
    interrupted = False
    try:
        side_by_side(one, due, workers=request.workers)
    except KeyboardInterrupt:  # what had begun has ended by now, and is to be reported and remembered
        interrupted = True
    return replace(
        report,
        endings=tuple(endings[vmid] for vmid in sorted(endings)),
        not_begun=tuple(_refused(each, NOT_BEGUN) for each in due if each.guest.vmid not in endings),
        interrupted=interrupted,
    )


def _refused(verdict: Verdict, words: str) -> Outcome:
    return Outcome(guest=verdict.guest, action=action_on(verdict), result=Result.REFUSED, words=words)


def _leave_metrics(request: Request, report: Report, valid: Mapping[int, Stop], policy: Policy) -> Report:
    if request.metrics is None:
        return report
    try:
        seen = _seen(report, valid, policy.now)
        metrics.write(request.metrics, seen, policy.zone, counts=request.recorded_in is not None)
        if report.succeeded and request.recorded_in:
            write_success(request.recorded_in, metrics.OPERATION, policy.now)
    except LifecycleError as error:
        return replace(report, troubles=(str(error),))
    return report


def _seen(report: Report, valid: Mapping[int, Stop], now: datetime) -> Seen:
    """The verdicts on what was found last, and the stops of before with those of this run."""
    last = {verdict.guest.vmid: verdict for verdict in report.plan.all}
    last |= {verdict.guest.vmid: verdict for verdict in report.plan.meant}
    last |= {ending.verdict.guest.vmid: ending.verdict for ending in report.endings}
    gone = {ending.verdict.guest.vmid for ending in report.endings if ending.gone}
    stops = dict(valid)
    for vmid in report.stopped:
        stops[vmid] = Stop(at=now.timestamp(), restops=valid[vmid].restops + 1 if vmid in valid else 0)
    return Seen(
        verdicts=tuple(verdict for vmid, verdict in last.items() if vmid not in gone),
        stops=stops,
        stopped=report.stopped,
        restopped=report.restopped,
        kept_down=len(report.kept_down),
        warned=report.warned,
        withheld=len(report.withheld),
        offline_nodes=len(report.plan.offline_nodes),
    )
