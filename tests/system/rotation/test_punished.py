"""A real sshd that punishes failed logins (PerSourcePenalties, 9.8 and later)."""

import pytest

from tests.rotation.farm import public
from tests.rotation.modern import punishing_root

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    ("punishment", "turns"), [("authfail:20s max:20s", 1), ("authfail:4s noauth:4s min:1s", 2)]
)
def test_an_sshd_that_punishes_is_waited_for(farm, rotate, old, new, punishment, turns):
    """A real one, two accounts behind it: each proof is a failed login, and both are turned away for all."""
    settings = ["MaxAuthTries 1", f"PerSourcePenalties {punishment}"]
    (host,) = farm.grow(1, keys=[old], settings=settings, root=punishing_root())
    host.write_keys(f"{public(old)}\n", "ops")
    both = farm.folder / "both"
    both.write_text("".join(f"{user} {host.address} {host.port} {user}\n" for user in ("root", "ops")))
    farm.inventory = lambda _user: both
    keys = [old, new]
    for _ in range(turns):
        code, said = rotate(add=keys[1], remove=keys[0])
        assert code == 0, said
        keys.reverse()
        assert {host.key_file(user).read_text() for user in ("root", "ops")} == {f"{public(keys[0])}\n"}
    assert "penalty: failed authentication" in host.log, "nothing was tested"
