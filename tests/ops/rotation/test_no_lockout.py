"""Whatever goes wrong, and whenever: after each step some key that the operator holds still logs in."""

import contextlib
import copy
import itertools
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.adapters import rotation_journal
from ops.core.key_files import Wish
from ops.core.rotation import Verdict
from ops.runs.rotation import run as rotation
from ops.runs.rotation.host import Order, Waits
from tests.ops.rotation.model import HOME, HOST, Fate, Key, Killed, ModelDoor, ModelHost, blob, line, public

FIRST, SECOND, ELSEWHERE = f"{HOME}.ssh/authorized_keys", f"{HOME}.ssh/authorized_keys2", "/etc/ssh/keys/ops"
RUNS = 2000
TAGS = itertools.count()


def order(tag, *, retired=("old",)):
    """Take `old` out and put `new` in."""
    return Order(
        wish=Wish(added=(public("new"),), removed=(public("old"),), held=frozenset({blob("new")})),
        entry=(Key("old"), Key("new")),
        held=(Key("new"),),
        retired=tuple(map(Key, retired)),
        tag=tag,
    )


class Watch(ModelHost):
    """A host that is looked at after each step."""

    def tick(self, effect=lambda: None, *, room=None):
        """Do one thing; then somebody must still get in."""
        before = self.way_in()
        try:
            return super().tick(effect, room=room)
        finally:
            assert self.way_in() or not before, "nobody can log in any more"


def run(host, directory):
    """One run of the real code, in a time that passes at once; goes on with what is unfinished."""
    purpose = {"added": ["new"], "removed": ["old"]}
    unfinished = rotation_journal.unfinished(directory, purpose)
    journal = unfinished or rotation_journal.begin(directory, f"run{next(TAGS)}", purpose)
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    waits = Waits(sleep=sleep, clock=lambda: now[0])
    return rotation.rotate_one(HOST, order(journal.tag), journal, ModelDoor(host), waits)


OPTIONS = st.sampled_from(["", 'from="192.0.2.7"', 'from="198.51.100.1"', 'command="/bin/a \\"b, c\\""'])
OTHERS = st.lists(
    st.sampled_from([line("ada"), b"# a comment\r\n", b"\n", line("ci", "restrict")]), max_size=3
)


@st.composite
def hosts(draw):
    """A host with the old key in one file or in both, and with what may be wrong there."""
    others = b"".join(draw(OTHERS))
    old = line("old", draw(OPTIONS)) if draw(st.booleans()) else line("old")
    content = others + old if draw(st.booleans()) else old + others
    content = content.rstrip(b"\n") if draw(st.booleans()) else content
    names = draw(st.sampled_from([(FIRST, SECOND), (FIRST,), (ELSEWHERE,), (ELSEWHERE, FIRST)]))
    place = draw(st.sampled_from(names))
    files = {place: content}
    if draw(st.booleans()):
        files[draw(st.sampled_from(names))] = line("ada") + line("old")
    if draw(st.integers(0, 5)) == 0:
        files[place] += line("new")
    links = {}
    if draw(st.integers(0, 4)) == 0:
        links[place] = "/srv/keys"
        files["/srv/keys"] = files.pop(place)
    some = st.integers(0, 7).map(lambda number: number == 0)
    return Watch(
        files=files,
        names=names,
        links=links,
        broken=frozenset({"new"}) if draw(some) else frozenset(),
        forced=frozenset(draw(st.sampled_from([["new"], ["old"]]))) if draw(some) else frozenset(),
        command=frozenset({"old"}) if draw(some) else frozenset(),
        ignored=frozenset({draw(st.sampled_from(sorted(files)))}) if draw(some) else frozenset(),
        full=draw(some),
        read_only=draw(some),
        node=draw(some),
    )


FATES = st.builds(
    Fate,
    kind=st.sampled_from(["kill", "kill", "drop", "reboot", "throttle", ""]),
    at=st.integers(0, 12),
    late=st.booleans(),
    count=st.integers(1, 12),
)


@settings(
    max_examples=RUNS,
    deadline=timedelta(seconds=5),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(host=hosts(), fate=FATES)
def test_nobody_is_locked_out_and_a_resumed_run_ends_where_an_undisturbed_one_does(
    host, fate, tmp_path, monkeypatch
):
    """The host is looked at after each operation; what was left half done, a later run brings to its end."""
    monkeypatch.setattr(rotation_journal.os, "fsync", lambda _handle: None)
    here = tmp_path / str(next(TAGS))
    calm, could = copy.deepcopy(host), host.way_in()
    undisturbed = run(calm, here / "calm")

    host.fate, state = fate, None
    with contextlib.suppress(Killed):
        state = run(host, here / "run")
    assert host.way_in() == could
    if state is None or state.verdict is not Verdict.ROTATED:
        host.fate, host.away = Fate(), 0
        state = run(host, here / "run")

    assert (state.verdict, host.files) == (undisturbed.verdict, calm.files)
    assert host.backups == calm.backups == {}
    if state.verdict is Verdict.ROTATED:
        assert host.takes("new")
        assert not host.accepts(blob("old"))
