"""Getting the engine from those who publish it: what is installed, else their own installers."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import pathsep
from pathlib import Path

from lab.engine.plugins import Plugin
from lab.engine.tools import Report, ToolError, run, version_in, version_text

# The oldest CLI that the SDKs were seen to work with.
OLDEST_CLI = (3, 232, 0)

QUICK = 30.0
DOWNLOAD = 300.0
USAGE = 2

# In a process of its own: the Automation API is slow to import, and its download knows no time-out.
INSTALLER = """
import socket, sys
socket.setdefaulttimeout(10)
from pulumi.automation import PulumiCommand
PulumiCommand.install(root=sys.argv[1])
"""


@dataclass(frozen=True, kw_only=True)
class Publishers:
    """The outside as the user's environment reaches it."""

    environment: Mapping[str, str]
    report: Report = field(repr=False)

    def installed_cli(self) -> Path | None:
        """Give the directory of the `pulumi` on PATH if it is new enough and has its Python language host."""
        found = shutil.which("pulumi", path=self.environment.get("PATH"))
        if found is None:
            return None
        try:
            version = version_in(self._run([found, "version"], QUICK))
        except ToolError as error:
            self.report(f"{found} is passed over: {error}")
            return None
        if version < OLDEST_CLI:
            needed, present = version_text(OLDEST_CLI), version_text(version) or "unknown"
            self.report(f"{found} is passed over: its version is {present}, {needed} or newer is needed.")
            return None
        # The name on PATH may be a link; the CLI looks for the language host beside the program itself.
        if not self._speaks_python(Path(found).resolve().parent):
            self.report(f"{found} is passed over: no pulumi-language-python that runs, beside it or on PATH.")
            return None
        return Path(found).parent

    def install_cli(self, into: Path) -> bool:
        """Let Pulumi's installer put the SDK's own CLI into a directory; False without network."""
        self.report("Fetching the Pulumi CLI with Pulumi's own installer, once; about a minute.")
        try:
            self._run([sys.executable, "-c", INSTALLER, into], DOWNLOAD)
        except ToolError as error:
            self.report(f"  no: {_last_line(error)}")
            return False
        return self._speaks_python(into / "bin")

    def install_plugin(self, cli: Path, home: Path, plugin: Plugin) -> bool:
        """Let the CLI fetch a published plugin into a Pulumi home; False without network."""
        self.report(
            f"Fetching the provider plugin {plugin.name} {plugin.version}, once; about half a minute."
        )
        command: list[str | Path] = [
            cli / "pulumi",
            "plugin",
            "install",
            "resource",
            plugin.name,
            plugin.version,
        ]
        if plugin.server:
            command += ["--server", plugin.server]
        try:
            self._run(command, DOWNLOAD, {"PULUMI_HOME": str(home)})
        except ToolError as error:
            self.report(f"  no: {_last_line(error)}")
            return False
        return (plugin.directory(home) / plugin.binary).is_file()

    def _speaks_python(self, directory: Path) -> bool:
        path = f"{directory}{pathsep}{self.environment.get('PATH', '')}"
        host = shutil.which("pulumi-language-python", path=path)
        if host is None or shutil.which("pulumi-language-python-exec", path=path) is None:
            return False
        try:
            self._run([host, "-h"], QUICK)
        except ToolError as error:
            # It prints its usage and ends with 0 or 2, by version; one for another machine does not start.
            return error.code == USAGE
        return True

    def _run(self, command: list[str | Path], seconds: float, extra: Mapping[str, str] | None = None) -> str:
        quiet = {"PULUMI_SKIP_UPDATE_CHECK": "1"}
        environment = {**self.environment, **quiet, **(extra or {})}
        return run(command, environment=environment, seconds=seconds, report=self.report)


def _last_line(error: ToolError) -> str:
    return str(error).strip().splitlines()[-1]
