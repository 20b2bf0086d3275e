"""Which engine a machine gets: the installed one, the published one, a built one, or why there is none."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.engine import EngineError, __main__, build, published
from lab.engine.model import Engine

if TYPE_CHECKING:
    from conftest import Machine

ROOT = Path(__file__).parents[2]


def test_an_installed_pulumi_is_used_as_it_is(machine: "Machine") -> None:
    """Nothing is built where `pulumi` is on PATH and reaches its plugins."""
    machine.has_pulumi()
    engine = machine.provide()
    assert engine.path_entries == (machine.root / "bin",)
    assert (engine.pulumi_home / "plugins" / "resource-command-v1.2.1" / "pulumi-resource-command").is_file()
    assert machine.calls("go", "build") == []


def test_the_plugin_is_asked_for_where_its_sdk_says(machine: "Machine") -> None:
    """The version and the server come from the installed SDK, which is what will ask for the plugin."""
    machine.has_pulumi()
    machine.provide()
    assert [call.split()[:5] for call in machine.calls("pulumi", "plugin")] == [
        ["plugin", "install", "resource", "proxmoxve", "8.3.0"],
        ["plugin", "install", "resource", "command", "1.2.1"],
    ]
    assert "--server" in machine.calls("pulumi", "plugin")[0]


def test_the_home_of_the_user_is_not_the_engines(machine: "Machine") -> None:
    """Credentials and plugins in the user's own Pulumi home are not read and not touched."""
    machine.has_pulumi()
    engine = machine.provide()
    assert engine.pulumi_home.is_relative_to(machine.root / "cache")
    assert not (machine.root / ".pulumi").exists()


@pytest.mark.parametrize("version", ["3.231.9", "2.99.0", "dirty"])
def test_a_pulumi_that_is_too_old_is_passed_over_and_named(machine: "Machine", version: str) -> None:
    """An old CLI is no reason to stop while another way is open, and the user learns why it was not used."""
    machine.has_pulumi(version=version)
    machine.has_go()
    engine = machine.provide()
    assert engine.path_entries[0].name == "built"
    assert any("passed over" in line and "3.232.0 or newer" in line for line in machine.said)


def test_a_pulumi_that_cannot_run_python_is_passed_over(machine: "Machine") -> None:
    """A CLI alone, as some distributions ship it, cannot run the program."""
    machine.has_pulumi(python=False)
    machine.has_go()
    assert machine.provide().path_entries[0].name == "built"
    assert any("pulumi-language-python" in line for line in machine.said)


def test_pulumis_own_installer_comes_before_building(
    machine: "Machine", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the network is there, nobody waits for a compiler."""
    machine.has_pulumi()
    copy = f"import shutil, sys; shutil.copytree({str(machine.root / 'bin')!r}, sys.argv[1] + '/bin')"
    machine.root.joinpath("bin").rename(machine.root / "elsewhere")
    monkeypatch.setattr(published, "INSTALLER", copy.replace("/bin'", "/elsewhere'", 1))
    engine = machine.provide()
    assert engine.path_entries[0].parts[-2:] == ("official", "bin")
    assert (engine.path_entries[0] / "pulumi").is_file()


def test_plugins_that_cannot_be_fetched_are_built_and_tried_once(machine: "Machine") -> None:
    """One refusal is enough to know that the publishers are out of reach."""
    machine.has_pulumi(install="echo 'no such host' >&2; exit 1")
    machine.has_go()
    engine = machine.provide()
    assert len(machine.calls("pulumi", "plugin")) == 1
    assert len(machine.calls("go", "build")) == 2
    assert (
        engine.pulumi_home / "plugins" / "resource-proxmoxve-v8.3.0" / "schema.json"
    ).read_text() == "{}\n"


def test_a_built_engine_is_whole(machine: "Machine") -> None:
    """The CLI, the language host, its script and the one for dynamic providers stand side by side."""
    machine.has_go()
    engine = machine.provide()
    names = sorted(path.name for path in engine.path_entries[0].iterdir())
    assert names == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
    ]
    assert all(os.access(path, os.X_OK) for path in engine.path_entries[0].iterdir())
    assert machine.unfinished == []


def test_nothing_is_prepared_twice(machine: "Machine") -> None:
    """The second run finds the first one's work, says nothing and starts nothing."""
    machine.has_go()
    first = machine.provide()
    machine.said.clear()
    (machine.root / "bin" / "go").unlink()
    assert machine.provide() == first
    assert machine.said == []


def test_two_runs_at_once_build_once(machine: "Machine") -> None:
    """The second waits for the first, says so, and takes what it made."""
    machine.has_go(build="sleep 0.3")
    with ThreadPoolExecutor(2) as pool:
        engines = list(pool.map(lambda _: machine.provide(), range(2)))
    assert engines[0] == engines[1]
    assert len(machine.calls("go", "build")) == 4
    assert any("waiting for it" in line for line in machine.said)


RUN_ALONE = """
import os
from lab.engine import published
from lab.engine.provide import provide
published.INSTALLER = "raise SystemExit(1)"
provide(print, os.environ)
"""


def test_a_killed_build_leaves_nothing_that_counts_as_done(machine: "Machine") -> None:
    """After a SIGKILL in the middle the next run starts the unfinished piece anew, and sweeps up."""
    reached = machine.root / "reached"
    machine.has_go(build=f'case "$*" in *language*) touch {reached}; sleep 5 ;; esac')
    with subprocess.Popen([sys.executable, "-c", RUN_ALONE], env=machine.environment, cwd=ROOT) as run:
        deadline = time.monotonic() + 30
        while not reached.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        run.kill()
    assert machine.unfinished
    assert not list((machine.root / "cache").rglob("built"))
    machine.has_go()
    assert machine.provide().path_entries[0].name == "built"
    assert machine.unfinished == []


def test_a_failed_build_says_what_go_said_and_leaves_nothing(machine: "Machine") -> None:
    """The words of the compiler or of the proxy reach the user, with what to do."""
    machine.has_go(build="echo 'reading module: 403 Forbidden' >&2; exit 1")
    with pytest.raises(EngineError, match="403 Forbidden") as raised:
        machine.provide()
    assert "GOPROXY" in str(raised.value)
    assert machine.unfinished == []


def test_without_network_and_go_the_message_names_every_way_out(machine: "Machine") -> None:
    """What is missing, and that any one of three things is enough."""
    with pytest.raises(EngineError) as raised:
        machine.provide()
    assert all(words in str(raised.value) for words in ("install Pulumi", "access", "install Go 1.26"))


def test_a_go_that_is_too_old_is_named_with_the_one_needed(machine: "Machine") -> None:
    """Go's own message about a language version would not say whose Go it is."""
    machine.has_go(version="1.21.3")
    with pytest.raises(EngineError, match=r"Go 1\.21\.3 at .*/go is too old .* needs Go 1\.25\.11"):
        machine.provide()
    assert machine.calls("go", "build") == []


def test_sources_for_another_sdk_are_not_passed_off_as_it(
    machine: "Machine", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin that lies about its version would fail far from here."""
    monkeypatch.setitem(build.BUILT_FOR, "proxmoxve", "8.2.0")
    machine.has_go()
    with pytest.raises(EngineError, match=r"is 8\.3\.0, and the sources in .* make 8\.2\.0: .*`make setup`"):
        machine.provide()


def test_the_command_ends_with_1_and_no_traceback(
    machine: "Machine", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make engine` on a machine that can have none is an expected failure."""
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    assert __main__.main() == 1
    assert "engine: There is no engine" in capsys.readouterr().err


def test_the_engines_environment_puts_this_python_first() -> None:
    """The language host runs the first python on PATH: it must be the one with the packages."""
    engine = Engine(path_entries=(Path("/cache/built"),), pulumi_home=Path("/cache/home"))
    environment = engine.environment({"PATH": "/usr/bin", "LANG": "C", "PULUMI_HOME": "/home/of/user"})
    assert environment["PATH"].split(":") == [str(Path(sys.executable).parent), "/cache/built", "/usr/bin"]
    assert environment["PULUMI_HOME"] == "/cache/home"
    assert environment["PULUMI_SKIP_UPDATE_CHECK"] == "1"
    assert environment["LANG"] == "C"
