"""Find formulas that nobody has computed: their cells would be read as empty."""

from __future__ import annotations

import re

_CELL = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)>\s*"
    rb"<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*"
    rb"</(?:\w+:)?c>"
)
_BEGINS = re.compile(rb"<(?:\w+:)?c\b")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_PLACE = re.compile(rb'\br="([A-Z]{1,3}\d{1,7})"')
_TEXT = b't="str"'  # a text that was computed, though it may be empty
_MOST = 64 << 10  # bytes of a cell with the longest of formulas


class Uncomputed:
    """Looks at a sheet piece by piece for the first cell whose formula has no value."""

    def __init__(self) -> None:
        self.cell: str | None = None
        self._tail = b""

    def look(self, piece: bytes) -> None:
        """Take a piece of the sheet into account."""
        if self.cell is not None:
            return
        text = self._tail + piece
        if _FORMULA.search(text):
            found = next((c for c in _CELL.finditer(text) if _TEXT not in c[1]), None)
            if found is not None:
                place = _PLACE.search(found[1])
                self.cell = place[1].decode() if place else "?"
        begins = [found.start() for found in _BEGINS.finditer(text, max(0, len(text) - _MOST))]
        self._tail = text[begins[-1] :] if begins else text[-_MOST:]
