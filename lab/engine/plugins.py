"""The provider plugins that the Python SDKs ask for, read from what is installed with each SDK."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lab.engine.model import EngineError

# The newest SDKs for which the sources beside this file make a plugin that fits.
BUILT_FOR = {"proxmoxve": "8.3.0", "command": "1.2.1"}


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A provider plugin as its SDK names it; `server` is where it is published, '' for Pulumi's own place."""

    name: str
    version: str
    server: str

    @property
    def binary(self) -> str:
        """The name that the CLI looks for in the plugin's directory."""
        return f"pulumi-resource-{self.name}"

    def directory(self, home: Path) -> Path:
        """Give the place under a Pulumi home where the CLI looks for this version."""
        return home / "plugins" / f"resource-{self.name}-v{self.version}"


@cache
def wanted() -> tuple[Plugin, ...]:
    """Give the plugins that the installed SDKs ask for."""
    return tuple(_asked_for_by(f"pulumi_{name}") for name in BUILT_FOR)


def _asked_for_by(package: str) -> Plugin:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        distribution = package.replace("_", "-")
        raise EngineError(f"The Python package {distribution} is not installed: run `make setup`.")
    said = json.loads((Path(spec.origin).parent / "pulumi-plugin.json").read_text(encoding="utf-8"))
    return Plugin(name=said["name"], version=said["version"], server=said.get("server", ""))
