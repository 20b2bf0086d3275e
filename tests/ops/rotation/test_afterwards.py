"""What comes after the hosts: it is told beside what was done to them, and never instead of it."""

import json
import os
from dataclasses import replace

import asyncssh
import pytest

from ops.runs.rotation.report import markdown
from tests.ops.rotation.model import FIRST, ModelRoom


@pytest.fixture
def words(fleet, old, new):
    """A rotation of the whole fleet."""
    return (*fleet.options, "--add-key", new.public, "--remove-key", old.public)


def test_a_host_that_was_set_back_is_rotated_again_by_a_resumed_run(fleet, run, words, old, new):
    """What the journal says of it is days old: believed, it would call a key useless that is the way in."""
    fleet.hosts["db"].full = True
    assert run(*words).code == 1
    fleet.hosts["db"].full = False
    fleet.hosts["web"].files[FIRST] = old.line.encode()
    done = run(*words, "--resume")
    assert (done.code, "no use any more" in done.out) == (0, True)
    assert all(host.files == {FIRST: new.line.encode()} for host in fleet.hosts.values())


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (("--update-stack", "lab"), "Pulumi.lab.yaml"),
        (("--metrics", "gone"), "metrics cannot be written"),
    ],
)
def test_what_fails_afterwards_hides_nothing(fleet, run, words, tmp_path, trouble, said):
    """The hosts are rotated: table, JSON and report say so, and the exit code says that something is left."""
    (tmp_path / "Pulumi.lab.yaml").write_text("config: {pve-lifecycle:ssh_keys: [one]}\n")
    done = run(*words, *trouble, "--json", "--report", tmp_path / "r.json")
    assert done.code == 1
    told, report = json.loads(done.out), json.loads((tmp_path / "r.json").read_text())
    assert told["counts"] == report["counts"] == {"rotated": 3}
    assert said in told["troubles"][0]
    assert told["ok"] is False
    again = run(*words, *trouble)
    assert again.code == 1
    assert "3 rotated" in again.out
    assert said in again.out


def test_a_report_that_cannot_be_written_is_found_before_the_first_write(fleet, run, words, old, monkeypatch):
    """A directory of somebody else's."""
    monkeypatch.setattr("ops.runs.rotation.command.os.access", lambda _path, mode: mode != os.W_OK)
    done = run(*words, "--report", "r.json")
    assert (done.code, "Permission denied" in done.err) == (1, True)
    assert all(host.files == {FIRST: old.line.encode()} for host in fleet.hosts.values())


def test_an_audit_tells_what_it_found_where_its_metrics_cannot_be_written(fleet, run, old):
    """A retired key that is there is the news."""
    done = run(*fleet.options, "--audit", old.public, "--metrics", "gone", "--json")
    told = json.loads(done.out)
    assert done.code == 1
    assert [bool(host["present"]) for host in told["hosts"]] == [True] * 3
    assert "metrics cannot be written" in told["troubles"][0]


def test_an_audit_that_looked_at_nobody_is_no_success(fleet, run, old, tmp_path):
    """Its stamp grows old, and an alert comes."""
    words = (*fleet.options, "--audit", old.public, "--metrics", tmp_path)
    file = tmp_path / "pve_lifecycle_retired_keys.prom"
    assert run(*words).code == 1
    assert "last_success" in file.read_text()
    for host in fleet.hosts.values():
        host.forced, host.broken = frozenset(), frozenset()
        host.files[FIRST] = b""
    assert run(*words).code == 1
    assert "last_success" not in file.read_text()


def test_an_audit_that_cannot_see_what_sshd_reads_is_not_clean(fleet, run, old, new, monkeypatch):
    """The files may be others: without root or sudo nobody can say that the key is gone."""
    seen = ModelRoom._seen
    monkeypatch.setattr(ModelRoom, "_seen", lambda room, tag: replace(seen(room, tag), settings={}))
    for host in fleet.hosts.values():
        host.files[FIRST] = new.line.encode()
    done = run(*fleet.options, "--audit", old.public, "--new-identity", new.path)
    assert (done.code, "could not be read" in done.out) == (1, True)


def test_a_key_that_was_seen_is_told_where_not_everything_was(fleet, run, old, tmp_path, monkeypatch):
    """The alert reads it: of the keys that were not seen there, nothing is said."""
    seen = ModelRoom._seen
    monkeypatch.setattr(ModelRoom, "_seen", lambda room, tag: replace(seen(room, tag), settings={}))
    fleet.hosts["db"].files[FIRST] = b""
    done = run(*fleet.options, "--audit", old.public, "--metrics", tmp_path)
    assert (done.code, "could not be read" in done.out) == (1, True)
    text = (tmp_path / "pve_lifecycle_retired_keys.prom").read_text()
    samples = [line for line in text.splitlines() if line.startswith("ssh_retired_key_present{")]
    assert [line.split()[-1] for line in samples] == ["1.0", "1.0"]


def test_a_name_that_may_hold_a_blank_is_no_promise(fleet, run, words, tmp_path):
    """`sshd -T` tells names without their quotes; what stands in such a file is not seen."""
    leaver = asyncssh.generate_private_key("ssh-ed25519", comment="leaver").export_public_key().decode()
    (tmp_path / "leaver.pub").write_text(leaver)
    for host in fleet.hosts.values():
        host.settings["authorizedkeysfile"] = ".ssh/authorized_keys /etc/ssh/my keys/%u"
        host.files[FIRST] += leaver.encode()
    done = run(*words, "--remove-key", tmp_path / "leaver.pub", "--json")
    hosts = json.loads(done.out)["hosts"]
    assert (done.code, {host["verdict"] for host in hosts}) == (1, {"unproven"})
    assert "may hold a blank" in hosts[0]["notes"][0]


def test_a_key_that_goes_needs_no_private_half_where_another_logs_in(fleet, run, old, new):
    """It has a passphrase, as people's keys have."""
    key = asyncssh.read_private_key(old.path)
    for host in fleet.hosts.values():
        host.files[FIRST] += new.line.encode()
    old.path.write_bytes(key.export_private_key(passphrase="canary", cipher_name="aes256-ctr"))
    words = (*fleet.options, "--remove-key", old.public)
    assert "passphrase" in run(*words).err
    assert run(*words, "--identity", new.path).code == 0
    assert all(host.files == {FIRST: new.line.encode()} for host in fleet.hosts.values())


def test_what_others_wrote_is_no_markdown():
    """A host's name and a key's comment come from anywhere."""
    host = {"name": "a|b<img>", "target": None, "verdict": "rotated", "words": "_x_", "notes": []}
    key = {"fingerprint": "SHA256:x", "comment": "](http://e) <b>"}
    page = markdown({"run": "t", "counts": {}, "added": [key], "removed": [], "hosts": [host]})
    assert r"| a\|b\<img\> | - | rotated | \_x\_ |" in page
    assert r"`SHA256:x` \](http://e) \<b\>" in page
