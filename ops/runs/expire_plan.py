"""What an expiry run would do: the verdict on every guest, with what only its own configuration says."""

from dataclasses import dataclass

from ops.adapters.proxmox import Proxmox
from ops.core.ceiling import Ceiling
from ops.core.expiring import Decision, Policy, Verdict, count_running_lab, decide, decide_all, within
from ops.core.selection import Selection
from ops.errors import LifecycleError
from ops.runs.cluster import Inventory
from ops.runs.parallel import side_by_side
from ops.runs.stopping import is_set

AT_ONCE = 8  # configurations


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The verdict on every guest of the cluster, and on those that were meant, with the ceiling applied."""

    all: tuple[Verdict, ...]
    meant: tuple[Verdict, ...]
    offline_nodes: tuple[str, ...]

    def of(self, decision: Decision) -> list[Verdict]:
        """The verdicts of one kind on the guests that were meant."""
        return [verdict for verdict in self.meant if verdict.decision is decision]


def planned(
    proxmox: Proxmox, inventory: Inventory, words: tuple[str, ...], ceiling: Ceiling, policy: Policy
) -> Plan:
    """Judge every guest, and hold the stops among those that are meant against the ceiling."""
    verdicts = decide_all(inventory.guests, policy)
    meant, offline = verdicts, inventory.offline_nodes
    if words:
        chosen = inventory.chosen(Selection(words=words))
        numbers, nodes = {guest.vmid for guest in chosen}, {guest.node for guest in chosen}
        meant = [verdict for verdict in verdicts if verdict.guest.vmid in numbers]
        offline = tuple(node for node in offline if node in nodes)
    held = within(ceiling, meant, running_lab=count_running_lab(inventory.guests))
    judged = with_protection(proxmox, held, policy)
    return Plan(all=tuple(verdicts), meant=tuple(judged), offline_nodes=offline)


def with_protection(proxmox: Proxmox, verdicts: list[Verdict], policy: Policy) -> list[Verdict]:
    """Refuse the stops of protected guests; PVE's flag stands in the guest's own configuration only.

    So only the configurations of the guests that would be stopped are read, side by side. One that cannot be
    read changes nothing here: it is read again before the stop, and that one fails then.
    """

    def judged(verdict: Verdict) -> Verdict:
        try:
            protected = is_set(proxmox.guest_config(verdict.guest), "protection")
        except LifecycleError:
            return verdict
        return decide(verdict.guest, policy, protected=protected)

    due = [verdict for verdict in verdicts if verdict.decision is Decision.STOP]
    known = {each.guest.vmid: each for each in side_by_side(judged, due, workers=AT_ONCE)}
    return [known.get(verdict.guest.vmid, verdict) for verdict in verdicts]
