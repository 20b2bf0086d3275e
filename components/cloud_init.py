"""What a guest is born with: cloud-init's data for a VM, a script for a container, the files that both get.

Pure rendering: the same `Birth` gives the same bytes, and a file is the same whether cloud-init or the
script brings it. All of it is for birth only: a living guest is changed by the operations, never by a new
rendering.
"""

import re
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from components.templating import render

if TYPE_CHECKING:
    from collections.abc import Callable


class Distribution(StrEnum):
    """The families whose security archives are known; another one is refused, not guessed at."""

    DEBIAN = "debian"
    UBUNTU = "ubuntu"


@dataclass(frozen=True, kw_only=True)
class MailRelay:
    """The host that takes a guest's mail.

    Its password, where `user` asks for one, is not in here: msmtp reads it in the guest from
    /etc/msmtp-password, which a person puts there, so that no secret stands in user-data or state.
    """

    host: str
    port: int = 25
    tls: bool = True
    sender: str
    user: str | None = None


@dataclass(frozen=True, kw_only=True)
class Birth:
    """All that the templates know of a guest."""

    hostname: str
    distribution: Distribution
    environment: Literal["lab", "prod"]
    user: str
    ssh_keys: tuple[str, ...]
    auto_security_updates: bool
    agent_enabled: bool
    mail_to: str | None
    mail_relay: MailRelay | None
    time_zone: str


@dataclass(frozen=True, kw_only=True)
class GuestFile:
    """A file in the guest: `mode` in octal as text, `owner` as user:group."""

    path: str
    mode: str
    owner: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Delivery(Birth):
    """A birth with what follows from it: the context of the two templates that carry files into a guest."""

    packages: tuple[str, ...]
    files: tuple[GuestFile, ...]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The context of the meta-data: an instance-id that stays, so that cloud-init runs once in a life."""

    instance_id: str
    hostname: str


def user_data(birth: Birth) -> str:
    """The VM's user-data, beginning with `#cloud-config`."""
    agent = ("qemu-guest-agent",) if birth.agent_enabled else ()
    return render("user-data.yaml.j2", _delivery(birth, agent + _packages(birth), security_files(birth)))


def meta_data(instance_id: str, hostname: str) -> str:
    """The VM's meta-data; pins the instance-id, which Proxmox would compute from the user-data (TRAPS B1)."""
    return render("meta-data.yaml.j2", Identity(instance_id=instance_id, hostname=hostname))


def security_files(birth: Birth) -> tuple[GuestFile, ...]:
    """The files for updates, restarts and mail: the same bytes for a VM and a container."""
    return tuple(
        GuestFile(path=path, mode="0644", owner="root:root", content=render(template, birth))
        for template, path, wanted in _GUEST_FILES
        if wanted(birth)
    )


def container_script(birth: Birth) -> str:
    """A POSIX shell script for `pct exec VMID -- sh -s`, as root; a second run changes nothing."""
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", birth.user):
        raise ValueError(
            f"user {birth.user!r}: a user name is lower-case letters, digits, '-' and '_', up to 32"
        )
    packages = ("openssh-server", "tzdata", *_packages(birth))
    files = security_files(birth) + (() if birth.user == "root" else (_sudo_rule(birth.user),))
    return render("container.sh.j2", _delivery(birth, packages, files))


def _delivery(birth: Birth, packages: tuple[str, ...], files: tuple[GuestFile, ...]) -> Delivery:
    inherited = {field.name: getattr(birth, field.name) for field in fields(Birth)}
    return Delivery(**inherited, packages=packages, files=files)


def _packages(birth: Birth) -> tuple[str, ...]:
    packages: tuple[str, ...] = () if birth.user == "root" else ("sudo",)
    if birth.auto_security_updates:
        packages += ("unattended-upgrades", "needrestart")
    # the second of these is what node_reboot_required comes from; it is only recommended by the first
    packages += ("prometheus-node-exporter", "prometheus-node-exporter-collectors")
    if birth.mail_relay:
        packages += ("msmtp-mta", "bsd-mailx", "ca-certificates")
    return packages


def _sudo_rule(user: str) -> GuestFile:
    """In a VM cloud-init writes this rule itself."""
    rule = f"{user} ALL=(ALL) NOPASSWD:ALL\n"
    return GuestFile(path="/etc/sudoers.d/90-lifecycle", mode="0440", owner="root:root", content=rule)


def _updates(birth: Birth) -> bool:
    return birth.auto_security_updates


# The names sort after the packages' own files and are not theirs, so dpkg asks no question about them.
_GUEST_FILES: "tuple[tuple[str, str, Callable[[Birth], bool]], ...]" = (
    ("auto-upgrades.conf.j2", "/etc/apt/apt.conf.d/21auto-upgrades-local", lambda _: True),
    ("unattended-upgrades.conf.j2", "/etc/apt/apt.conf.d/52unattended-upgrades-local", _updates),
    ("apt-daily.timer.conf.j2", "/etc/systemd/system/apt-daily.timer.d/lifecycle.conf", _updates),
    (
        "apt-daily-upgrade.timer.conf.j2",
        "/etc/systemd/system/apt-daily-upgrade.timer.d/lifecycle.conf",
        _updates,
    ),
    ("needrestart.conf.j2", "/etc/needrestart/conf.d/90-lifecycle.conf", _updates),
    ("msmtprc.j2", "/etc/msmtprc", lambda birth: birth.mail_relay is not None),
)
