"""The audit's way to what it judges: the token's effective permissions, asked with the token itself."""

from pathlib import Path

from ops.core.auditing import judge_permissions
from ops.core.preflight import Check, judge_version, major_of
from ops.runs.cluster import opened


def inspect_permissions(connection_file: Path | None) -> list[Check]:
    """Ask Proxmox for its version and what it has worked out for the token, and judge both."""
    with opened(connection_file) as (settings, proxmox):
        version = proxmox.version()
        return [
            judge_version(version, where=settings.endpoint),
            *judge_permissions(proxmox.permissions(), major=major_of(version), token_id=settings.token_id),
        ]
