"""What others wrote is shown and never obeyed: a control character becomes a sign of itself.

A guest's owner writes its descriptions, a server its errors. Sent raw, an escape sequence in one of them
would move the cursor or hide a line, and a mark for right-to-left would turn one round.
"""

import re

_REPLACEMENT = 0xFFFD
_OF_C0 = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
_OF_C1 = range(0x80, 0xA0)
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_SIGNS = _OF_C0 | dict.fromkeys((*_OF_C1, *_DIRECTIONS), _REPLACEMENT)
_RAW = re.compile(f"[{''.join(map(chr, (0x7F, *_OF_C1, *_DIRECTIONS)))}]")


def visible(text: str) -> str:
    """Return the text, as long as before, with a sign for each character that a terminal would obey."""
    return text.translate(_SIGNS)


def escaped(document: str) -> str:
    """Return JSON in which such characters are escaped, which they can be wherever JSON holds them."""
    return _RAW.sub(lambda found: f"\\u{ord(found[0]):04x}", document)
