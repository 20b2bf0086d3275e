"""From a guest's settings to what its templates need."""

from components.cloud_init import Birth, Distribution, MailRelay
from components.models import Guest, Settings


def birth_of(guest: Guest, stack: Settings, *, user: str, agent_enabled: bool) -> Birth:
    """Collect everything that a guest is told at its birth."""
    relay = stack.mail_relay
    return Birth(
        hostname=guest.name,
        distribution=Distribution(guest.distribution),
        environment=stack.environment.value,
        user=user,
        ssh_keys=stack.keys_of(guest),
        auto_security_updates=guest.auto_security_updates,
        agent_enabled=agent_enabled,
        mail_to=stack.mail_to,
        mail_relay=MailRelay(**relay.model_dump()) if relay else None,
        time_zone=stack.time_zone,
    )
