"""`python -m lab.engine`: prepare the engine, and print where it is."""

import sys
from time import monotonic

from lab.engine import EngineError, provide


def main() -> int:
    """Say on standard error what goes on, on standard output where it is; 0 done, 1 none to be had."""
    started = monotonic()
    try:
        engine = provide(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201 - a sign of life
    except EngineError as error:
        sys.stderr.write(f"engine: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write("".join(f"PATH {entry}\n" for entry in engine.path_entries))
    sys.stdout.write(f"PULUMI_HOME {engine.pulumi_home}\n")
    sys.stderr.write(f"The engine is ready ({monotonic() - started:.1f} s).\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
