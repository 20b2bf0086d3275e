"""The command: what it refuses before anybody is asked anything, and what it leaves behind."""

import json
import subprocess
import sys

import asyncssh
import pytest

from tests.ops.rotation.model import FIRST


def test_a_fleet_is_rotated_and_reported(fleet, run, old, new, tmp_path):
    """Exit code 0; JSON on stdout, the same in files, and the stack's next keys."""
    reports = ("--report", tmp_path / "r.json", "--report", tmp_path / "r.md")
    done = run(*fleet.options, "--add-key", new.public, "--remove-key", old.public, "--json", *reports)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert [host["verdict"] for host in told["hosts"]] == ["rotated"] * 3
    assert [host["target"] for host in told["hosts"]] == [
        "root@192.0.2.1 port 22",
        "ops@192.0.2.2 port 2222",
        "root@192.0.2.3 port 2222",
    ]
    assert json.loads((tmp_path / "r.json").read_text())["counts"] == {"rotated": 3}
    assert "| web | root@192.0.2.1 port 22 | rotated |" in (tmp_path / "r.md").read_text()
    assert all(host.files == {FIRST: new.line.encode()} for host in fleet.hosts.values())
    assert new.line.strip() in told["stack"]


def test_a_dry_run_writes_nothing(fleet, run, old, new, tmp_path):
    """Not on the hosts, no journal, no report; it shows each edit."""
    before = {path.name for path in tmp_path.iterdir()}
    done = run(*fleet.options, "--add-key", new.public, "--remove-key", old.public, "--dry-run", "--json")
    assert done.code == 0
    edits = [host["edits"] for host in json.loads(done.out)["hosts"]]
    assert all(len(each) == 2 for each in edits)
    assert edits[0][0].startswith(f"{FIRST}: +SHA256:")
    assert edits[0][1].startswith(f"{FIRST}: -SHA256:")
    assert all(host.files == {FIRST: old.line.encode()} for host in fleet.hosts.values())
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_host_that_fails_is_an_exit_code_and_a_run_to_resume(fleet, run, old, new):
    """A resumed run takes the host that was left; the others are tried again, and not written."""
    words = (*fleet.options, "--add-key", new.public, "--remove-key", old.public, "--json")
    fleet.hosts["db"].full = True
    first = run(*words)
    assert first.code == 1
    verdicts = {host["name"]: host["verdict"] for host in json.loads(first.out)["hosts"]}
    assert verdicts == {"web": "rotated", "db": "failed", "cache": "rotated"}
    assert fleet.hosts["db"].files == {FIRST: old.line.encode()}

    fleet.hosts["db"].full = False
    again = run(*words, "--resume")
    assert again.code == 0
    assert json.loads(again.out)["run"] == json.loads(first.out)["run"]
    assert fleet.hosts["db"].files == {FIRST: new.line.encode()}
    assert "nothing to go on with" in run(*words, "--resume").err


def test_a_private_key_as_add_key_is_refused_and_not_shown(fleet, run, old, new):
    """By what is in the file, whatever it is called."""
    done = run(*fleet.options, "--add-key", new.path, "--remove-key", old.public)
    assert done.code == 1
    assert "this is a private key" in done.err
    assert all(host.operations == 0 for host in fleet.hosts.values())


def test_a_new_key_without_its_private_half_is_refused(fleet, run, old, new):
    """Nobody could see that it works; with --new-identity its half may lie elsewhere."""
    hidden = new.path.rename(new.path.with_name("elsewhere"))
    words = (*fleet.options, "--add-key", new.public, "--remove-key", old.public)
    done = run(*words)
    assert done.code == 1
    assert "no login could verify it" in done.err
    assert run(*words, "--new-identity", hidden).code == 0


def test_the_stack_file_is_written_when_asked_to(fleet, run, old, new, tmp_path):
    """Only its keys change."""
    stack = tmp_path / "Pulumi.lab.yaml"
    stack.write_text(
        f"config:\n  # keys\n  pve-lifecycle:ssh_keys:\n    - {old.line}  pve-lifecycle:node: pve1 # kept\n"
    )
    words = (*fleet.options, "--add-key", new.public, "--remove-key", old.public)
    assert run(*words, "--update-stack", "lab").code == 0
    kept = "  pve-lifecycle:node: pve1 # kept\n"
    assert stack.read_text() == f"config:\n  # keys\n  pve-lifecycle:ssh_keys:\n    - {new.line}{kept}"


def test_an_audit_finds_a_retired_key_and_changes_nothing(fleet, run, old, new, tmp_path):
    """Exit code 1 and a metric where it stands; a host that cannot be looked at is no clean host."""
    fleet.hosts["web"].files[FIRST] = new.line.encode()
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    words = (*fleet.options, "--audit", old.public, "--identity", old.path, "--new-identity", new.path)
    done = run(*words, "--json", "--metrics", metrics)
    assert done.code == 1
    present = {host["name"]: bool(host["present"]) for host in json.loads(done.out)["hosts"]}
    assert present == {"web": False, "db": True, "cache": True}
    text = (metrics / "pve_lifecycle_retired_keys.prom").read_text()
    samples = [line.split()[-1] for line in text.splitlines() if line.startswith("ssh_retired_key_present{")]
    assert sorted(samples) == ["0.0", "1.0", "1.0"]
    for host in fleet.hosts.values():
        host.files[FIRST] = new.line.encode()
    assert run(*words).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("web",),
        ("--hosts", "f", "web", "--add-key", "k"),
        ("--add-key", "k"),
        ("--all", "--env", "lab", "--add-key", "k"),
        ("--all", "--add-key", "k", "--audit", "k"),
        ("--all", "--audit", "k", "--report", "r.json"),
        ("--all", "--audit", "k", "--update-stack", "lab"),
        ("--all", "--add-key", "k", "--console", "web"),
    ],
)
def test_a_contradiction_is_usage(words, run):
    """Exit code 2, before a file is read."""
    assert run(*words).code == 2


def test_help_comes_quickly():
    """Neither paramiko nor requests nor Pulumi is loaded for it."""
    program = (
        "import sys; from ops.rotate_keys import main; main(['--help']);"
        "heavy = {'paramiko', 'requests', 'pulumi', 'prometheus_client'} & set(sys.modules);"
        "sys.exit(f'{heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=30)


@pytest.mark.parametrize(("bits", "code"), [(1024, 1), (2048, 0)])
def test_a_weak_key_is_not_added(fleet, run, old, tmp_path, bits, code):
    """Nothing is begun with it."""
    key = asyncssh.generate_private_key("ssh-rsa", key_size=bits)
    key.write_private_key(tmp_path / "rsa")
    key.write_public_key(tmp_path / "rsa.pub")
    done = run(*fleet.options, "--add-key", tmp_path / "rsa.pub", "--remove-key", old.public)
    assert done.code == code
    assert ("too weak" in done.err) == (code == 1)


@pytest.mark.parametrize("words", [("--report", "none/r.json"), ("--update-stack", "none")])
def test_a_place_that_is_missing_is_found_before_the_first_write(fleet, run, old, new, words):
    """Afterwards it would hide what was done."""
    done = run(*fleet.options, "--add-key", new.public, "--remove-key", old.public, *words)
    assert done.code == 1
    assert all(host.files == {FIRST: old.line.encode()} for host in fleet.hosts.values())


def test_one_login_by_two_names_is_a_mistake(fleet, run, old, new, tmp_path):
    """Two would work on the same files at once; the user may come from the file, or from --user."""
    (tmp_path / "hosts").write_text("web 192.0.2.1 22 root\nalso 192.0.2.1\nops 192.0.2.1 ops\n")
    done = run(*fleet.options, "--add-key", new.public, "--remove-key", old.public)
    assert (done.code, "root@192.0.2.1 port 22 twice" in done.err) == (1, True)
    assert all(host.operations == 0 for host in fleet.hosts.values())
