"""Half letters in JSON documents, such as an escaped U+D800 alone: the fault of one record.

A document that holds one cannot be taken apart by the engine. It is written anew with a mark in
place of each, and the records get theirs back when they stand apart.
"""

from __future__ import annotations

import re
from pathlib import Path

from lume_dagster.engines.settings import MIB

_CHUNK = 4 * MIB
#: An escape; a pair that is a letter, half of one, or any other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_LONGEST = 12  # bytes of an escape
_BEFORE, _AFTER = b"\\u0001half-", b"\\u0001"
#: What gives a record back its half letters, as SQL over ``line``.
RESTORED = r"regexp_replace(line, '\\u0001half-([0-9a-fA-F]{4})\\u0001', '\\u\1', 'g')"


def marked(path: Path, into: Path) -> bool:
    """Write a document with marks; False where it has no half letter, or holds a mark already."""
    found, carry = False, b""
    with path.open("rb") as source, into.open("wb") as out:
        while True:
            chunk = source.read(_CHUNK)
            data = carry + chunk
            if _BEFORE in data:
                return False
            written, carry, here = _marked(data, at_end=not chunk)
            out.write(written)
            found = found or here
            if not chunk:
                return found


def _marked(data: bytes, *, at_end: bool) -> tuple[bytes, bytes, bool]:
    """What is written of a piece, what the next one begins with, and whether it has halves."""
    pieces, place, found = [], 0, False
    safe = len(data) if at_end else len(data) - _LONGEST
    for escape in _ESCAPE.finditer(data):
        if escape.start() >= safe and not at_end:
            break
        if escape[1] is not None:
            pieces += [data[place : escape.start()], _BEFORE, escape[1], _AFTER]
            found = True
        else:
            pieces.append(data[place : escape.end()])
        place = escape.end()
    held = len(data) if at_end else data.find(b"\\", max(place, safe))
    cut = len(data) if held < 0 else held
    return b"".join([*pieces, data[place:cut]]), data[cut:], found
