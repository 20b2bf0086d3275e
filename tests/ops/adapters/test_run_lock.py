"""Two runs of one operation never overlap, and a run that was killed keeps nobody out."""

import signal
import subprocess
import sys

import pytest

from ops.adapters.run_lock import lock_directory, only_run
from ops.errors import LifecycleError

CLUSTER = "https://pve.example.org:8006"
HOLDER = """
import sys, time
from ops.adapters.run_lock import only_run
with only_run("job", sys.argv[2], {"XDG_RUNTIME_DIR": sys.argv[1]}):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path):
    """An environment with a place for locks that is not there yet."""
    return {"XDG_RUNTIME_DIR": str(tmp_path / "run")}


@pytest.fixture
def other_run(settings):
    """Another process that holds the lock of `job` on the cluster."""
    command = [sys.executable, "-c", HOLDER, settings["XDG_RUNTIME_DIR"], CLUSTER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_at_once_and_says_why(settings, other_run):
    """It does not wait: the next timer comes anyway."""
    with (
        pytest.raises(LifecycleError, match="another run of job is at work"),
        only_run("job", CLUSTER, settings),
    ):
        pass


def test_a_run_that_was_killed_leaves_no_lock(settings, other_run):
    """The kernel lets go of it, whatever file is left."""
    other_run.send_signal(signal.SIGKILL)
    other_run.wait()
    with only_run("job", CLUSTER, settings):
        pass


def test_other_operations_and_other_clusters_are_not_in_the_way(settings, other_run):
    """The lock is for one operation on one cluster."""
    with only_run("other", CLUSTER, settings), only_run("job", "https://elsewhere:8006", settings):
        pass


def test_it_is_let_go_at_the_end_of_the_run(settings):
    """Whether the run ends well or not."""
    with only_run("job", CLUSTER, settings):
        pass
    with pytest.raises(ZeroDivisionError), only_run("job", CLUSTER, settings):
        raise ZeroDivisionError
    with only_run("job", CLUSTER, settings):
        pass


def test_a_place_that_cannot_be_made_is_named(tmp_path):
    """With the variable that names another."""
    (tmp_path / "file").write_text("")
    settings = {"XDG_RUNTIME_DIR": str(tmp_path / "file" / "run")}
    with pytest.raises(LifecycleError, match="Set XDG_RUNTIME_DIR"), only_run("job", CLUSTER, settings):
        pass


def test_others_may_not_look_into_the_directory(tmp_path, settings):
    """It is made for its user alone."""
    with only_run("job", CLUSTER, settings):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_systemds_directory_comes_first_then_the_users_then_his_cache():
    """A unit has RUNTIME_DIRECTORY, a session XDG_RUNTIME_DIR, a cron job neither."""
    everything = {
        "RUNTIME_DIRECTORY": "/run/a",
        "XDG_RUNTIME_DIR": "/run/b",
        "XDG_CACHE_HOME": "/c",
        "HOME": "/h",
    }
    found = []
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "HOME"):
        found.append(str(lock_directory(everything)))
        del everything[name]
    assert found == ["/run/a", "/run/b", "/c/pve-lifecycle", "/h/.cache/pve-lifecycle"]


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    """A number that no password file knows, in a container say."""
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(LifecycleError, match="Set XDG_RUNTIME_DIR"):
        lock_directory({})
