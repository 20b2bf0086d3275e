"""The engine's cache: where it is, what it is named by, and that only whole things count."""

from pathlib import Path

import pytest

from lab.engine import EngineError, cache


def test_the_cache_is_where_the_user_keeps_caches(tmp_path: Path) -> None:
    """XDG_CACHE_HOME where it is absolute, as the standard has it, else ~/.cache."""
    named = cache.location({"XDG_CACHE_HOME": str(tmp_path)}, "abc")
    assert named == tmp_path / "pve-lifecycle" / "engine-abc"
    ordinary = Path.home() / ".cache" / "pve-lifecycle" / "engine-abc"
    assert cache.location({"XDG_CACHE_HOME": "relative"}, "abc") == ordinary
    assert cache.location({}, "abc") == ordinary


def test_the_name_changes_with_what_the_engine_is_made_from(tmp_path: Path) -> None:
    """A changed source, a moved source and another version each ask for a new engine; nothing else does."""
    (tmp_path / "a.go").write_text("one")
    first = cache.fingerprint(tmp_path, ["1.0"])
    assert cache.fingerprint(tmp_path, ["1.0"]) == first
    names = {first, cache.fingerprint(tmp_path, ["1.1"])}
    (tmp_path / "a.go").write_text("two")
    names.add(cache.fingerprint(tmp_path, ["1.0"]))
    (tmp_path / "a.go").rename(tmp_path / "b.go")
    names.add(cache.fingerprint(tmp_path, ["1.0"]))
    assert len(names) == 4


def test_what_failed_half_way_has_no_name(tmp_path: Path) -> None:
    """The directory gets its name last, and what was begun is removed."""

    def fail(into: Path) -> None:
        (into / "half").write_text("")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.make_once(tmp_path / "thing", fail)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """Its name says that it is whole."""
    calls: list[Path] = []
    for _ in range(2):
        assert cache.make_once(tmp_path / "thing", calls.append) == tmp_path / "thing"
    assert len(calls) == 1


def test_a_sweep_spares_what_is_finished(tmp_path: Path) -> None:
    """Only what a killed run left goes, also deeper down."""
    (tmp_path / "home" / ".unfinished-plugin-x").mkdir(parents=True)
    (tmp_path / "home" / "plugin").mkdir()
    cache.sweep(tmp_path)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["plugin"]


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """What to set is said, without a traceback."""
    (tmp_path / "home").write_text("")
    with pytest.raises(EngineError, match="Set XDG_CACHE_HOME"), cache.locked(tmp_path / "home", print):
        pass
