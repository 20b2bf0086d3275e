"""A rotation of a whole fleet, judged by OpenSSH's own client and by the bytes of the files."""

import os
import re
import signal
import time

import pytest

from tests.rotation.farm import new_key, public
from tests.rotation.stand_ins import black_hole

pytestmark = pytest.mark.system
TIME_OUT = 15.0  # seconds, for one connection


def _leftovers(host, user="root"):
    """What lies beside the key files that was not there before."""
    return {path.name for path in host.key_file(user).parent.iterdir()} - {
        "authorized_keys",
        "authorized_keys2",
    }


def test_sixty_hosts_take_the_new_key_and_refuse_the_old(farm, rotate, old, new):
    """Other bytes stay, the old line's options go over, a second file is no way back, nothing is left."""
    farm.grow(54, keys=[old])
    colleague = public(new_key(farm.folder / "colleague"))
    odd = farm.grow(6)
    for host in odd[:3]:
        host.write_keys(
            f'# kept\r\n{colleague}\n\nfrom="127.0.0.0/8,10.0.0.1",no-pty {public(old)}\n# {public(old)}'
        )
    for host in odd[3:]:
        host.write_keys(f"{public(old)}\n{colleague}\n")
        host.write_keys(f"{public(old)}\n", number="2")
    code, said = rotate("--parallel", "16")
    assert code == 0, said
    assert farm.who_takes(new) == {host.name for host in farm.hosts}
    assert farm.who_takes(old) == set()
    assert {host.key_file().read_text() for host in farm.hosts[:54]} == {f"{public(new)}\n"}
    for host in odd[:3]:
        text = host.key_file().read_bytes().decode()
        assert f'from="127.0.0.0/8,10.0.0.1",no-pty {public(new)}' in text
        assert text.startswith(f"# kept\r\n{colleague}\n\n")
        assert f"# {public(old)}" in text
    assert not any(
        re.search(rf"^{re.escape(public(old))}", h.key_file(number="2").read_text()) for h in odd[3:]
    )
    assert {name for host in farm.hosts for name in _leftovers(host)} == set()


def test_a_user_with_sudo_keeps_owner_and_mode(farm, rotate, old, new):
    """The user's files stay the user's, and what the user may not edit alone is edited through sudo."""
    farm.grow(2, keys=[old], user="ops")
    (central,) = farm.grow(1, settings=["AuthorizedKeysFile /etc/ssh/keys/%u"])
    place = central.path("/etc/ssh/keys")
    place.mkdir()
    (place / "ops").write_text(f"{public(old)}\n")
    (place / "ops").chmod(0o644)
    code, said = rotate(user="ops")
    assert code == 0, said
    assert farm.who_takes(new, "ops") == {host.name for host in farm.hosts}
    assert farm.who_takes(old, "ops") == set()
    own = farm.hosts[0].key_file("ops").stat()
    assert (own.st_uid, own.st_gid, own.st_mode & 0o777) == (4242, 4242, 0o600)
    kept = (place / "ops").stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode & 0o777) == (0, 0, 0o644)


def test_a_killed_run_locks_nobody_out_and_is_resumed(farm, start, rotate, old, new):
    """SIGKILL in the middle: each machine still takes a key that we hold, and `--resume` ends the work."""
    farm.grow(24, keys=[old])
    with start("--parallel", "8") as process:
        changed = 0
        while changed < 6 and process.poll() is None:
            time.sleep(0.02)
            changed = sum(host.key_file().read_text() != f"{public(old)}\n" for host in farm.hosts)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run was over before it could be killed"
    assert farm.who_takes(old) | farm.who_takes(new) == {host.name for host in farm.hosts}
    code, said = rotate("--resume")
    assert code == 0, said
    assert farm.who_takes(new) == {host.name for host in farm.hosts}
    assert farm.who_takes(old) == set()
    assert {name for host in farm.hosts for name in _leftovers(host)} == set()


def test_dead_hosts_do_not_hold_up_the_living_and_are_pending(farm, rotate, old, new):
    """Off, frozen and beyond reach: one time-out more in all, and the next run takes those that came back."""
    farm.grow(30, keys=[old])
    begin = time.monotonic()
    assert rotate("--parallel", "8")[0] == 0
    undisturbed = time.monotonic() - begin
    off, frozen, *_ = farm.hosts
    lost = farm.hosts[2:4]
    off.stop()
    frozen.freeze()
    for host in lost:
        host.stop()
    with black_hole(lost[0].address, lost[0].port), black_hole(lost[1].address, lost[1].port):
        begin = time.monotonic()
        code, said = rotate("--parallel", "8", add=old, remove=new)
        disturbed = time.monotonic() - begin
    assert disturbed < undisturbed + TIME_OUT + 3
    assert code == 1, said
    assert said.count("pending") >= 4
    living = farm.hosts[4:]
    assert farm.who_takes(old, hosts=living) == {host.name for host in living}
    assert farm.who_takes(new, hosts=living) == set()
    frozen.thaw()
    for host in (off, *lost):
        host.reboot()
    assert farm.who_takes(new) == {host.name for host in (off, frozen, *lost)}
    code, said = rotate(add=old, remove=new)
    assert code == 0, said
    assert farm.who_takes(old) == {host.name for host in farm.hosts}
    assert farm.who_takes(new) == set()
