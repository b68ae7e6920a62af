"""Values that a seed of the flow holds: found by its key, another of its columns is the answer."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from lume_dagster.flows.model import Seed
from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.program import Program
from lume_dagster.mapper.terms.words import words_of

_MOST_ROWS = 20_000


def lookup_programs(
    facts: Facts, want: Want, seeds: Mapping[str, Seed], folder: Path
) -> Iterator[Program]:
    """Programs that look the column up in a seed."""
    values = set(facts.values)
    for name, seed in seeds.items():
        rows = _rows(folder / seed.path)
        keys = {row.get(seed.key) or "" for row in rows}
        found = len(values & keys) / len(values) if values else 0.0
        if found < 0.5:
            continue
        for column in rows[0] if rows else ():
            if column == seed.key or column is None:
                continue
            likeness = _likeness(column, [row.get(column) or "" for row in rows], want)
            if likeness < 0.5:
                continue
            key = f"trim({facts.read})" if _untrimmed(facts) else facts.read
            expression = f"lookup({sql_text(name)}, {key}, {sql_text(column)})"
            why = f"{found:.0%} of the values are keys of the seed {name!r}."
            yield Program(expression, "lookup", 0.95 * likeness, (why,), nulls=facts.nulls)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(islice(csv.DictReader(lines), _MOST_ROWS))


def _untrimmed(facts: Facts) -> bool:
    return any(t != t.strip() for t in facts.texts if t)


def _likeness(column: str, values: list[str], want: Want) -> float:
    """How likely a column of the seed is what the target wants."""
    field, words = want.field, set(words_of(column))
    if field.enum is not None and not set(values) <= {str(e) for e in field.enum}:
        return 0.0
    if field.pattern is not None and not want.matches_pattern(values):
        return 0.0
    own = set(want.words)
    if field.enum is not None or (want.examples and set(want.examples) <= set(values)):
        return 1.0
    return 0.97 if words and words <= own else 0.85 if words & own else 0.0
