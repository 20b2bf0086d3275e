"""What an engine is to those who run one."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from os import defpath, pathsep
from pathlib import Path


class EngineError(Exception):
    """No engine could be had; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Pulumi CLI with its Python language host, and a Pulumi home with the provider plugins."""

    path_entries: tuple[Path, ...]
    pulumi_home: Path

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Give `base` with everything set that `pulumi` needs to run this engine and no other.

        The language host runs the first `python` on PATH: the one whose packages this process sees.
        """
        entries = [Path(sys.executable).parent, *self.path_entries]
        return {
            **base,
            "PATH": pathsep.join([*map(str, entries), base.get("PATH", defpath)]),
            "PULUMI_HOME": str(self.pulumi_home),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            # Both plugins are in the home; a missing one is a mistake to report, not a download to wait for.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
