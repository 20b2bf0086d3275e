"""Building the engine from Go modules: the last resort, where its publishers cannot be reached."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from lab.engine.model import EngineError
from lab.engine.plugins import BUILT_FOR, Plugin
from lab.engine.tools import Report, ToolError, Version, run, version_in, version_text

SOURCES = Path(__file__).parent / "source"
CLI_MODULE = "github.com/pulumi/pulumi/pkg/v3"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One program to build: from which of the sources, which package, what to call it, how long it takes."""

    source: str
    package: str = "."
    title: str
    takes: str
    flags: str = ""

    @property
    def directory(self) -> Path:
        """Where its go.mod is."""
        return SOURCES / self.source


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Go, and how to say what it is at."""

    go: Path
    environment: Mapping[str, str]
    report: Report = field(repr=False)

    def cli(self, into: Path) -> None:
        """Put the Pulumi CLI, its Python language host and their scripts into a directory."""
        version = module_version(SOURCES / "pulumi", CLI_MODULE)
        cli = Piece(
            source="pulumi",
            package=f"{CLI_MODULE}/cmd/pulumi",
            title=f"the Pulumi CLI {version}",
            takes="3 to 8 minutes",
            flags=f"-X {SDK_MODULE}/go/common/version.Version={version}",
        )
        host = Piece(
            source="language",
            package=f"{SDK_MODULE}/python/cmd/pulumi-language-python",
            title="Pulumi's Python language host",
            takes="half a minute",
        )
        self._compile(cli, into / "pulumi")
        self._compile(host, into / "pulumi-language-python")
        # Each script goes with the SDK that was made with it: the first is the language host's other half.
        self._script("language", "python/cmd/pulumi-language-python-exec", into)
        self._script("pulumi", "python/dist/pulumi-resource-pulumi-python", into)

    def plugin(self, plugin: Plugin, into: Path) -> None:
        """Put a provider plugin into a directory, with the schema that it reads where it has one."""
        if plugin.version != BUILT_FOR[plugin.name]:
            raise EngineError(
                f"The installed SDK pulumi-{plugin.name} is {plugin.version}, and the sources in "
                f"{SOURCES / 'plugins' / plugin.name} make {BUILT_FOR[plugin.name]}: install that version "
                f"(`make setup`), or let `pulumi plugin install` reach the network."
            )
        binary = into / plugin.binary
        piece = Piece(
            source=f"plugins/{plugin.name}",
            title=f"the provider plugin {plugin.name} {plugin.version}",
            takes="1 to 5 minutes",
            flags=f"-X main.version={plugin.version}",
        )
        self._compile(piece, binary)
        if plugin.name == "proxmoxve":
            schema = self._run([binary, "schema"])
            (into / "schema.json").write_text(schema, encoding="utf-8")

    def _compile(self, piece: Piece, target: Path) -> None:
        needed, present = go_needed(piece.directory), version_in(self._run([self.go, "version"]))
        if present < needed:
            raise EngineError(
                f"Go {version_text(present)} at {self.go} is too old to build {piece.title}: it needs Go "
                f"{version_text(needed)} or newer. Install that and put it first on PATH."
            )
        self.report(f"Building {piece.title} from Go modules, once; this takes {piece.takes}.")
        started = monotonic()
        flags = f"-s -w {piece.flags}"
        self._run([self.go, "build", "-ldflags", flags, "-o", target, piece.package], piece.directory)
        size = target.stat().st_size / 1e6
        self.report(f"  built in {monotonic() - started:.0f} s, {size:.0f} MB")

    def _script(self, module: str, script: str, into: Path) -> None:
        """Copy a script out of the SDK module that the sources name; a cached module is read-only."""
        where = self._run([self.go, "list", "-m", "-f", "{{.Dir}}", SDK_MODULE], SOURCES / module)
        target = into / Path(script).name
        shutil.copyfile(Path(where.strip()) / script, target)
        target.chmod(0o755)

    def _run(self, command: list[str | Path], directory: Path | None = None) -> str:
        # What the user's own shell says about Go must not reach into these builds.
        own = {"GOFLAGS": "-buildvcs=false -trimpath", "GOWORK": "off", "GO111MODULE": "on"}
        environment = {**self.environment, **own}
        try:
            return run(
                command, environment=environment, seconds=HOUR, directory=directory, report=self.report
            )
        except ToolError as error:
            raise EngineError(
                f"The engine could not be built from Go modules: {error}\n"
                "If Go's module proxy was not reached, set GOPROXY to one that this machine reaches "
                "(`go env GOPROXY` shows the present one); else install Pulumi and run this again."
            ) from error


def find_go(environment: Mapping[str, str], report: Report) -> Builder:
    """Give the Go on PATH, or say what is missing."""
    go = shutil.which("go", path=environment.get("PATH"))
    if go is None:
        oldest = version_text(go_needed(SOURCES / "plugins" / "proxmoxve"))
        raise EngineError(
            "There is no engine to run the program with: no usable `pulumi` is on PATH, Pulumi's publishers "
            "cannot be reached from here, and there is no `go` on PATH to build it with.\n"
            "Any one of these is enough: install Pulumi; or give this machine access to its downloads; or "
            f"install Go {oldest} or newer, and run this again."
        )
    return Builder(go=Path(go), environment=environment, report=report)


def go_needed(module: Path) -> Version:
    """Give the oldest Go that a module's go.mod allows."""
    return version_in(_line(module, r"^go (.+)$"))


def module_version(module: Path, required: str) -> str:
    """Give the version of a module that a go.mod requires, with its v."""
    return _line(module, rf"^\s*{re.escape(required)} (v\S+)")


def _line(module: Path, pattern: str) -> str:
    found = re.search(pattern, (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{module / 'go.mod'} has no line like {pattern}")
    return found.group(1)
