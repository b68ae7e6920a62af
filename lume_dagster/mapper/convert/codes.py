"""Codes of countries, states and currencies where the target has no enum: from names, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lume_dagster.mapper.convert.enums import MOST_VALUES, code_list
from lume_dagster.mapper.convert.facts import Facts, Want
from lume_dagster.mapper.convert.program import Code, Program
from lume_dagster.mapper.terms.places import TABLES, find

_KINDS = (
    (
        "country",
        ("country", "nation", "nationality", "land", "pays", "país", "citizenship"),
        {2: 0, 3: 1},
    ),
    ("state", ("state", "us state", "province", "region"), {2: 0}),
    ("currency", ("currency", "währung", "devise", "moneda", "iso 4217"), {3: 0}),
)


def code_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """Names of countries, states and currencies as codes, or the other way round."""
    values = facts.values
    if not values or len(values) > MOST_VALUES:
        return
    for table, words, places in _KINDS:
        if not want.says(*words):
            continue
        place = _place(want, table, places)
        if place is None:
            continue
        rows = {v: find(table, v) for v in values}
        known = {v: row[place] for v, row in rows.items() if row is not None}
        if len(known) * 2 < len(values) or all(v == code for v, code in known.items()):
            continue
        codes = [Code(v, known.get(v), 0.97 if v in known else 0.0, v in known) for v in values]
        program = code_list(facts, want, codes)
        if program is not None:
            why = f"The values name {table[:-1] + 'ies' if table.endswith('y') else table + 's'}."
            yield replace(program, prior=0.93, reasons=(why, *program.reasons[1:]))


_LETTERS = (
    (2, ("alpha-2", "alpha 2", "two-letter", "2-letter", "two letter", "iso 3166-1", "iso2")),
    (3, ("alpha-3", "alpha 3", "three-letter", "3-letter", "iso3", "iso 4217")),
)


def _place(want: Want, table: str, places: Mapping[int, int]) -> int | None:
    """Which column of the table the target wants: a code of some length, or the name."""
    rows = TABLES[table].values()
    for length, place in places.items():
        codes = {row[place] for row in rows}
        fits = bool(want.examples) and codes.issuperset(want.examples)
        if fits or want.field.max_length == length or want.matches_pattern(sorted(codes)):
            return place
    for length, words in _LETTERS:
        if length in places and want.says(*words):
            return places[length]
    names = {row[-1] for row in rows}
    if want.examples:
        return len(places) if names.issuperset(want.examples) else None
    return next(iter(places.values())) if want.says("code", "abbreviation", "iso") else None
