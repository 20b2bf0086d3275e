"""Ctrl-C, or a unit that is stopped, while guests go down."""

import os
import signal

from prometheus_client.parser import text_string_to_metric_families

from ops.adapters import power


def test_what_had_begun_is_reported_and_remembered(world, guest, expire, tmp_path, monkeypatch):
    """It is followed to its end; the others are not begun, and the exit code says 130."""
    guests = [guest(101 + number) for number in range(3)]
    shut_down = power.shut_down

    def interrupted(*about, **settings):
        upid = shut_down(*about, **settings)
        os.kill(os.getpid(), signal.SIGINT)
        return upid

    monkeypatch.setattr(power, "shut_down", interrupted)
    run = expire("--parallel", "1", "--metrics", str(tmp_path))
    stopped = [vm.vmid for vm in guests if vm.status == "stopped"]
    results = {each["vmid"]: each["result"] for each in run.document["outcomes"]}
    assert (run.code, run.document["stopped"]) == (130, stopped)
    assert results == {vm.vmid: "done" if vm.vmid in stopped else "refused" for vm in guests}
    assert "refused" in results.values()
    text = (tmp_path / "pve_lifecycle_guest_expiries.prom").read_text()
    memory = [
        int(sample.labels["vmid"])
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "pve_guest_expiry_restops"
    ]
    assert memory == stopped
    assert not (tmp_path / "pve_lifecycle_expire.prom").exists()  # no success
