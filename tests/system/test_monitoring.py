"""The alerts by Prometheus' own tool, and the metrics by the programs that really write them."""

from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.system

MONITORING = Path(__file__).parents[2] / "monitoring" / "prometheus"


def _only_named(rules, text):
    """The rules that a file of tests names: promtool would work the others out for days of minutes, too."""
    groups = [
        group | {"rules": [rule for rule in group["rules"] if rule.get("alert", text) in text]}
        for group in rules["groups"]
    ]
    return {"groups": groups}


def _alerts(rules):
    return {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}


def test_the_alerts_pass_their_own_tests(guest):
    """Promtool runs every alert over made-up days; and the whole file is one that Prometheus takes."""
    whole = (MONITORING / "alerts" / "default.yml").read_text()
    rules, tested = yaml.safe_load(whole), set()
    guest.write("/default.yml", whole)
    guest.run("promtool", "check", "rules", "/default.yml")
    for path in (MONITORING / "tests").glob("*.yml"):
        named = _only_named(rules, path.read_text())
        tested |= _alerts(named)
        guest.write(f"/{path.stem}/alerts/default.yml", yaml.safe_dump(named))
        guest.write(f"/{path.stem}/tests/test.yml", path.read_text())
    output = guest.run("sh", "-c", "promtool test rules /*/tests/test.yml")
    assert output.count("SUCCESS") == len(list((MONITORING / "tests").glob("*.yml")))
    assert tested == _alerts(rules)


COLLECTOR = "/usr/share/prometheus-node-exporter-collectors/apt_info.py"
METRICS = "/var/lib/prometheus/node-exporter"


def values(text):
    """The samples that have no labels, by name."""
    lines = [
        line.split() for line in text.splitlines() if line and not line.startswith("#") and "{" not in line
    ]
    return {name: float(value) for name, value in lines}


def test_the_collector_tells_of_a_reboot_that_is_due(container):
    """The packages that a guest is born with bring the very metric that the alert asks for."""
    assert values(container.run(COLLECTOR))["node_reboot_required"] == 0
    container.write("/run/reboot-required", "*** System restart required ***\n")
    try:
        assert values(container.run(COLLECTOR))["node_reboot_required"] == 1
    finally:
        container.run("rm", "/run/reboot-required")


def test_the_exporter_serves_what_the_collector_writes(container):
    """By the unit's own command; the folder is the one that the exporter reads."""
    unit = container.read("/lib/systemd/system/prometheus-node-exporter-apt.service")
    command = next(line for line in unit.splitlines() if line.startswith("ExecStart=/bin/bash -c "))
    container.run("sh", "-c", f"export TMPDIR={METRICS}; {command.removeprefix('ExecStart=')}")
    assert "node_reboot_required 0" in container.read(f"{METRICS}/apt.prom")
    assert f'"{METRICS}"' in container.run("prometheus-node-exporter", "--help")


def test_only_a_fetch_that_succeeded_counts(container):
    """The collector's own time moves with a failure too, which is why the guests write one of their own."""
    ours = f"{METRICS}/lifecycle-apt.prom"
    container.run("apt-get", "-q", "update")
    fetched = container.read(ours)
    assert set(values(fetched)) == {"lifecycle_apt_lists_fetched_timestamp_seconds"}
    assert container.run("stat", "-c", "%a", ours).strip() == "644"
    collectors = values(container.run(COLLECTOR))["apt_package_cache_timestamp_seconds"]
    sources = container.read("/etc/apt/sources.list")
    container.write("/etc/apt/sources.list", "deb http://mirror.invalid/debian stable main\n")
    try:
        container.run("sh", "-c", "sleep 1.1; apt-get -q update")
    finally:
        container.write("/etc/apt/sources.list", sources)
    assert container.read(ours) == fetched
    assert values(container.run(COLLECTOR))["apt_package_cache_timestamp_seconds"] > collectors
