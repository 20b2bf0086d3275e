"""One host at a time, in memory: what comes of it, and what stands in its files afterwards."""

import pytest

from ops.adapters import rotation_journal
from ops.core.rotation import Verdict
from ops.errors import LifecycleError
from ops.runs.rotation import run as rotation
from ops.runs.rotation.host import Waits
from ops.runs.rotation.targets import Host
from tests.ops.rotation.model import FIRST, HOST, SECOND, Fate, ModelDoor, ModelHost, line, order_for

POLICY = rotation.Policy(parallel=1, canaries=1, max_failures=1)


def test_a_rotation_puts_the_new_key_in_the_old_ones_place(rotate):
    """Added with the old key's options, proven, and the old one gone; no backup is left."""
    host = ModelHost(files={FIRST: line("ada") + line("old", 'from="192.0.2.7"')})
    assert rotate(host).verdict is Verdict.ROTATED
    assert host.files == {FIRST: line("ada") + line("new", 'from="192.0.2.7"')}
    assert host.backups == {}
    assert host.refusals == 1


def test_both_files_are_cleared(rotate):
    """An old key in authorized_keys2 opens as well as one in authorized_keys."""
    host = ModelHost(files={FIRST: line("ada"), SECOND: line("old")})
    assert rotate(host).verdict is Verdict.ROTATED
    assert host.files == {FIRST: line("ada"), SECOND: line("new")}


def test_a_second_run_changes_nothing(rotate):
    """Where the old key is refused and the new one logs in, there is nothing left but the proof."""
    host = ModelHost(files={FIRST: line("new")})
    assert rotate(host).verdict is Verdict.ROTATED
    assert host.files == {FIRST: line("new")}


def test_a_new_key_that_is_refused_is_taken_out_again(rotate):
    """The verification fails; the file is what it was, and the report says so."""
    host = ModelHost(files={FIRST: line("old")}, broken=frozenset({"new"}))
    state = rotate(host)
    assert (state.verdict, host.files, host.backups) == (Verdict.FAILED, {FIRST: line("old")}, {})
    assert "the new key does not log in" in state.words


def test_a_new_key_that_runs_nothing_is_no_way_in(rotate):
    """A login is not enough: a command has to run."""
    host = ModelHost(files={FIRST: line("old")}, forced=frozenset({"new"}))
    assert rotate(host).verdict is Verdict.FAILED
    assert host.files == {FIRST: line("old")}


@pytest.mark.parametrize("why", ["refused", "away"])
def test_a_new_key_that_fails_after_the_removal_brings_the_old_one_back(rotate, why):
    """Through the session that is still open, whatever stands in the file by then."""

    class Fickle(ModelHost):
        def accepts(self, key):
            works = line("old") in self.files[FIRST]
            return super().accepts(key) and (works or why == "away")

        def tick(self, effect=lambda: None, *, room=None):
            if why == "away" and line("old") not in self.files[FIRST] and room is None:
                self.away = 1
            return super().tick(effect, room=room)

    host = Fickle(files={FIRST: line("old") + line("ada")})
    state = rotate(host)
    assert state.verdict is (Verdict.FAILED if why == "refused" else Verdict.PENDING)
    assert host.files == {FIRST: line("old") + line("ada")}


def test_a_limit_on_connections_makes_it_slower_and_nothing_else(rotate):
    """A connection that is ended before the login says nothing about a key."""
    host = ModelHost(files={FIRST: line("old")}, fate=Fate(kind="throttle", at=2, count=4))
    waited = []
    assert rotate(host, waited=waited).verdict is Verdict.ROTATED
    assert sum(waited) > 10


def test_a_node_is_left_alone(rotate):
    """Its file is the cluster's."""
    host = ModelHost(files={FIRST: line("old")}, node=True)
    state = rotate(host)
    assert (state.verdict, host.files) == (Verdict.REFUSED, {FIRST: line("old")})
    assert "Proxmox VE node" in state.words


def test_a_forced_command_is_left_alone(rotate):
    """The old key lets us in and lets us do nothing."""
    host = ModelHost(files={FIRST: line("old")}, forced=frozenset({"old"}))
    assert rotate(host).verdict is Verdict.REFUSED


def test_the_last_key_is_never_removed(rotate):
    """Refused before anything is written."""
    host = ModelHost(files={FIRST: line("old")})
    order = order_for(add=(), entry=("old",), held=("old",), retired=())
    state = rotate(host, order)
    assert (state.verdict, host.files) == (Verdict.REFUSED, {FIRST: line("old")})
    assert "last key" in state.words


def test_each_new_key_takes_over_from_its_counterpart(rotate):
    """Several at once: options are handed on in the order in which the keys were named."""
    host = ModelHost(files={FIRST: line("old", "no-pty") + line("job", "restrict")})
    order = order_for(add=("new", "job2"), remove=("old", "job"))
    assert rotate(host, order).verdict is Verdict.ROTATED
    assert host.files == {FIRST: line("new", "no-pty") + line("job2", "restrict")}


def test_a_host_that_nobody_knows_us_on_is_a_failure(rotate):
    """Neither key logs in: that is said of keys, and nothing was touched."""
    host = ModelHost(files={FIRST: line("ada")})
    state = rotate(host)
    assert state.verdict is Verdict.FAILED
    assert "no way in" in state.words


def test_a_host_without_an_address_is_pending(tmp_path):
    """A stopped guest is listed and left for the next run."""
    journal = rotation_journal.begin(tmp_path, "t", {})
    stopped = Host(name="cache", target=None, obstacle="the guest is stopped")
    (result,) = rotation.apply([stopped], order_for(), POLICY, journal)
    assert (result.state.verdict, result.state.words) == (Verdict.PENDING, "the guest is stopped")


class Rival(ModelDoor):
    """Another operator's rotation of the same keys ends while ours verifies the new one."""

    def enter(self, keys):
        """As `Door.enter`."""
        if len(keys) == 1:
            self.host.files[FIRST] = line("new")
        return super().enter(keys)


def test_anothers_rotation_that_is_done_is_not_turned_back(tmp_path):
    """We removed nothing ourselves, so there is nothing that we may bring back."""
    host = ModelHost(files={FIRST: line("old")})
    journal = rotation_journal.begin(tmp_path, "t", {})
    state = rotation.rotate_one(HOST, order_for(), journal, Rival(host), Waits())
    assert state.verdict is Verdict.FAILED
    assert "somebody else changed it" in state.words
    assert host.files == {FIRST: line("new")}


@pytest.mark.parametrize("trouble", [OSError("odd"), LifecycleError("the new key is refused")])
def test_neither_a_lost_journal_nor_a_bug_stands_in_the_way_back(tmp_path, trouble):
    """After the removal nothing but the way back counts."""

    class Breaking(ModelDoor):
        def prove(self, _retired, _key):
            journal.path.unlink()
            raise trouble

    host = ModelHost(files={FIRST: line("old")})
    journal = rotation_journal.begin(tmp_path, "t", {})
    state = rotation.rotate_one(HOST, order_for(), journal, Breaking(host), Waits())
    assert state.verdict is Verdict.FAILED
    assert "journal" in state.notes[-1]
    assert host.files == {FIRST: line("old")}


def test_what_cannot_be_noted_is_not_begun(tmp_path):
    """And it is one host's failure, told as every other."""
    host = ModelHost(files={FIRST: line("old")})
    journal = rotation_journal.begin(tmp_path, "t", {})
    journal.path.unlink()
    state = rotation.rotate_one(HOST, order_for(), journal, ModelDoor(host), Waits())
    assert (state.verdict, host.files) == (Verdict.FAILED, {FIRST: line("old")})
