"""What a person should look at again: said at every run, and never a reason to stop it."""

from collections.abc import Iterator
from datetime import date
from typing import get_args

from components.models import Guest, Settings, VirtualMachineSettings
from ops.core.tags import Environment

DISTRIBUTIONS: tuple[str, ...] = get_args(Guest.model_fields["distribution"].annotation)


def reminders(guest: Guest, stack: Settings, today: date) -> Iterator[str]:
    """Say what about a guest is due, or looks like a mistake that nothing else would show."""
    if guest.no_expire and today > date.fromisoformat(guest.no_expire.review_on):
        yield (
            f"{guest.name}: no_expire was to be reviewed by {guest.no_expire.review_on}; "
            "write a new review_on, or remove no_expire"
        )
    if stack.environment is Environment.PROD and not guest.auto_security_updates:
        yield f"{guest.name}: a guest in prod that installs no security updates; a person has to"
    source = _source(guest, stack)
    named = [each for each in DISTRIBUTIONS if each in source.lower()]
    if named and guest.distribution not in named:
        yield (
            f"{guest.name}: by its name, {source} holds {' or '.join(named)}, and its distribution is "
            f"{guest.distribution}; with the wrong one no security update ever matches"
        )


def _source(guest: Guest, stack: Settings) -> str:
    """Return the address or volume that the guest is born from; empty for a clone."""
    if isinstance(guest, VirtualMachineSettings):
        image = None if guest.clone_from else guest.image or stack.image
        return image.url if image else ""
    return getattr(guest, "container_template", None) or stack.container_template or ""
