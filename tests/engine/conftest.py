"""A machine with fakes on its PATH, to see how an engine is had; and a project for the real one."""

import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.engine import published
from lab.engine.model import Engine
from lab.engine.provide import provide
from tests.engine.commands import PROGRAM, Host, Project, open_host

GO = """\
echo "$*" >> {log}
case "$1" in
version) echo "go version go{version} linux/amd64" ;;
list) echo {module} ;;
build)
  {build}
  while [ "$1" != -o ]; do shift; done
  printf '#!/bin/sh\\necho "{{}}"\\n' > "$2"; chmod +x "$2" ;;
esac
"""
PULUMI = """\
echo "$*" >> {log}
case "$1" in
version) echo v{version} ;;
plugin)
  {install}
  into="$PULUMI_HOME/plugins/resource-$4-v$5"
  mkdir -p "$into"; echo published > "$into/pulumi-resource-$4" ;;
esac
"""


@dataclass
class Machine:
    """Its PATH holds what a test put there; `said` is what `provide` reported."""

    root: Path
    said: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a program on this machine sees."""
        return {
            "PATH": str(self.root / "bin"),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "HOME": str(self.root),
        }

    def has(self, name: str, script: str) -> Path:
        """Put a program on PATH; the script itself has the system's tools."""
        program = self.root / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\nPATH={os.defpath}:/usr/bin\n{textwrap.dedent(script)}")
        program.chmod(0o755)
        return program

    def has_go(self, version: str = "1.99.0", build: str = ":") -> None:
        """Put a Go on PATH whose module cache has Pulumi's two scripts; `build` runs before it writes."""
        module = self.root / "module"
        for script in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
            (module / "python" / script).parent.mkdir(parents=True, exist_ok=True)
            (module / "python" / script).write_text("#!/bin/sh\n")
        self.has("go", GO.format(log=self.root / "go.log", version=version, module=module, build=build))

    def has_pulumi(self, version: str = "3.250.0", install: str = ":", *, python: bool = True) -> None:
        """Put a Pulumi on PATH, with its Python language host unless told otherwise."""
        self.has("pulumi", PULUMI.format(log=self.root / "pulumi.log", version=version, install=install))
        if python:
            self.has("pulumi-language-python", "exit 2")
            self.has("pulumi-language-python-exec", "")

    def provide(self) -> Engine:
        """Ask for an engine as a user of this machine would."""
        return provide(self.said.append, self.environment)

    def calls(self, program: str, word: str) -> list[str]:
        """Give the calls of a fake that began with a word."""
        log = self.root / f"{program}.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if line.startswith(word)]

    @property
    def unfinished(self) -> list[Path]:
        """What a run that failed or was killed left in the cache."""
        return list((self.root / "cache").rglob(".unfinished-*"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A bare machine without network: not even the installer's download is tried."""
    monkeypatch.setattr(published, "INSTALLER", "import sys; sys.exit('no such host')")
    return Machine(tmp_path)


@pytest.fixture
def project(engine: Engine, tmp_path: Path) -> Project:
    """A new project and stack, with the state in a file."""
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: commands\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    base = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase for a test",
    }
    new = Project(tmp_path, engine.environment(base))
    made = new.pulumi("stack", "init", "test")
    assert made.returncode == 0, made.stderr
    return new


@pytest.fixture(scope="module")
def server() -> Iterator[Host]:
    """A host on loopback."""
    with open_host() as host:
        yield host


@pytest.fixture
def host(server: Host) -> Host:
    """The host, with nothing run yet."""
    server.ran.clear()
    return server
