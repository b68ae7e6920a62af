"""Expressions from examples: conversions that do what they show, and programs learned from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.generate.lists import list_around
from lume_dagster.mapper.generate.options import Bench
from lume_dagster.mapper.match import match
from lume_dagster.mapper.match.core import candidates
from lume_dagster.mapper.sample import Sample
from lume_dagster.mapper.synthesis import Example as Shown
from lume_dagster.mapper.synthesis import learn
from lume_dagster.mapper.trial import Trial

#: A row by the paths of its values, and the text that should come out of it.
Taught = tuple[Mapping[str, str | None], str | None]

_NEAR = 4  # columns that are tried, and in pairs
_CONVERSIONS = 3
_PROGRAMS = 2


def learn_field(
    settings: EngineSettings,
    sample: Sample,
    field: SchemaField,
    taught: Sequence[Taught],
) -> Iterator[str]:
    """Expressions for a field, the likeliest first; that they do what is taught is not yet sure.

    Programs of which something else may be meant as well are left out: another example tells.
    """
    shown = [(before, after) for before, after in taught if after is not None]
    near = _near(sample, field, shown)
    with Trial(settings, sample) as trial:
        bench = Bench(sample, trial)
        for path in near:
            for made in bench.convert(field, [path])[:_CONVERSIONS]:
                yield made.expression
    if not shown:
        return
    columns = {path: sample.column(path) for path in near}
    references = {path: column.reference for path, column in columns.items()}
    for paths in [*((path,) for path in near), *combinations(near, 2), tuple(near)]:
        examples = [Shown({p: before.get(p) for p in paths}, after) for before, after in shown]
        values = {path: columns[path].values for path in paths}
        for program in learn(examples, values, most=_PROGRAMS):
            if program.certain:
                yield program.expression(references)


def _near(
    sample: Sample, field: SchemaField, shown: Sequence[tuple[Mapping[str, str | None], str]]
) -> list[str]:
    """Columns the field may come from: by what the examples share with them, then by name."""
    found = match(sample, TargetSchema((field,)))
    named = [c.column for c in candidates(found[0] if found else None)]
    plain = [c.path for c in sample.columns if not list_around(c.path) and not c.is_list]
    shares = {path: _shared(path, shown) for path in plain}
    told = sorted((p for p in plain if shares[p] > 0), key=lambda p: (-shares[p], plain.index(p)))
    return list(dict.fromkeys([*told, *(p for p in named if p in shares)]))[:_NEAR]


def _shared(path: str, shown: Sequence[tuple[Mapping[str, str | None], str]]) -> float:
    """How much of what should come out stands in the column, on average: 0 to 1."""
    parts = []
    for before, after in shown:
        given = (before.get(path) or "").casefold()
        words = after.casefold().split() or [""]
        hits = sum(
            len(word) for word in words if word and (word in given or (given in word and given))
        )
        parts.append(hits / max(1, sum(map(len, words))))
    return sum(parts) / max(1, len(parts))
