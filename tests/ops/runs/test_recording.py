"""A run leaves its metrics however it ends."""

from datetime import UTC, datetime

import pytest

from ops.adapters.metrics import run_file
from ops.errors import LifecycleError
from ops.runs.recording import recorded

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
VERDICT = 'pve_lifecycle_last_run_succeeded{operation="job"}'


def test_a_run_that_says_so_has_succeeded(tmp_path):
    """The file has its verdict."""
    with recorded(tmp_path, "job", NOW) as record:
        record.succeeded = True
    assert f"{VERDICT} 1.0" in run_file(tmp_path, "job").read_text()


@pytest.mark.parametrize("error", [LifecycleError("gone"), KeyboardInterrupt(), ZeroDivisionError()])
def test_a_run_that_breaks_off_has_failed_and_keeps_its_error(tmp_path, error):
    """A failure, an interruption, a bug; also one that comes after the verdict was set."""

    def run():
        with recorded(tmp_path, "job", NOW) as record:
            record.succeeded = True
            raise error

    with pytest.raises(type(error)):
        run()
    assert f"{VERDICT} 0.0" in run_file(tmp_path, "job").read_text()


def test_an_error_outweighs_a_directory_that_is_not_there(tmp_path):
    """What went wrong first is what a person has to know."""
    with pytest.raises(ZeroDivisionError), recorded(tmp_path / "gone", "job", NOW):
        raise ZeroDivisionError


def test_a_run_that_cannot_be_recorded_is_told_so_and_goes_on(tmp_path):
    """What it did is to be reported all the same."""
    with recorded(tmp_path / "gone", "job", NOW) as record:
        record.succeeded = True
    assert "cannot be written" in record.trouble


def test_without_a_directory_nothing_is_written(tmp_path, monkeypatch):
    """Not even where the command was started."""
    monkeypatch.chdir(tmp_path)
    with recorded(None, "job", NOW) as record:
        record.succeeded = True
    assert list(tmp_path.iterdir()) == []
