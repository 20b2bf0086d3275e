"""Running other programs: what they say is kept, and none outlives its time."""

import time
from pathlib import Path

import pytest

from lab.engine import tools

SYSTEM = {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("v3.259.0\n", (3, 259, 0)),
        ("1.26", (1, 26)),
        ("dev", ()),
    ],
)
def test_a_version_is_found_in_what_tools_say(text: str, version: tuple[int, ...]) -> None:
    """Each tool writes it in its own way; an unknown one is older than all."""
    assert tools.version_in(text) == version
    assert tools.version_in(tools.version_text(version)) == version


def test_a_failure_carries_the_last_words_and_the_code() -> None:
    """What was run, how it ended and what it said."""
    with pytest.raises(tools.ToolError, match=r"sh -c .* ended with 7: no such host") as raised:
        tools.run(["sh", "-c", "echo no such host >&2; exit 7"], environment=SYSTEM, seconds=10)
    assert raised.value.code == 7


def test_a_program_that_is_not_there_is_named() -> None:
    """No traceback of the standard library for a missing tool."""
    with pytest.raises(tools.ToolError, match="/nowhere/tool does not start"):
        tools.run(["/nowhere/tool"], environment=SYSTEM, seconds=10)


def test_children_do_not_outlive_the_time_allowed(tmp_path: Path) -> None:
    """The whole group is ended: a child would go on writing."""
    written = tmp_path / "written"
    script = f"(sleep 1; touch {written}) & wait"
    with pytest.raises(tools.ToolError, match="took longer than 0 s"):
        tools.run(["sh", "-c", script], environment=SYSTEM, seconds=0.2)
    time.sleep(1.2)
    assert not written.exists()


def test_a_long_run_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes without a word look like a hang."""
    monkeypatch.setattr(tools, "SIGN_OF_LIFE", 0.1)
    said: list[str] = []
    assert tools.run(["sh", "-c", "sleep 0.5; echo done"], environment=SYSTEM, seconds=10, report=said.append)
    assert said
