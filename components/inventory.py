"""What a guest says of itself to whoever operates it."""

from typing import Any, Literal

import pulumi

from components.models import Guest, Settings

Kind = Literal["qemu", "lxc"]


def inventory_entry(
    guest: Guest,
    stack: Settings,
    *,
    kind: Kind,
    user: str,
    address: pulumi.Input[str | None],
    day: pulumi.Output[str] | None,
) -> pulumi.Output[dict[str, Any]]:
    """Return the guest's entry: plain values, ready for JSON."""
    return pulumi.Output.from_input(
        {
            "name": guest.name,
            "vmid": guest.vm_id,
            "node": stack.node_of(guest),
            "kind": kind,
            "environment": stack.environment.value,
            "user": user,
            "address": address,
            "expires_on": day,
        }
    )


def fixed_address(guest: Guest) -> str | None:
    """Return the configured address without its prefix; None under DHCP."""
    return None if guest.address == "dhcp" else guest.address.partition("/")[0]


def usable(address: str) -> bool:
    """Tell whether an address that a guest reports leads to it from elsewhere."""
    return not address.startswith(("127.0.0.", "169.254."))
