"""A project directory of its own for a lab: the program itself, a stack file and a state that may be lost."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .engine import Engine

ROOT = Path(__file__).parents[1]
PREFIX = "pve-lifecycle:"
LINKED = ("__main__.py", "components", "ops", "templates")


@dataclass(frozen=True, kw_only=True)
class ProjectDirectory:
    """Where `pulumi` runs: the program is the repository's, all else belongs to the lab."""

    path: Path

    @classmethod
    def lay_out(cls, path: Path) -> "ProjectDirectory":
        """Make the directory, unless it is there."""
        (path / "state").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "Pulumi.yaml", path / "Pulumi.yaml")
        for name, target in [(name, ROOT / name) for name in LINKED] + [(".venv", Path(sys.prefix))]:
            link = path / name
            if not link.is_symlink():
                link.symlink_to(target)
        return cls(path=path)

    def stack_file(self, stack: str) -> Path:
        """The stack's configuration."""
        return self.path / f"Pulumi.{stack}.yaml"

    def write_stack(self, stack: str, config: Mapping[str, Any]) -> None:
        """Write the configuration, keys without prefix; what the engine keeps in the file stays."""
        path = self.stack_file(stack)
        kept = yaml.safe_load(path.read_text("utf-8")) if path.exists() else None
        content = (kept or {}) | {"config": {f"{PREFIX}{key}": value for key, value in config.items()}}
        path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")

    def environment(self, engine: Engine, base: Mapping[str, str], passphrase: str) -> dict[str, str]:
        """What `pulumi` needs here besides the connection to Proxmox VE."""
        return engine.environment(base) | {
            "PULUMI_BACKEND_URL": f"file://{self.path / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": passphrase,
        }


def example_config(stack: str) -> dict[str, Any]:
    """The repository's own example of a stack, keys without prefix."""
    content = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text("utf-8"))
    return {key.removeprefix(PREFIX): value for key, value in content["config"].items()}
