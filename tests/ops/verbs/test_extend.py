"""`python -m ops.expire extend`: more time for one guest, on its tag and where its stack says so."""

import json

import pytest

from ops import cli
from ops.expire_commands import extend_command

STACK = """\
# The lab.
config:
  pve-lifecycle:environment: lab
  pve-lifecycle:virtual_machines:
    - name: web   # the demo
      vm_id: 101
"""
EXTENDED = STACK + '      # extended on 2026-12-01: the fair was moved\n      expires_on: "2026-12-14"\n'
WORDS = ("--days", "7", "--reason", "the fair was moved")
OWNED = "demo;environment-lab;expires-2026-12-07;managed-by-pulumi"


def main(argv):
    """The command alone, as its group calls it."""
    return cli.run(extend_command, argv)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with a stack file that has guest 101; it is the 1st of December."""
    monkeypatch.setenv("LIFECYCLE_NOW", "2026-12-01T12:00:00+00:00")
    place = tmp_path / "project"
    place.mkdir()
    (place / "Pulumi.lab.yaml").write_text(STACK)
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def add(world):
    """Put a stopped VM or container with these tags and settings into the cluster."""

    def put(tags, vmid=101, kind="vm", **config):
        make = {"vm": world.pve.add_vm, "ct": world.pve.add_ct}[kind]
        world.call(lambda: make(vmid, f"g{vmid}", config={"tags": tags} | config))
        return lambda: world.call(lambda: dict(world.pve.guest(vmid).config))

    return put


def test_an_owned_guest_has_its_day_in_the_stack_and_on_its_tag(world, operate, project, add):
    """Two lines more in the file, one tag exchanged, one write to Proxmox."""
    config = add(OWNED)
    run = operate(main, "101", *WORDS)
    assert run.code == 0, run.err
    assert (project / "Pulumi.lab.yaml").read_text() == EXTENDED
    assert config()["tags"] == OWNED.replace("2026-12-07", "2026-12-14")
    assert "description" not in config()
    (write,) = world.writes()
    assert (write.method, write.path.rpartition("/")[2]) == ("PUT", "config")
    assert "g101 (101) is valid through 2026-12-14; it was 2026-12-07." in run.out
    assert "`pulumi up` starts it" in run.out


@pytest.mark.parametrize("kind", ["vm", "ct"])
def test_another_guest_has_it_on_its_tag_and_the_reason_in_its_notes(operate, project, add, kind):
    """What stood in the notes stays, and so do the tags, in their canonical form."""
    tags = "db;env-lab;expires-2026-12-07;expires-soon;expires_2026-11-01"
    config = add(tags, 105, kind, description="Ask Ada.")
    run = operate(main, "g105", *WORDS)
    assert run.code == 0, run.err
    assert config()["tags"] == "db;env-lab;expires-2026-12-14"
    notes = config()["description"]
    assert notes.strip() == "Ask Ada.\n\nExtended to 2026-12-14 on 2026-12-01: the fair was moved"
    assert (project / "Pulumi.lab.yaml").read_text() == STACK
    assert "Start at boot" in run.out


def test_a_dry_run_says_the_same_and_writes_nothing(world, operate, project, add):
    """Not to Proxmox, and not to the file."""
    add(OWNED)
    run = operate(main, "101", *WORDS, "--dry-run", "--json")
    assert (run.code, run.document["dry_run"], run.document["outcomes"]) == (0, True, [])
    (item,) = run.document["plan"]
    assert (item["expires_on"], item["was"], item["vmid"]) == ("2026-12-14", "2026-12-07", 101)
    assert world.writes() == []
    assert (project / "Pulumi.lab.yaml").read_text() == STACK
    applied = operate(main, "101", *WORDS, "--json").document
    assert applied["plan"] == run.document["plan"]
    assert applied["outcomes"][0]["result"] == "done"
    assert "would be valid" not in operate(main, "101", *WORDS).out


@pytest.mark.parametrize(
    ("tags", "words", "complaint"),
    [
        ("environment-prod;managed-by-pulumi", WORDS, "only guests in lab expire"),
        ("environment-lab;no-expire;managed-by-pulumi", WORDS, "no-expire"),
        ("environment-lab;env-prod", WORDS, "two environments"),
        (OWNED, ("--until", "2026-11-30", "--reason", "x"), "2026-11-30 is past"),
        (OWNED, ("--until", "2026-12-02", "--reason", "x"), "takes no time away"),
    ],
)
def test_a_refusal_leaves_everything_as_it_is(world, operate, project, add, tags, words, complaint):
    """Code 1, the reason, no write, the file as it was."""
    add(tags)
    run = operate(main, "101", *words)
    assert (run.code, complaint in run.err, "Nothing was changed" in run.err) == (1, True, True)
    assert world.writes() == []
    assert (project / "Pulumi.lab.yaml").read_text() == STACK


def test_a_guest_that_no_stack_file_declares_is_refused(world, operate, project, add):
    """A tag alone would be taken back by the next `pulumi up`."""
    add(OWNED, 102)
    run = operate(main, "102", *WORDS)
    assert (run.code, "no stack file has vm_id 102" in run.err, "--project" in run.err) == (1, True, True)
    assert world.writes() == []


def test_a_stack_that_already_says_more_is_not_shortened(world, operate, project, add):
    """Somebody has edited it, and not yet typed `pulumi up`."""
    add(OWNED)
    later = STACK + '      expires_on: "2027-06-30"\n'
    (project / "Pulumi.lab.yaml").write_text(later)
    run = operate(main, "101", *WORDS)
    assert (run.code, "already says 2027-06-30" in run.err) == (1, True)
    assert (world.writes(), (project / "Pulumi.lab.yaml").read_text()) == ([], later)


@pytest.mark.parametrize("midnight", ["2026-12-14", "2026-12-14 00:00:00 +0000 UTC", "2026-12-14T00:00:00Z"])
def test_a_stack_that_already_says_the_day_is_no_hindrance(operate, project, add, midnight):
    """`pulumi config set` writes a midnight where the day stood without quotes."""
    config = add(OWNED)
    (project / "Pulumi.lab.yaml").write_text(f"{STACK}      expires_on: {midnight}\n")
    run = operate(main, "101", *WORDS)
    assert run.code == 0, run.err
    assert (project / "Pulumi.lab.yaml").read_text() == EXTENDED
    assert "expires-2026-12-14" in config()["tags"]


def test_a_stack_of_another_zone_is_refused_by_its_name(world, operate, project, add, monkeypatch):
    """Its `up` would end the day at another hour than expiry, or refuse it as past."""
    add(OWNED)
    text = STACK + "  pve-lifecycle:time_zone: Asia/Tokyo\n"
    (project / "Pulumi.lab.yaml").write_text(text)
    run = operate(main, "101", *WORDS)
    assert run.code == 1
    assert "counts days in Asia/Tokyo, and this run in UTC" in run.err
    assert "PVE_LIFECYCLE_TIME_ZONE=Asia/Tokyo" in run.err
    assert (world.writes(), (project / "Pulumi.lab.yaml").read_text()) == ([], text)
    monkeypatch.setenv("PVE_LIFECYCLE_TIME_ZONE", "Asia/Tokyo")
    run = operate(main, "101", *WORDS)
    assert run.code == 0, run.err


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "detected modified configuration - file changed by other user? Try again."),
        (403, "Permission check failed (/vms/101, VM.Config.Options)"),
    ],
)
def test_where_proxmox_refuses_the_tag_the_file_says_what_it_said(
    world, operate, project, add, status, words
):
    """Somebody else's edit in between, or a right that is missing: nothing is half done."""
    config = add(OWNED)
    world.call(lambda: world.pve.fail("PUT", "/nodes/pve1/qemu/101/config", status, words))
    run = operate(main, "101", *WORDS)
    assert run.code == 1
    assert words.split(" - ")[0].split(" (")[0] in run.err
    assert (project / "Pulumi.lab.yaml").read_text() == STACK
    assert config()["tags"] == OWNED


def test_an_edit_by_somebody_else_in_between_is_not_lost(world, operate, project, add, monkeypatch):
    """The configuration's digest goes with the write, and Proxmox refuses an old one."""
    config = add(OWNED)
    from ops.adapters import guest_settings  # noqa: PLC0415 - patched here, and only here

    sent = guest_settings.write_tags

    def late(*args, **rest):
        world.call(lambda: world.pve.guest(101).config.update(tags=f"{OWNED};urgent"))
        sent(*args, **rest)

    monkeypatch.setattr(guest_settings, "write_tags", late)
    run = operate(main, "101", *WORDS)
    assert (run.code, config()["tags"]) == (1, f"{OWNED};urgent")
    assert (project / "Pulumi.lab.yaml").read_text() == STACK


@pytest.mark.parametrize(
    "words",
    [
        ("101", "--reason", "x"),
        ("101", "--days", "1", "--until", "2027-01-01", "--reason", "x"),
        ("101", "--days", "0", "--reason", "x"),
        ("101", "--until", "soon", "--reason", "x"),
        ("101", "--days", "1"),
        ("101", "--days", "1", "--reason", " "),
        ("101", "--days", "1", "--reason", "two\nlines"),
    ],
)
def test_half_a_wish_is_a_usage_error(world, operate, project, words):
    """Code 2, before anything is asked."""
    assert operate(main, *words).code == 2
    assert len(world.requests) == 0


def test_the_day_is_the_zones(operate, project, add, monkeypatch):
    """In Paris it is tomorrow already when UTC has half an hour left."""
    add("environment-lab", 105)
    monkeypatch.setenv("LIFECYCLE_NOW", "2026-12-01T23:30:00+00:00")
    plan = operate(main, "105", *WORDS, "--dry-run", "--json").document["plan"]
    monkeypatch.setenv("PVE_LIFECYCLE_TIME_ZONE", "Europe/Paris")
    other = operate(main, "105", *WORDS, "--dry-run", "--json").document["plan"]
    assert [json.dumps(each[0]["expires_on"]) for each in (plan, other)] == ['"2026-12-08"', '"2026-12-09"']
