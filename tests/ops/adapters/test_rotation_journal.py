"""The journal: on disk before a step is done, whole after a crash, and without secrets."""

import json
import os

import pytest

from ops.adapters import rotation_journal
from ops.adapters.rotation_journal import begin, journal_directory, unfinished
from ops.errors import LifecycleError

PURPOSE = {"added": ["SHA256:new"], "removed": ["SHA256:old"]}


def note(journal, host, phase, verdict=None):
    """One step."""
    journal.note(host, phase=phase, verdict=verdict, words="", lasting=False)


def test_a_run_that_was_cut_short_is_found_by_its_purpose(tmp_path):
    """The run's name, and so its backups' names, stay."""
    journal = begin(tmp_path, "20261123T150000Z-ab", PURPOSE)
    note(journal, "web", "end", "rotated")
    note(journal, "db", "remove")
    found = unfinished(tmp_path, PURPOSE)
    assert found is not None
    assert found.tag == journal.tag
    assert unfinished(tmp_path, {**PURPOSE, "removed": []}) is None


def test_a_run_that_is_complete_is_not_gone_on_with(tmp_path):
    """There is nothing left to do."""
    begin(tmp_path, "1", PURPOSE).close()
    assert unfinished(tmp_path, PURPOSE) is None


def test_the_newest_run_is_the_one(tmp_path):
    """By when it was written: a name tells the time that the run was told, which may be another year's."""
    for second, tag in enumerate(("20991124T150000Z-00", "20261123T150000Z-ff")):
        os.utime(begin(tmp_path, tag, PURPOSE).path, (second, second))
    assert unfinished(tmp_path, PURPOSE).tag == "20261123T150000Z-ff"


def test_a_line_that_a_crash_cut_short_does_no_harm(tmp_path):
    """Neither to the lines before it nor to those that are written after it."""
    journal = begin(tmp_path, "1", PURPOSE)
    note(journal, "web", "end", "rotated")
    with journal.path.open("ab") as file:
        file.write(b'\n{"host": "db", "ver')
    note(journal, "cache", "end", "failed")
    lines = [json.loads(line) for line in journal.path.read_text().splitlines() if line.endswith("}")]
    assert [line.get("host") for line in lines] == [None, "web", "cache"]
    assert unfinished(tmp_path, PURPOSE).tag == "1"
    journal.close()
    assert unfinished(tmp_path, PURPOSE) is None


def test_a_lasting_line_is_on_disk(tmp_path, monkeypatch):
    """Before a key goes, and when a host is done, a power failure must not forget it."""
    synced = []
    real = rotation_journal.os.fsync
    monkeypatch.setattr(rotation_journal.os, "fsync", lambda handle: (synced.append(handle), real(handle)))
    journal = begin(tmp_path, "1", PURPOSE)
    before = len(synced)
    journal.note("web", phase="remove", verdict=None, words="", lasting=True)
    assert (before, len(synced)) == (2, 3)
    assert json.loads(journal.path.read_text().splitlines()[-1])["phase"] == "remove"


def test_the_file_is_its_owners(tmp_path):
    """Host names are nobody else's business."""
    journal = begin(tmp_path / "a" / "b", "1", PURPOSE)
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700


def test_no_journal_means_no_run(tmp_path):
    """Nothing is done to a host that is not noted first."""
    journal = begin(tmp_path / "j", "1", PURPOSE)
    journal.path.unlink()
    with pytest.raises(LifecycleError, match="journal cannot be written"):
        note(journal, "web", "check")
    (tmp_path / "file").write_text("")
    with pytest.raises(LifecycleError, match="journal cannot be written"):
        begin(tmp_path / "file", "1", PURPOSE)


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"STATE_DIRECTORY": "/var/lib/x", "HOME": "/root"}, "/var/lib/x/rotations"),
        ({"XDG_STATE_HOME": "/s", "HOME": "/root"}, "/s/pve-lifecycle/rotations"),
        ({"HOME": "/home/ada"}, "/home/ada/.local/state/pve-lifecycle/rotations"),
    ],
)
def test_where_journals_lie(environment, place):
    """A unit's own directory, or the user's."""
    assert str(journal_directory(environment)) == place


def test_an_old_run_is_overtaken_by_one_that_came_to_its_end(tmp_path):
    """What was rotated then may have been rolled back since."""
    old = begin(tmp_path, "20261101T150000Z-00", PURPOSE)
    note(old, "web", "end", "rotated")
    os.utime(old.path, (1, 1))
    begin(tmp_path, "20261102T150000Z-00", PURPOSE).close()
    assert unfinished(tmp_path, PURPOSE) is None


def test_a_user_without_a_home_is_told_where_journals_may_lie(monkeypatch):
    """A number without a name, in a container for one."""

    def nobody(_path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.expanduser", nobody)
    with pytest.raises(LifecycleError, match="no home") as caught:
        journal_directory({})
    assert "XDG_STATE_HOME" in caught.value.remedy


def test_a_place_that_cannot_be_read_is_not_an_empty_one(tmp_path):
    """A run that was cut short may be noted there."""
    assert unfinished(tmp_path / "none", PURPOSE) is None
    (tmp_path / "file").write_text("")
    with pytest.raises(LifecycleError, match="cannot be read"):
        unfinished(tmp_path / "file", PURPOSE)
