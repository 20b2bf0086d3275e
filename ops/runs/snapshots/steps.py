"""What the snapshot verbs share: a step of a plan, and the words for what is refused."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from ops.adapters.locks import wait_until_unlocked
from ops.adapters.proxmox import Proxmox
from ops.adapters.snapshots import Snapshots
from ops.core.model import Guest
from ops.core.outcomes import Outcome, Result
from ops.core.selection import Selection
from ops.core.snapshots import CURRENT, Snapshot
from ops.core.waiting import Limits
from ops.errors import LifecycleError
from ops.runs.cluster import Inventory
from ops.runs.parallel import pause


@dataclass(frozen=True, kw_only=True)
class Step:
    """One action on one snapshot, or why it will not be done; `notes` is what a person should know."""

    guest: Guest
    snapshot: str
    action: str
    refusal: str = ""
    notes: tuple[str, ...] = ()


S = TypeVar("S", bound=Step)
S_co = TypeVar("S_co", bound=Step, covariant=True)


@dataclass(frozen=True, kw_only=True)
class Plan(Generic[S_co]):
    """All steps, the time by which they were judged, and the nodes that were away."""

    now: datetime
    steps: tuple[S_co, ...]
    offline_nodes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a verb works with: the cluster as it was seen, the time of the run, and how long it may wait."""

    proxmox: Proxmox
    inventory: Inventory
    now: datetime
    zone: ZoneInfo
    limits: Limits

    @property
    def snapshots(self) -> Snapshots:
        """The snapshots of the cluster's guests."""
        return Snapshots(self.proxmox)

    def chosen(self, selection: Selection) -> list[Guest]:
        """The guests that are meant; an error where there are none. A template is meant only by its name."""
        guests = [each for each in self.inventory.chosen(selection) if selection.words or not each.template]
        if not guests:
            where = f"with the tag of {selection.environment}" if selection.environment else "but templates"
            raise LifecycleError(f"there is no guest {where}", remedy="Nothing was done.")
        return guests

    def one(self, word: str) -> Guest:
        """The guest of that number or name."""
        return self.inventory.chosen(Selection(words=(word,)))[0]

    def out_of_reach(self, guest: Guest) -> str:
        """Why nothing can be asked or done about the guest's snapshots; empty where it can."""
        if guest.node in self.inventory.offline_nodes:
            return f"its node {guest.node} is offline"
        return "it is a template" if guest.template else ""

    def plan(self, steps: Iterable[S]) -> Plan[S]:
        """The steps with what they were judged by."""
        return Plan(now=self.now, steps=tuple(steps), offline_nodes=self.inventory.offline_nodes)


def refused(step: Step, words: str = "") -> Outcome:
    """The outcome of a step that is not begun."""
    return Outcome(guest=step.guest, action=step.action, result=Result.REFUSED, words=words or step.refusal)


def while_unlocked(session: Session, step: Step, work: Callable[[], Outcome]) -> Outcome:
    """Wait for the guest's lock, then do the work. What fails before the work has begun is refused."""
    if step.refusal:
        return refused(step)
    try:
        lock = wait_until_unlocked(session.proxmox, step.guest, at_most=session.limits.lock_wait, sleep=pause)
    except LifecycleError as error:
        return refused(step, str(error))
    if lock is not None:
        return refused(step, _still_locked(lock, session.limits.lock_wait))
    return work()


def _still_locked(lock: str, waited: float) -> str:
    """What to say of a guest that Proxmox holds for longer than we wait."""
    return (
        f"the guest is locked ({lock}), still after {waited:.0f} s: another task holds it, or one that "
        "broke off left the lock behind. It is never taken off here; look at the node's task list"
    )


def find(snapshots: Sequence[Snapshot], name: str) -> Snapshot | None:
    """The snapshot of that name."""
    return next((each for each in snapshots if each.name == name), None)


def missing(snapshots: Sequence[Snapshot], name: str) -> str:
    """Why a name that the list does not have is refused."""
    if name == CURRENT:
        return f"{CURRENT} is the running state and no snapshot"
    names = ", ".join(each.name for each in snapshots) or "none"
    return f"it has no snapshot {name}; it has: {names}"


def broken(snapshot: Snapshot) -> str:
    """Why a snapshot with a state is not touched; empty where it has none."""
    if snapshot.state is None:
        return ""
    return (
        f"{snapshot.name} is not whole (snapstate {snapshot.state}): it is being made or deleted, or that "
        "broke off; an administrator of the node must look at it"
    )
