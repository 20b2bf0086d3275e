"""Control characters are shown and not obeyed."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ops.core.visible import escaped, visible

OBEYED = {"Cc", "Zl", "Zp"}
OBEYED_ONES = st.sampled_from("\x1b\x7f\x9b\u2028\u202e\u2066")
WORDS = st.lists(OBEYED_ONES | st.characters()).map("".join)
TURNED = {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}


def is_obeyed(character):
    """Whether a terminal acts on it instead of showing it."""
    turns = unicodedata.bidirectional(character) in TURNED
    return turns or (unicodedata.category(character) in OBEYED and character not in "\t\n")


@given(WORDS)
def test_nothing_is_left_that_a_terminal_would_obey(text):
    """Every other character stays as it is, and the length, too: styles lie over the same words."""
    shown = visible(text)
    assert not any(map(is_obeyed, shown))
    assert len(shown) == len(text)
    assert all(
        new == old for new, old in zip(shown, text, strict=True) if unicodedata.category(old)[0] in "LNP"
    )


@given(st.lists(WORDS) | st.dictionaries(WORDS, WORDS))
def test_a_document_says_the_same_and_holds_nothing_to_obey(document):
    """JSON has an escape for each of them."""
    text = escaped(json.dumps(document, ensure_ascii=False))
    assert json.loads(text) == document
    assert not any(map(is_obeyed, text))
