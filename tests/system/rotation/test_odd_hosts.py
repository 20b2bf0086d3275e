"""Hosts that are not as most are: login shells, a small userland, sudo's settings, a shell that dies."""

import pytest

from tests.rotation import machine
from tests.rotation.farm import public

pytestmark = pytest.mark.system

CENTRAL = ["AuthorizedKeysFile /etc/keys/%u"]
OWN_PATH = ["SetEnv PATH=/etc/own:/usr/bin:/bin"]
MAY_ALL = "ops ALL=(ALL) NOPASSWD: ALL\n"
TELLING = "Defaults use_pty, log_input, log_output, iolog_dir=/run/logged\n"

# Stands for mv: does it or not, and then the script is killed, or the shell that is kept open with it.
DEADLY = """#!/bin/sh
count=$(cat /etc/own/count 2>/dev/null || echo 0)
echo $((count + 1)) >/etc/own/count
[ "$count" != {number} ] || {{ {before}; {kill}; exit 1; }}
exec /usr/bin/mv "$@"
"""
KILLS = {"script": "kill -9 $PPID", "shell": "pkill -9 -f pve-keys-room"}


def _leftovers(host, user="root"):
    return sorted(path.name for path in host.key_file(user).parent.iterdir() if path.name[0] == ".")


def _program(host, name, text):
    folder = host.path("/etc/own")
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def _login_shell(host, shell):
    people = host.path("/etc/passwd")
    people.write_text(people.read_text().replace(":/bin/bash", f":{shell}"))


def _central(host, old, sudoers, content=None):
    """The key file of `ops` is root's, and only sudo may replace it."""
    host.path("/etc/keys").mkdir()
    file = host.path("/etc/keys/ops")
    file.write_text(content or f"{public(old)}\n")
    file.chmod(0o644)
    host.path("/etc/sudoers").write_text(f'Defaults secure_path="/usr/sbin:/usr/bin"\n{sudoers}')
    return file


@pytest.mark.parametrize("shell", ["/usr/bin/tcsh", "/usr/bin/fish", "/etc/own/ash"])
def test_any_login_shell_will_do(farm, old, new, report_of, shell):
    """A C shell ends its quotes at a line end, fish reads backslashes in them, busybox's is a small one."""
    machine.provide(machine.SHELLS)
    (host,) = farm.grow(1, keys=[old], user="ops")
    _program(host, "ash", '#!/bin/sh\nexec busybox ash "$@"\n')
    _login_shell(host, shell)
    code, hosts = report_of(user="ops")
    assert code == 0, hosts
    assert host.key_file("ops").read_text() == f"{public(new)}\n"


def test_busybox_and_nothing_else_will_do(farm, old, new, report_of):
    """Every command that the scripts run, and with the options that they give."""
    machine.provide(machine.SHELLS)
    (host,) = farm.grow(1, keys=[old], user="ops", settings=["SetEnv PATH=/etc/own"])
    host.path("/etc/own").mkdir()
    for applet in host.run("busybox --list").split():
        host.path(f"/etc/own/{applet}").symlink_to("/usr/bin/busybox")
    host.key_file("ops").chmod(0o640)
    code, hosts = report_of(user="ops")
    assert code == 0, hosts
    assert host.key_file("ops").read_text() == f"{public(new)}\n"
    assert host.key_file("ops").stat().st_mode & 0o777 == 0o640
    assert _leftovers(host, "ops") == []


@pytest.mark.parametrize("killed", KILLS)
@pytest.mark.parametrize("number", [0, 1], ids=["addition", "removal"])
def test_a_script_that_is_killed_is_judged_by_what_it_did(farm, old, new, report_of, killed, number):
    """Killed after its last step it has done it, before that it has not: the verdict tells which."""
    done, undone = farm.grow(2, keys=[old], settings=OWN_PATH)
    for host, before in ((done, '/usr/bin/mv "$@"'), (undone, ":")):
        _program(host, "mv", DEADLY.format(number=number, before=before, kill=KILLS[killed]))
    code, (first, second) = report_of("--canary", "0", "--max-failures", "2")
    assert (code, first["verdict"], second["verdict"]) == (1, "rotated", "failed"), (first, second)
    assert done.key_file().read_text() == f"{public(new)}\n"
    assert undone.key_file().read_text() == f"{public(old)}\n"
    assert _leftovers(done) == _leftovers(undone) == []


def test_a_sudo_that_logs_its_input_takes_no_more_than_its_own(farm, old, new, report_of):
    """It reads ahead, and leaves pipes that do not wait: the next request and a long answer come through."""
    (host,) = farm.grow(1, keys=[old], user="ops", settings=CENTRAL)
    much = "".join(f"# {number:0>500}\n" for number in range(400))
    file = _central(host, old, TELLING + MAY_ALL, content=f"{much}{public(old)}\n")
    code, hosts = report_of(user="ops")
    assert code == 0, hosts
    assert file.read_text() == f"{much}{public(new)}\n"


def test_a_sudo_that_allows_a_little_is_seen_beforehand(farm, old, report_of):
    """It may run `true` and no shell: refused, and nothing was begun."""
    (host,) = farm.grow(1, keys=[old], user="ops", settings=CENTRAL)
    file = _central(host, old, "ops ALL=(ALL) NOPASSWD: /usr/bin/true, /usr/sbin/sshd\n")
    code, hosts = report_of(user="ops")
    assert (code, hosts[0]["verdict"]) == (1, "refused")
    assert "cannot be replaced by this user" in hosts[0]["words"]
    assert file.read_text() == f"{public(old)}\n"


def test_a_host_that_sends_idlers_away_waits_for_us(farm, old, new, report_of):
    """TMOUT, where sh is bash: the shell that is kept open outlasts the slow logins between two requests."""
    (host,) = farm.grow(1, keys=[old])
    host.run("mount --bind /usr/bin/bash /usr/bin/dash")
    host.path("/root/.bashrc").write_text("export TMOUT=1\nsleep 1.2\n")
    code, hosts = report_of()
    assert code == 0, hosts
    assert host.key_file().read_text() == f"{public(new)}\n"
