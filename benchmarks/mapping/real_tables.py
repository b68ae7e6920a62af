"""Real tables that may be used freely: those of the package bokeh-sampledata, whose licences it lists file by file.

They are read from the environment of the other matchers (``make servers``), and nothing of them is
kept here: only what is learned from them.
"""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path

Table = list[tuple[str, tuple[str | None, ...]]]
_PLACE = Path(__file__).parents[2] / ".servers" / "matchers"
_MOST_ROWS, _LEAST_ROWS, _LEAST_COLUMNS = 4000, 40, 5
#: Wide tables of one kind of number each: their columns differ in the name alone.
_LEFT_OUT = frozenset({"percent-bachelors-degrees-women-usa", "probly", "numberly", "unemployment1948", "unemployment09"})  # fmt: skip


@cache
def real_tables() -> dict[str, Table]:
    """By name.

    Raises:
        FileNotFoundError: the package is not there.
    """
    places = sorted(_PLACE.glob("lib/python*/site-packages/bokeh_sampledata/_data/*.csv*"))
    if not places:
        raise FileNotFoundError(f"{_PLACE} has no bokeh-sampledata: make servers")
    named = {place.name.partition(".")[0]: place for place in places}
    read = {name: _read(place) for name, place in named.items() if name not in _LEFT_OUT}
    return {name: table for name, table in read.items() if _is_fit(table)}


def _is_fit(table: Table) -> bool:
    return len(table) >= _LEAST_COLUMNS and len(table[0][1]) >= _LEAST_ROWS


def _read(place: Path) -> Table:
    opened = gzip.open if place.suffix == ".gz" else open
    with opened(place, "rt", encoding="utf-8-sig", newline="") as file:
        header, *rows = (row for row, _ in zip(csv.reader(file), range(_MOST_ROWS), strict=False))
    return [
        (name.strip() or "index", tuple(r[n].strip() or None if n < len(r) else None for r in rows))
        for n, name in enumerate(header)
    ]
