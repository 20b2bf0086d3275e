"""Debian's own Alertmanager with the shipped configuration: who hears what, and what is kept quiet."""

import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests
import yaml

from lab.world import World

pytestmark = pytest.mark.system

SHIPPED = Path(__file__).parents[2] / "monitoring" / "alertmanager" / "alertmanager.yml"
PATH = "/etc/prometheus/alertmanager.yml"
NOW = datetime.now(UTC)
# A zone in which it is about ten in the morning: no test meets midnight, and twenty hours ago was yesterday.
OFFSET = (10 - NOW.hour + 12) % 24 - 12
ZONE = f"Etc/GMT{-OFFSET:+d}"
TODAY = NOW.astimezone(ZoneInfo(ZONE)).date()
BOT = {"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": -1000000000000, "type": "group"}}}


def until(look, seconds=20.0):
    """What `look` gives, as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)
    return found


@pytest.fixture
def shipped(guest):
    """A root that has the shipped configuration where it belongs."""
    guest.write(PATH, SHIPPED.read_text(), "0640")
    return guest


@pytest.fixture
def alertmanager(guest, listener, relay):
    """Alertmanager with the shipped configuration; only its ways out lead to stand-ins, and quickly."""
    listener.answer = BOT
    config = yaml.safe_load(SHIPPED.read_text())
    config["global"] |= {
        "telegram_api_url": listener.url,
        "smtp_smarthost": f"127.0.0.1:{relay.server_address[1]}",
        "smtp_require_tls": False,
    }
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in config["receivers"]:
        receiver["webhook_configs"] = [{"url": f"{listener.url}/{receiver['name']}"}]
    guest.write(PATH, yaml.safe_dump(config), "0640")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"--web.listen-address=127.0.0.1:{port}"
    argv = ["prometheus-alertmanager", f"--config.file={PATH}", "--storage.path=/tmp/am", address]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        guest.command(*argv, "--cluster.listen-address="),
    ) as process:
        try:
            until(lambda: _ready(url))
            yield url
        finally:
            process.kill()


def _ready(url):
    try:
        return requests.get(f"{url}/-/ready", timeout=2).ok
    except requests.ConnectionError:
        return False


def _alerts(url):
    return {each["labels"]["alertname"]: each for each in _every_alert(url)}


def _every_alert(url):
    return requests.get(f"{url}/api/v2/alerts", timeout=5).json()


def _post(url, name, severity, **labels):
    alert = {
        "labels": {"alertname": name, "severity": severity, **labels},
        "annotations": {"summary": f"{name} of {labels}", "description": "a < b & c"},
        "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    assert requests.post(f"{url}/api/v2/alerts", json=[alert], timeout=5).ok


def _heard(listener, receiver):
    messages = listener.at(f"/{receiver}")
    return {alert["labels"]["alertname"] for message in messages for alert in message["alerts"]}


def test_the_shipped_configuration_passes_amtools_check(shipped):
    """And a wrong key does not."""
    assert "SUCCESS" in shipped.run("amtool", "check-config", PATH)
    shipped.write(PATH, SHIPPED.read_text().replace("chat_id:", "chat:"), "0640")
    assert "FAILED" in shipped.run("amtool", "check-config", PATH, check=False)


ROUTES = {
    "LabGuestExpiresSoon severity=warning": "news",
    "LabGuestStop severity=warning": "news",
    "SnapshotsDeleted severity=info": "news",
    "SnapshotsDueForDeletion severity=info": "news",
    "SnapshotOlderThanWeek severity=warning": "mail",
    "LabVMExpired severity=warning": "mail",
    "LabVMWithoutExpiry severity=warning": "mail",
    "VMRebootRequired severity=warning": "mail",
    "ExpiryWithheld severity=critical": "everybody",
    "GuestDown severity=critical": "everybody",
    "GuestStoppedByExpiry severity=none": "nobody",
    "SomethingNew severity=info": "mail",
}


def test_each_alert_goes_where_the_manual_says(shipped):
    """By amtool's own reading of the routes."""
    test = ("amtool", "config", "routes", "test", f"--config.file={PATH}")
    found = {
        alert: shipped.run(*test, *f"alertname={alert}".split()).splitlines()[-1].strip() for alert in ROUTES
    }
    assert found == ROUTES


def test_every_shipped_alert_goes_somewhere(shipped):
    """The severities of the rules are the ones that the routes know."""
    rules = yaml.safe_load((SHIPPED.parents[1] / "prometheus" / "alerts" / "default.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    assert {rule["labels"]["severity"] for rule in alerts} <= {"none", "info", "warning", "critical"}
    assert [rule["alert"] for rule in alerts if rule["labels"]["severity"] == "none"] == [
        "GuestStoppedByExpiry"
    ]


@pytest.fixture
def expire(tmp_path):
    """A lab with one guest whose day is over and one that ends today; runs the real command."""
    days = {101: ("web", TODAY - timedelta(days=2)), 102: ("build", TODAY)}
    with World() as world:
        for vmid, (name, day) in days.items():
            tags = {"tags": f"environment-lab;expires-{day}"}
            world.call(
                lambda vmid=vmid, name=name, tags=tags: world.pve.add_vm(
                    vmid, name, status="running", config=tags
                )
            )
        environment = world.environment()
        environment |= {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LIFECYCLE_NOW": NOW.isoformat(),
            "PVE_LIFECYCLE_TIME_ZONE": ZONE,
            "PROXMOX_VE_API_TOKEN": environment["LAB_OPERATIONS_API_TOKEN"],
        }

        def run(**settings):
            return subprocess.run(
                [sys.executable, "-m", "ops.expire", "--max-stops", "100%"],
                cwd=SHIPPED.parents[2],
                env=environment | settings,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        run.status = lambda vmid: world.call(lambda: world.pve.vm(vmid).status)
        yield run


def test_warning_and_stop_of_a_real_run_are_heard(alertmanager, listener, relay, expire):
    """By Alertmanager's API, by a webhook behind it, by Telegram's stand-in and by mail."""
    done = expire(PVE_LIFECYCLE_ALERTMANAGER=alertmanager)
    assert done.returncode == 0, done.stdout + done.stderr
    assert expire.status(101) == "stopped"
    assert expire.status(102) == "running"
    alerts = _alerts(alertmanager)
    assert alerts["LabGuestStop"]["labels"]["vmid"] == "101"
    assert alerts["LabGuestExpiresSoon"]["labels"]["name"] == "build"
    assert alerts["LabGuestStop"]["receivers"] == [{"name": "news"}]
    left = datetime.fromisoformat(alerts["LabGuestStop"]["endsAt"]) - NOW
    assert timedelta(hours=20) < left < timedelta(hours=28)
    until(lambda: _heard(listener, "news") == {"LabGuestStop", "LabGuestExpiresSoon"})
    messages = until(lambda: listener.at("/bot0:CHANGE/sendMessage"))
    assert {int(message["chat_id"]) for message in messages} == {-1000000000000}
    assert all(not message.get("parse_mode") for message in messages)
    until(lambda: "web (101)" in str(listener.at("/bot0:CHANGE/sendMessage")))
    until(lambda: any("ops@example.org" in mail for mail in relay.mails))


def test_a_notice_that_is_repeated_is_one_alert(alertmanager, expire):
    """A second run on the same day makes no second one of any."""
    for _ in range(2):
        assert expire(PVE_LIFECYCLE_ALERTMANAGER=alertmanager).returncode == 0
    names = sorted(each["labels"]["alertname"] for each in _every_alert(alertmanager))
    assert names == ["LabGuestExpiresSoon", "LabGuestStop"]


def test_the_next_days_warning_is_news_again(alertmanager, listener, expire):
    """Two days ahead and one day ahead are two messages, though the first alert has not ended yet."""
    for ago, words in ((20, "in 2 days"), (0, "tomorrow")):
        now = (NOW - timedelta(hours=ago)).isoformat()
        expire(PVE_LIFECYCLE_ALERTMANAGER=alertmanager, LIFECYCLE_NOW=now)
        until(lambda words=words: words in str(listener.at("/bot0:CHANGE/sendMessage")))


def test_a_guest_that_expiry_stopped_is_not_reported_as_down(alertmanager, listener):
    """Another guest that is down is."""
    _post(alertmanager, "GuestStoppedByExpiry", "none", guest="web", instance="ops:9100")
    until(lambda: "GuestStoppedByExpiry" in _alerts(alertmanager))
    for name in ("web", "shop"):
        _post(alertmanager, "GuestDown", "critical", guest=name, instance=f"{name}:9100")
    until(lambda: "GuestDown" in _heard(listener, "everybody"))
    down = [alert["labels"]["guest"] for message in listener.at("/everybody") for alert in message["alerts"]]
    assert set(down) == {"shop"}
    states = {
        each["labels"]["guest"]: each["status"]["state"]
        for each in _every_alert(alertmanager)
        if each["labels"]["alertname"] == "GuestDown"
    }
    assert states == {"web": "suppressed", "shop": "active"}
    texts = [message["text"] for message in until(lambda: listener.at("/bot0:CHANGE/sendMessage"))]
    assert any("a < b & c" in text for text in texts)


def test_without_an_alertmanager_nothing_is_stopped(expire):
    """Nobody took the notice: code 1, and the guest runs on."""
    done = expire(PVE_LIFECYCLE_ALERTMANAGER="http://127.0.0.1:9")
    assert (done.returncode, expire.status(101)) == (1, "running")
