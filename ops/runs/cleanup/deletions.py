"""Deleting what the plan names: one at a time on a node, nodes side by side, each looked at just before."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ops.adapters.locks import wait_until_unlocked
from ops.adapters.proxmox import Proxmox
from ops.adapters.snapshots import Snapshots
from ops.core.model import Guest
from ops.core.outcomes import Outcome, Result
from ops.core.retention import Decision, Policy, Verdict, decide
from ops.core.waiting import Limits
from ops.errors import LifecycleError
from ops.runs.parallel import one_at_a_time_by, pause
from ops.runs.snapshots.delete import action_on, send
from ops.runs.snapshots.steps import find

NODES = 32  # rows side by side; a cluster has at most about that many nodes


@dataclass(frozen=True, kw_only=True)
class Deletions:
    """The deletions of one run; `report` hears of each end at once, from several threads."""

    proxmox: Proxmox
    policy: Policy
    now: datetime
    limits: Limits
    report: Callable[[Outcome], None]
    busy: dict[str, str] = field(default_factory=dict)  # node -> the deletion that may still run there

    def carry_out_all(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Delete them, in their order on each node. A locked guest's come last: its lock may go meanwhile."""
        held: list[Decision] = []
        first = self._in_rows(lambda each: self._unless_locked(each, held), decisions)
        deadline = time.monotonic() + self.limits.lock_wait
        again = self._in_rows(
            lambda each: self._when_unlocked(each, max(0.0, deadline - time.monotonic())), held
        )
        return [outcome for outcome in (*first, *again) if outcome is not None]

    def _in_rows(
        self, work: Callable[[Decision], Outcome | None], decisions: Sequence[Decision]
    ) -> list[Outcome | None]:
        def one(decision: Decision) -> Outcome | None:
            outcome = work(decision)
            if outcome is not None:
                self.report(outcome)
            return outcome

        return one_at_a_time_by(lambda each: each.guest.node, one, decisions, places=NODES)

    def _unless_locked(self, decision: Decision, held: list[Decision]) -> Outcome | None:
        try:
            if wait_until_unlocked(self.proxmox, decision.guest, at_most=0.0) is not None:
                held.append(decision)
                return None
        except LifecycleError as error:
            return self._not_there(decision, error)
        return self._delete(decision)

    def _when_unlocked(self, decision: Decision, seconds: float) -> Outcome:
        try:
            lock = wait_until_unlocked(self.proxmox, decision.guest, at_most=seconds, sleep=pause)
        except LifecycleError as error:
            return self._not_there(decision, error)
        if lock is not None:
            words = f"the guest is locked ({lock}), still after {self.limits.lock_wait:.0f} s"
            return _ended(decision, Result.REFUSED, words)
        return self._delete(decision)

    def _delete(self, decision: Decision) -> Outcome:
        guest, name = decision.guest, decision.snapshot.name
        if guest.node in self.busy:
            words = f"{self.busy[guest.node]} may still be going on at {guest.node}; one at a time there"
            return _ended(decision, Result.REFUSED, words)
        try:
            fresh = find(Snapshots(self.proxmox).of(guest), name)
        except LifecycleError as error:
            return self._not_there(decision, error)
        if fresh is None:
            return _ended(decision, Result.DONE, "was gone before its turn")
        again = decide(guest, fresh, self.policy, self.now)
        if again.verdict is not Verdict.DELETE:
            return _ended(decision, Result.REFUSED, f"has changed since the run began: {again.reason}")
        look = send(self.proxmox, guest, name, timeout=self.limits.timeout)
        if not look.over:
            self.busy[guest.node] = f"{look.outcome.action} of {guest.name}"
        return look.outcome

    def _not_there(self, decision: Decision, error: LifecycleError) -> Outcome:
        """Say why a guest does not answer where it was: it is gone, it has moved, or what PVE said."""
        try:
            node = _place(self.proxmox, decision.guest)
        except LifecycleError:
            node = decision.guest.node
        if node is None:
            return _ended(decision, Result.DONE, "the guest is gone, and its snapshots with it")
        if node != decision.guest.node:
            return _ended(decision, Result.REFUSED, f"the guest has moved to {node}; the next run takes it")
        return _ended(decision, Result.FAILED, str(error))


def _place(proxmox: Proxmox, guest: Guest) -> str | None:
    return next((each.node for each in proxmox.guests() if each.vmid == guest.vmid), None)


def _ended(decision: Decision, result: Result, words: str) -> Outcome:
    return Outcome(guest=decision.guest, action=action_on(decision.snapshot.name), result=result, words=words)
