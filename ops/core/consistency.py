"""How whole the data of a new snapshot is, as far as it can be known from outside (TRAPS E5, E6)."""

from ops.core.model import GuestKind

_OFF = frozenset({"0", "no", "off", "false"})
_FREEZE = ("freeze-fs", "freeze-fs-on-backup")  # the second is the name before PVE 9
_ANSWERS = {
    True: "file systems frozen by the guest agent",
    False: "crash-consistent: the guest agent is enabled and does not answer",
    None: "cannot tell whether the file systems are frozen: the guest agent could not be asked",
}


def agent_is_asked(kind: GuestKind, *, running: bool, ram: bool, setting: str) -> bool:
    """Whether the result depends on the guest agent's answering: it would freeze the file systems."""
    return kind is GuestKind.VIRTUAL_MACHINE and running and not ram and _freezes(setting)


def consistency(kind: GuestKind, *, running: bool, ram: bool, setting: str, answers: bool | None) -> str:
    """Say it in words.

    `setting` is the VM's `agent` setting, as it stands; `answers` whether the agent answered just before, or
    None where that cannot be known.
    """
    if not running:
        return "the guest is stopped: nothing was being written"
    if kind is GuestKind.CONTAINER:
        return "the container's processes are frozen while it is taken"
    if ram:
        return "with RAM: a rollback resumes the guest where it was"
    if agent_is_asked(kind, running=running, ram=ram, setting=setting):
        return _ANSWERS[answers]
    return f"crash-consistent: {_why_not(setting)}"


def _freezes(setting: str) -> bool:
    first, *rest = [part.partition("=") for part in setting.split(",")]
    options = {name: value for name, _, value in rest}
    enabled = first[2] if first[0] == "enabled" else options.get("enabled", first[0])
    return (
        bool(enabled) and enabled not in _OFF and all(options.get(name, "1") not in _OFF for name in _FREEZE)
    )


def _why_not(setting: str) -> str:
    switched_off = any(f"{name}=" in setting for name in _FREEZE)
    return "freezing is switched off" if switched_off else "the guest agent is not enabled"
