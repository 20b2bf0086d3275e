"""Telling people: one port, and a channel for Alertmanager and one for everything that apprise knows."""

import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

import requests
import urllib3
from pydantic import SecretStr

from ops.adapters.connection import NoticeSettings
from ops.errors import LifecycleError

TIMEOUT = (5.0, 15.0)  # seconds to connect and to answer


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A message for people. `name` and `labels` identify it, so that repeating it makes no second one.

    `ends` is when it has nothing more to say; Alertmanager would otherwise end it after five minutes.
    """

    name: str
    severity: str
    summary: str
    description: str
    starts: datetime
    ends: datetime
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Whether a channel has accepted a message, and its words where it has not."""

    channel: str
    accepted: bool
    words: str = ""


class Channel(Protocol):
    """A way to people. `name` shows no secret; `send` raises a LifecycleError unless it was accepted."""

    name: str

    def send(self, notices: Sequence[Notice]) -> None:
        """Hand over all notices, in one message where the channel can."""


class Alertmanager:
    """The API v2; accepted means that Alertmanager has the alerts, which then takes care of the rest."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v2/alerts"
        self.name = f"Alertmanager at {urlsplit(url).hostname}"

    def send(self, notices: Sequence[Notice]) -> None:
        """Post one JSON array."""
        alerts = [
            {
                "labels": {"alertname": notice.name, "severity": notice.severity, **notice.labels},
                "annotations": {"summary": notice.summary, "description": notice.description},
                "startsAt": notice.starts.isoformat(),
                "endsAt": notice.ends.isoformat(),
            }
            for notice in notices
        ]
        try:
            answer = requests.post(self._url, json=alerts, timeout=TIMEOUT, allow_redirects=False)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise LifecycleError(f"does not answer: {type(error).__name__}", where=self.name) from None
        if answer.status_code != requests.codes.ok:
            raise LifecycleError(
                f"refused the alerts: {answer.status_code} {answer.text[:200]}", where=self.name
            )


class Apprise:
    """Telegram, mail and the rest, by apprise's URLs, which hold secrets and are never shown."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self.name = f"apprise ({urlsplit(url.get_secret_value()).scheme})"

    def send(self, notices: Sequence[Notice]) -> None:
        """Send all notices as one message of plain text."""
        import apprise  # noqa: PLC0415 - a quarter of a second that a run without it spares

        sender = apprise.Apprise()
        if not sender.add(self._url.get_secret_value()):
            raise LifecycleError("is no URL that apprise understands", where=self.name)
        for service in sender:  # Telegram refuses what is longer than 4,096 characters, all of it
            if service.overflow_mode == apprise.OverflowMode.UPSTREAM:
                service.overflow_mode = apprise.OverflowMode.SPLIT
        title = notices[0].summary if len(notices) == 1 else f"{len(notices)} notices from Proxmox VE"
        body = "\n\n".join(f"{notice.summary}\n{notice.description}" for notice in notices)
        with apprise.LogCapture(level=logging.WARNING) as log:  # type: ignore[no-untyped-call]
            accepted = sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
            words = _first_line(log)
        if not accepted:
            raise LifecycleError(f"did not accept the message: {words}", where=self.name)


def channels(settings: NoticeSettings) -> list[Channel]:
    """Every channel that is set up."""
    return [*map(Alertmanager, settings.alertmanager), *map(Apprise, settings.apprise)]


def deliver(ways: Sequence[Channel], notices: Sequence[Notice]) -> list[Delivery]:
    """Send the notices over every channel; one that fails does not keep the others from being tried."""
    deliveries = []
    for way in ways if notices else ():
        try:
            way.send(notices)
            deliveries.append(Delivery(channel=way.name, accepted=True))
        except LifecycleError as error:
            deliveries.append(Delivery(channel=way.name, accepted=False, words=error.what))
    return deliveries


def _first_line(log: io.StringIO) -> str:
    lines = log.getvalue().strip().splitlines()
    return lines[0] if lines else "no reason given"
