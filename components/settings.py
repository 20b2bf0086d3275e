"""From Pulumi's configuration to the models: the only reader, and the words for what is refused."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pulumi
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.models import Guest, Settings, VirtualMachineSettings
from ops.core.now import HOPELESS, VARIABLE, is_for_trials, named_time
from ops.core.tags import Environment

NODES_VARIABLE = "PROXMOX_VE_SSH_NODES"
KEY_VARIABLE = "PROXMOX_VE_SSH_PRIVATE_KEY"
HOST_KEY_VARIABLE = "PVE_LIFECYCLE_HOST_PRIVATE_KEY"
OPERATIONS_TOKEN_VARIABLE = "PVE_LIFECYCLE_API_TOKEN"  # noqa: S105  the name of one

# Pulumi.yaml must give every key a default, and these are the ones that say nothing.
_ABSENT: tuple[Any, ...] = ("", {}, None)
_REMEDIES = {
    "extra_forbidden": ("this key is not known", "look for a misspelling in docs/configuration.md"),
    "missing": ("this key is required", "add it; docs/configuration.md says what it takes"),
    "greater_than": ("this is not above {gt}", "write a whole number above {gt}"),
    "greater_than_equal": ("this is below {ge}", "write a whole number of {ge} or more"),
    "less_than_equal": ("this is above {le}", "write a whole number of {le} or less"),
    "int_type": ("this is not a whole number", "write one without quotes, like 14"),
    "int_from_float": ("this is not a whole number", "write one without a fraction, like 14"),
    "bool_type": ("this is neither true nor false", "write true or false without quotes"),
    "string_type": ("this is not text", "write it in quotes"),
    "literal_error": ("this value is not known", "write {expected}"),
    "enum": ("this value is not known", "write {expected}"),
    "tuple_type": ("this is not a list", "write its entries below it, each after '- '"),
    "dict_type": ("this is not an object", "write its keys below it, indented"),
    "model_type": ("this is not an object", "write its keys below it, indented"),
    "string_pattern_mismatch": (
        "this value has not the form that is asked for",
        "docs/configuration.md shows it",
    ),
    "string_too_short": ("this is empty", "write a value, or remove the key"),
    "json_invalid": ("this is not a list or an object", "see the example in Pulumi.lab.yaml"),
}


class SettingsError(pulumi.RunError):
    """Everything that is wrong with the configuration, each with path, reason and remedy."""

    def __init__(self, problems: Iterable[str]) -> None:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The stack's configuration is refused; nothing was changed:\n{lines}")


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the running stack's configuration.

    Raises:
        SettingsError: with every problem at once, before any resource is registered.
    """
    prefix = f"{pulumi.get_project()}:"
    config = pulumi.runtime.config.get_config_env() | dict(pulumi.runtime.config.CONFIG.get())
    raw = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    return parse_settings(raw, environ)


def parse_settings(raw: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Turn raw configuration, as Pulumi hands it over (text or JSON in text), into models."""
    decoded = {key: _decode(key, value) for key, value in raw.items()}
    values = {key: value for key, value in decoded.items() if value not in _ABSENT}
    if not values.get("nodes") and environ.get(NODES_VARIABLE):
        values["nodes"] = _decode("nodes", environ[NODES_VARIABLE])
    try:
        settings = Settings.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise SettingsError(map(_sentence, error.errors(include_input=False))) from None
    problems = [*_contradictions(settings), *_login(settings, environ)]
    if problems:
        raise SettingsError(problems)
    return settings


def read_now(environ: Mapping[str, str] = os.environ) -> datetime:
    """Return the time of this run: the clock's, or LIFECYCLE_NOW to see another day's preview.

    Raises:
        SettingsError: that is no time, or another day's in an `up`: it would stop and start the wrong guests.
            A cluster at this machine's own address is one to try things on.
    """
    present = datetime.now(UTC)
    try:
        named = named_time(environ) or present
    except ValueError as error:
        raise SettingsError([str(error)]) from None
    acts = not (pulumi.runtime.is_dry_run() or is_for_trials(environ.get("PROXMOX_VE_ENDPOINT", "")))
    if acts and abs(named - present) > HOPELESS:
        words = f"{VARIABLE} says {named.isoformat()}: that is for previews; unset it to act today"
        raise SettingsError([words])
    return named


def _decode(key: str, value: Any) -> Any:
    field = Settings.model_fields.get(key)
    textual = field is None or field.annotation in (str, Environment) or field.annotation == str | None
    if textual or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _sentence(error: ErrorDetails) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return f"{path}: {context['error']}"
    reason, remedy = _REMEDIES.get(error["type"], (error["msg"], "docs/configuration.md says what it takes"))
    return f"{path or 'configuration'}: {reason.format(**context)}; {remedy.format(**context)}"


def _contradictions(settings: Settings) -> Iterator[str]:
    yield from _duplicates(settings)
    paths = [("virtual_machines", settings.virtual_machines), ("containers", settings.containers)]
    for kind, guests in paths:
        for index, guest in enumerate(guests):
            path = f"{kind}[{index}]"
            yield from _policy(path, guest, settings)
            yield from _origin(path, guest, settings)
    if settings.mail_to and not settings.mail_relay:
        yield "mail_to: without mail_relay the mail stays on the guest; add mail_relay, or drop mail_to"


def _login(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    if settings.containers and not environ.get(KEY_VARIABLE):
        yield (
            f"containers: they are set up through their node's SSH, and {KEY_VARIABLE} is not set; "
            "put the text of the private key into it"
        )
    if settings.operations_host:
        for name, what in (
            (HOST_KEY_VARIABLE, "the text of the private key that opens the host"),
            (OPERATIONS_TOKEN_VARIABLE, "the API token of the operations"),
        ):
            if not environ.get(name):
                yield f"operations_host: {name} is not set; put {what} into it"
        if environ.get(OPERATIONS_TOKEN_VARIABLE, "-") == environ.get("PROXMOX_VE_API_TOKEN"):
            yield (
                f"operations_host: {OPERATIONS_TOKEN_VARIABLE} is the token of the deployment, which may "
                "destroy guests; give the operations one of their own, with their smaller role"
            )


def _duplicates(settings: Settings) -> Iterator[str]:
    for key in ("name", "vm_id", "address"):
        seen: dict[Any, str] = {}
        for kind, guests in (
            ("virtual_machines", settings.virtual_machines),
            ("containers", settings.containers),
        ):
            for index, guest in enumerate(guests):
                path, value = f"{kind}[{index}].{key}", getattr(guest, key)
                if key == "address":  # the same one under another prefix is the same one
                    value = value.partition("/")[0]
                if value == "dhcp":
                    continue
                if value in seen:
                    yield f"{path}: {value} is taken by {seen[value]}; give each guest its own"
                seen.setdefault(value, path)


def _policy(path: str, guest: Guest, settings: Settings) -> Iterator[str]:
    if settings.environment is Environment.PROD and (guest.ends or guest.no_expire):
        yield f"{path}: a guest in prod never expires; remove expiration_days, expires_on and no_expire"
    if settings.environment is Environment.PROD and guest.renew:
        yield f"{path}.renew: a guest in prod never expires; remove it"
    if guest.no_expire and guest.ends:
        yield f"{path}: no_expire contradicts an expiry; keep one of them"
    if not settings.keys_of(guest):
        yield f"{path}: no SSH key would reach this guest; add one to ssh_keys or additional_ssh_keys"
    if settings.node_of(guest) not in settings.nodes and not isinstance(guest, VirtualMachineSettings):
        node = settings.node_of(guest)
        yield (
            f"{path}.node: containers are set up through their node's SSH, and {node} is not in nodes; "
            f"add nodes.{node} with address and host_key, or set {NODES_VARIABLE}"
        )


def _origin(path: str, guest: Guest, settings: Settings) -> Iterator[str]:
    if isinstance(guest, VirtualMachineSettings):
        if guest.clone_from == guest.vm_id:
            yield f"{path}.clone_from: a guest cannot be made from itself; give the vm_id of a template"
        if guest.clone_node and not guest.clone_from:
            yield f"{path}.clone_node: it is a template's; give its vm_id as clone_from, or drop it"
        if guest.clone_from and guest.image:
            yield f"{path}: clone_from and image exclude each other; keep one"
        if not (guest.clone_from or guest.image or settings.image):
            yield f"{path}: there is nothing to make it from; give image (stack or guest) or clone_from"
    elif not (getattr(guest, "container_template", None) or settings.container_template):
        yield f"{path}: there is no template; give container_template (stack or guest)"
