"""How many tokens a text has at most, told without a tokenizer.

Byte-pair tokenizers take about 4 letters of prose for one token, a space with the word after it, up
to 3 digits together, and most marks together with what is beside them. Counted here: a token for
every 3 letters of a run, for each digit, for each other mark, and for every 1.5 bytes that are not
ASCII. It is meant to be too much rather than too little; the bill says what it was.
"""

from __future__ import annotations

import re

FRAME = 500  # what providers add around a request with a tool
_PIECES = re.compile(r"([A-Za-z]+)|([!-/:-@\[-`{-~0-9])|([^\x00-\x7f]+)|(\n+| {2,}|\t+| (?=[0-9]))")


def tokens_of(text: str) -> int:
    """At most so many."""
    count = 0
    for letters, _mark, foreign, _blank in _PIECES.findall(text):
        if letters:
            count += -(-len(letters) // 3)
        elif foreign:
            count += -(-len(foreign.encode("utf-8", "replace")) * 2 // 3)
        else:
            count += 1
    return count
