"""Giving a lab guest more time: until when, and when not."""

from dataclasses import dataclass
from datetime import date, timedelta

from ops.core.model import Guest
from ops.core.tags import Environment, Tags, parse_tags, with_expiry


class ExtensionError(ValueError):
    """Why a guest is not extended."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked for: a number of days more, or a last day; exactly one of them."""

    days: int | None = None
    until: date | None = None


@dataclass(frozen=True, kw_only=True)
class Extension:
    """A guest's new last day, the last one it had, and its tags afterwards."""

    guest: Guest
    day: date
    was: date | None
    tags: list[str]
    managed: bool


def extension(guest: Guest, tags: str, wish: Wish, *, today: date) -> Extension:
    """Work out the new day from the guest's present tags.

    Days are counted from the last valid day, and from today where that has passed or there is none. Several
    or malformed expiry tags are replaced by the one new tag.

    Raises:
        ExtensionError: the guest does not expire, or the day would not give it more time.
    """
    read = parse_tags(tags)
    if problem := _exempt(guest, read):
        raise ExtensionError(problem)
    was = max(read.expiries, default=None)
    day = wish.until or _days_after(max(was or today, today), wish.days or 0)
    if day < today:
        raise ExtensionError(f"{day} is past; today is {today}")
    if was is not None and day < was:
        raise ExtensionError(
            f"it is valid through {was}, which is later than {day}; an extension takes no time away"
        )
    return Extension(guest=guest, day=day, was=was, tags=with_expiry(tags, day), managed=read.managed)


def _days_after(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise ExtensionError(f"{days} days after {day} there is no calendar any more") from None


def _exempt(guest: Guest, tags: Tags) -> str | None:
    if guest.template:
        return "it is a template, which never expires"
    if not tags.environments:
        return f"it has no environment tag, so it never expires; tag it environment-{Environment.LAB} first"
    if len(tags.environments) > 1:
        return f"it has two environments ({', '.join(tags.environments)}); take the wrong tag away first"
    if tags.environments != (Environment.LAB,):
        return f"its environment is {tags.environments[0]}, and only guests in {Environment.LAB} expire"
    if tags.no_expire:
        return "it has the tag no-expire, so it never expires; take that away first"
    return None
