r"""The tags of a guest: the only database that the lifecycle has.

Proxmox VE accepts ``[a-z0-9_][a-z0-9_\-+.]*`` as a tag, in any case, and splits a stored list at
``;``, ``,`` and white space (pve-common, JSONSchema.pm: ``pve-tag-list``). Reading is liberal, because
people type tags by hand; writing is canonical, because two spellings of one fact are two facts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

LEGAL_TAG = re.compile(r"[a-z0-9_][a-z0-9_\-+.]*")
MANAGED = "managed-by-pulumi"
NO_EXPIRE = "no-expire"

_SEPARATORS = re.compile(r"[;,\s]+")
_ENVIRONMENT = re.compile(r"env(?:ironment)?[:=\-_](?P<value>.*)")
_EXPIRES = re.compile(r"expires[:=\-_](?P<value>.*)")
_NO_EXPIRE = re.compile(r"no[:=\-_]?expires?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Environment(StrEnum):
    """Where a guest belongs; it decides what may be done to it without asking."""

    LAB = "lab"
    PROD = "prod"


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What a guest's tags say, with every contradiction kept visible.

    Attributes:
        environments: the values of the environment tags, lower case, one for each distinct tag.
        expiries: the days of the well-formed expiry tags, one for each distinct tag.
        malformed_expiries: expiry tags whose value is no calendar day.
        no_expire: whether a tag forbids expiry.
        managed: whether this program owns the guest.
        others: every other tag, lower case.
    """

    environments: tuple[str, ...] = ()
    expiries: tuple[date, ...] = ()
    malformed_expiries: tuple[str, ...] = ()
    no_expire: bool = False
    managed: bool = False
    others: tuple[str, ...] = ()


def split_tags(text: str) -> tuple[str, ...]:
    """Split a stored tag list into distinct lower-case tags, sorted."""
    return tuple(sorted({tag.lower() for tag in stored_tags(text)}))


def stored_tags(text: str) -> tuple[str, ...]:
    """Split a stored tag list into distinct tags as they are spelt, sorted.

    A datacenter with case-sensitive tags (option `tag-style`) may forbid to change other people's.
    """
    return tuple(sorted({tag for tag in _SEPARATORS.split(text) if tag}))


def parse_tags(tags: str | Iterable[str]) -> Tags:
    """Read tags in every spelling that Proxmox VE or a person may have left."""
    words = split_tags(tags if isinstance(tags, str) else ";".join(tags))
    environments: list[str] = []
    expiries: list[date] = []
    malformed: list[str] = []
    others: list[str] = []
    for word in words:
        if match := _ENVIRONMENT.fullmatch(word):
            environments.append(match["value"])
        elif match := _EXPIRES.fullmatch(word):
            day = parse_day(match["value"])
            malformed.append(word) if day is None else expiries.append(day)
        elif not _NO_EXPIRE.fullmatch(word) and word != MANAGED:
            others.append(word)
    return Tags(
        environments=tuple(sorted(environments)),
        expiries=tuple(sorted(expiries)),
        malformed_expiries=tuple(malformed),
        no_expire=any(_NO_EXPIRE.fullmatch(word) for word in words),
        managed=MANAGED in words,
        others=tuple(others),
    )


def parse_day(text: str) -> date | None:
    """Return the calendar day ``YYYY-MM-DD``, or None where the text is none."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def environment_tag(environment: Environment) -> str:
    """Return the canonical tag of an environment."""
    return f"environment-{environment}"


def expiry_tag(day: date) -> str:
    """Return the canonical tag of an expiry day; the guest is valid through its end."""
    return f"expires-{day.isoformat()}"


def canonical_tags(
    environment: Environment,
    *,
    expires_on: date | None = None,
    no_expire: bool = False,
    extra: Iterable[str] = (),
) -> list[str]:
    """Return the tags of a guest that this program owns: lower case, sorted, without duplicates."""
    tags = {tag.lower() for tag in extra} | {environment_tag(environment), MANAGED}
    if expires_on is not None:
        tags.add(expiry_tag(expires_on))
    if no_expire:
        tags.add(NO_EXPIRE)
    return sorted(tags)


def with_expiry(tags: str, day: date) -> list[str]:
    """Return a guest's tags, sorted, with this expiry as the only one, and every other as it is spelt."""
    kept = {word for word in stored_tags(tags) if not _EXPIRES.fullmatch(word.lower())}
    return sorted(kept | {expiry_tag(day)})


def problem_with_tag(tag: str) -> str | None:
    """Say why a person may not give this tag in the configuration, or None where he may."""
    if not LEGAL_TAG.fullmatch(tag.lower()):
        return (
            f"{tag!r} is no tag that Proxmox VE accepts; use letters, digits and _ - + . "
            "and begin with a letter, a digit or _"
        )
    read = parse_tags(tag)
    if not read.others:
        return f"{tag!r} is a tag that the program writes itself; use the guest's own settings instead"
    return None
