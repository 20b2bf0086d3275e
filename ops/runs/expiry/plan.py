"""What an expiry run would do: the verdict on every guest, with what only its own configuration says."""

from dataclasses import dataclass

from ops.adapters.proxmox import Proxmox
from ops.core.ceiling import Ceiling
from ops.core.expiring import (
    Decision,
    Policy,
    Reason,
    Verdict,
    count_running_lab,
    decide_all,
    depends_on_flags,
    within,
)
from ops.core.selection import Selection
from ops.errors import LifecycleError
from ops.runs.cluster import Inventory
from ops.runs.expiry.stopping import judged
from ops.runs.parallel import side_by_side

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
    return Plan(all=tuple(verdicts), meant=tuple(with_flags(proxmox, held, policy)), offline_nodes=offline)


def with_flags(proxmox: Proxmox, verdicts: list[Verdict], policy: Policy) -> list[Verdict]:
    """Judge again, with their own configurations, the guests for which those matter.

    Only these are read, side by side. One that cannot be read changes nothing here: it is read again before
    the stop, and that one fails then. Over the ceiling no write is right, and none is asked for.
    """
    if any(verdict.reason is Reason.OVER_CEILING for verdict in verdicts):
        return verdicts

    def again(verdict: Verdict) -> Verdict:
        try:
            return judged(verdict.guest, proxmox.guest_config(verdict.guest), policy)
        except LifecycleError:
            return verdict

    asked = [verdict for verdict in verdicts if depends_on_flags(verdict)]
    known = {each.guest.vmid: each for each in side_by_side(again, asked, workers=AT_ONCE)}
    return [known.get(verdict.guest.vmid, verdict) for verdict in verdicts]
