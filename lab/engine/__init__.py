"""The engine that runs the program in the lab: the Pulumi CLI and its two provider plugins.

`provide` finds, fetches or builds them, once for each user; `python -m lab.engine` does it from a shell.
"""

from lab.engine.model import Engine, EngineError
from lab.engine.provide import provide

__all__ = ["Engine", "EngineError", "provide"]
