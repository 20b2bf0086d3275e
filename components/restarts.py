"""Prod is not restarted by `up`: what the provider would restart a container for is refused beforehand."""

import pulumi

from components.models import ContainerSettings
from ops.errors import LifecycleError
from ops.providers.snapshot import changed

# The provider restarts a running container for these, and has no switch for it, as it has for a VM
# (terraform-provider-proxmox, container.go: rebootRequired). Proxmox VE itself changes them in place.
OPTIONS = {"initialization": "net0", "memory": "memory", "networkInterfaces": "net0"}


def refused_restarts(guest: ContainerSettings) -> pulumi.ResourceHook:
    """Return the hook that stops such a change, in the preview already."""

    def before(change: pulumi.ResourceHookArgs) -> None:
        if options := sorted({OPTIONS[name] for name in changed(change) if name in OPTIONS}):
            raise LifecycleError(
                f"this change would restart a container in prod ({', '.join(options)}); it was not made",
                where=f"{guest.name} ({guest.vm_id})",
                remedy="Make it on its node, where it takes effect at once: "
                f"pct set {guest.vm_id} {_words(guest, options)}. The next `pulumi up` finds it done.",
            )

    name = f"{guest.name}-no-restart"
    return pulumi.ResourceHook(name, before, pulumi.ResourceHookOptions(on_dry_run=True))


def _words(guest: ContainerSettings, options: list[str]) -> str:
    """What to type; the rest of net0 stays as `pct config` shows it, above all its address in hwaddr."""
    gateway = f",gw={guest.gateway}" if guest.gateway else ""
    net0 = f"'…,bridge={guest.bridge},ip={guest.address}{gateway}'"
    values = {"memory": str(guest.memory), "net0": net0}
    return " ".join(f"--{option} {values[option]}" for option in options)
