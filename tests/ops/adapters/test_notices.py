"""Telling people: accepted means that a channel has the message, and a secret is in none of the words."""

from datetime import UTC, datetime, timedelta

import apprise
import pytest
from pydantic import SecretStr

from ops.adapters.connection import NoticeSettings
from ops.adapters.notices import Alertmanager, Apprise, Notice, channels, deliver

# Apprise looks for a module of Python's that goes with 3.13, and brings one of its own there.
NOW = datetime(2026, 12, 1, 7, tzinfo=UTC)
TOKEN = "123456789:canary-of-the-bot-7f1e"
CHAT = -1001234567890
NOTICE = Notice(
    name="LabGuestStop",
    severity="warning",
    summary="The lab guest web (101) is being stopped",
    description="Its last day was 2026-11-30.",
    starts=NOW,
    ends=NOW + timedelta(days=1),
    labels={"vmid": "101", "name": "web"},
)
REFUSED = {"ok": False, "error_code": 401, "description": "Unauthorized"}


@pytest.fixture
def telegram(listener, monkeypatch):
    """Apprise's Telegram, whose Bot API is the stand-in."""
    listener.answer = {"ok": True, "result": {"message_id": 1}}
    monkeypatch.setattr("apprise.plugins.telegram.NotifyTelegram.notify_url", f"{listener.url}/bot")
    return Apprise(SecretStr(f"tgram://{TOKEN}/{CHAT}"))


def test_alertmanager_gets_one_array_that_it_understands(listener):
    """API v2: labels with alertname and severity, annotations, and an end, or it ends after five minutes."""
    (delivery,) = deliver([Alertmanager(f"{listener.url}/")], [NOTICE, NOTICE])
    assert (delivery.accepted, delivery.channel) == (True, "Alertmanager at 127.0.0.1")
    ((path, alerts),) = listener.received
    assert (path, len(alerts)) == ("/api/v2/alerts", 2)
    assert alerts[0] == {
        "labels": {"alertname": "LabGuestStop", "severity": "warning", "vmid": "101", "name": "web"},
        "annotations": {"summary": NOTICE.summary, "description": NOTICE.description},
        "startsAt": "2026-12-01T07:00:00+00:00",
        "endsAt": "2026-12-02T07:00:00+00:00",
    }


@pytest.mark.parametrize("status", [201, 301, 307, 400, 404, 410, 500, 503])
def test_only_200_is_accepted(listener, status):
    """A redirect is not followed: who answers there is not who was named."""
    listener.status, listener.answer = status, "no"
    (delivery,) = deliver([Alertmanager(listener.url)], [NOTICE])
    assert not delivery.accepted
    assert f"refused the alerts: {status}" in delivery.words
    assert listener.at("/elsewhere") == []


def test_an_address_that_cannot_be_one_is_not_accepted():
    """The library below says so with an error of its own."""
    (delivery,) = deliver([Alertmanager(f"http://{'a' * 70}.example:9093")], [NOTICE])
    assert not delivery.accepted


def test_nobody_there_is_not_accepted():
    """Port 9 of this machine answers nobody."""
    (delivery,) = deliver([Alertmanager("http://user:canary@127.0.0.1:9")], [NOTICE])
    assert (delivery.accepted, delivery.words) == (False, "does not answer: ConnectionError")
    assert "canary" not in repr(delivery)


def test_a_channel_that_fails_does_not_keep_the_next_from_being_tried(listener):
    """In the order of the settings, each with its own word."""
    settings = NoticeSettings(
        alertmanager=["http://127.0.0.1:9", listener.url], apprise=[SecretStr("nonsense://x")]
    )
    deliveries = deliver(channels(settings), [NOTICE])
    assert [each.accepted for each in deliveries] == [False, True, False]
    assert deliveries[2].words == "is no URL that apprise understands"


def test_without_notices_nobody_is_asked(listener):
    """No message, no delivery."""
    assert deliver([Alertmanager(listener.url)], []) == []
    assert listener.received == []


def test_telegram_gets_chat_text_and_nothing_else_to_parse(telegram, listener):
    """The Bot API's sendMessage: the chat as a number, the words, and no markup of a person's making."""
    odd = Notice(**{**vars(NOTICE), "description": "a < b & c"})
    (delivery,) = deliver([telegram], [odd])
    assert (delivery.accepted, delivery.channel) == (True, "apprise (tgram)")
    ((path, message),) = listener.received
    assert path == f"/bot{TOKEN}/sendMessage"
    assert int(message["chat_id"]) == CHAT
    assert NOTICE.summary in message["text"]
    assert "a &lt; b &amp; c" in message["text"]
    assert message["parse_mode"] == "HTML"


def test_several_notices_are_one_message(telegram, listener):
    """A phone that rings forty times is put away."""
    deliver([telegram], [NOTICE] * 3)
    ((_, message),) = listener.received
    assert "3 notices from Proxmox VE" in message["text"]
    assert message["text"].count("2026-11-30") == 3


def test_a_refusal_by_telegram_is_not_accepted_and_tells_no_token(telegram, listener, capsys, caplog):
    """A wrong token, a chat that is gone: the stop waits, and the log holds no secret."""
    caplog.set_level("DEBUG")
    listener.status, listener.answer = 401, REFUSED
    (delivery,) = deliver([telegram], [NOTICE])
    assert not delivery.accepted
    assert delivery.words.startswith("did not accept the message: ")
    said = capsys.readouterr()
    assert TOKEN.partition(":")[2] not in repr(delivery) + said.out + said.err + repr(telegram)


def test_what_apprise_accepts_is_what_the_settings_hold():
    """The forms that the manual names are known to the version that is locked."""
    forms = (
        f"tgram://{TOKEN}/{CHAT}",
        "mailto://mail.example.org:25?from=pve@example.org&to=ops@example.org",
        "json://localhost/x",
    )
    assert all(apprise.Apprise().add(url) for url in forms)
