"""How much one run may do until it takes the amount for a mistake: a clock that jumped, tags read wrongly."""

import re
from dataclasses import dataclass

_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_SHARE = re.compile(r"(\d{1,3})\s*%", re.ASCII)
WHOLE = 100  # per cent


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """A count, a share in per cent, or both: then the greater number of the two is allowed."""

    count: int = 0
    share: int = 0

    def allowed(self, of: int) -> int:
        """Return how many of that many may be touched."""
        return max(self.count, of * self.share // WHOLE)

    def __str__(self) -> str:
        """Write it as a person gives it."""
        parts = [str(self.count)] if self.count or not self.share else []
        return " or ".join([*parts, f"{self.share}%"] if self.share else parts)


def parse_ceiling(text: str) -> Ceiling:
    """Read `N` or `P%`; ValueError where it is neither."""
    word = text.strip()
    if _COUNT.fullmatch(word):
        return Ceiling(count=int(word))
    found = _SHARE.fullmatch(word)
    if found is None or int(found[1]) > WHOLE:
        raise ValueError(f"{text!r} is no ceiling; write a number like 20 or a share like 50%")
    return Ceiling(share=int(found[1]))
