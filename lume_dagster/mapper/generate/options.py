"""The ways to make one field: the columns it may come from, and what can be made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as fields
from itertools import combinations

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert import Converted, Scorer, convert
from lume_dagster.mapper.convert.addresses import NAMES
from lume_dagster.mapper.convert.facts import Facts, Want
from lume_dagster.mapper.convert.parts import belong
from lume_dagster.mapper.knowledge import plain_name
from lume_dagster.mapper.match.core import Candidate
from lume_dagster.mapper.sample import Sample
from lume_dagster.mapper.terms.words import words_of
from lume_dagster.mapper.trial import Trial

_MOST_COLUMNS = 4
_LEAST_MATCH = 0.02
_ENOUGH = 0.85  # so sure of the first column, no other is tried
_OF_ONE = 3  # ways kept of each column
_TOGETHER = 0.92  # that columns belong together whose names say so; the conversion asks for that
_TOLD_BY_NAMES = 0.8  # a conversion of two columns is no better without such a reason
_SURE = 0.95  # of a column with the field's very name, nothing is looked for beside it
_NEIGHBOURS = 3  # columns that are tried in pairs, and of
_NAMED = 6  # those whose names say that they belong together


@dataclass(frozen=True, slots=True)
class Option:
    """One way: from these columns, by this conversion; both may be wrong."""

    converted: Converted
    match: float  # probability that the columns are the right ones
    reasons: tuple[str, ...]  # why they are taken

    @property
    def confidence(self) -> float:
        """Probability that the field comes out right."""
        return round(self.match * self.converted.probability, 4)


@dataclass(frozen=True)
class Bench:
    """What fields are tried on."""

    sample: Sample
    trial: Trial
    scorer: Scorer | None = None
    country: str | None = None
    codes: Mapping[str, Mapping[str, str]] = fields(default_factory=dict)  # by field, as people say

    def convert(self, field: SchemaField, paths: Sequence[str]) -> tuple[Converted, ...]:
        """What can be made of these columns."""
        columns = [self.sample.column(path) for path in paths]
        known = self.codes.get(field.path, {})
        return convert(
            field, columns, self.trial, scorer=self.scorer, country=self.country, codes=known
        )


def options(bench: Bench, field: SchemaField, columns: Sequence[Candidate]) -> list[Option]:
    """All ways, the surest first."""
    likely = [c for c in columns if c.probability >= _LEAST_MATCH][:_MOST_COLUMNS]
    by_name = max((c.probability for c in likely if _same_name(field, c)), default=0.0)
    found = [Option(made, 1 - by_name, ()) for made in bench.convert(field, [])]
    if not likely or likely[0].probability < _SURE or not _same_name(field, likely[0]):
        found += _of_pairs(bench, field, columns)
        found += _of_addresses(bench, field, columns)
    for candidate in likely:
        found += _of_column(bench, field, candidate)
        if max((option.confidence for option in found), default=0.0) >= _ENOUGH:
            break
    return sorted(found, key=lambda o: (-o.confidence, o.converted.expression))


def _same_name(field: SchemaField, candidate: Candidate) -> bool:
    return plain_name(candidate.column.rpartition(".")[2]) == plain_name(field.name)


def _of_column(bench: Bench, field: SchemaField, candidate: Candidate) -> Iterator[Option]:
    for made in bench.convert(field, [candidate.column])[:_OF_ONE]:
        if made.kind != "constant":
            yield Option(made, candidate.probability, candidate.reasons)


def _of_addresses(
    bench: Bench, field: SchemaField, columns: Sequence[Candidate]
) -> Iterator[Option]:
    """A part of what a column says that it is: no name of a part is like that of the whole."""
    for candidate in columns:
        name = candidate.column.rpartition(".")[2]
        if not NAMES & set(words_of(name)):
            continue
        for made in bench.convert(field, [candidate.column]):
            if made.kind == "part":
                yield Option(made, max(candidate.probability, _TOGETHER), ())


def _of_pairs(bench: Bench, field: SchemaField, columns: Sequence[Candidate]) -> Iterator[Option]:
    """First and last name, date and time: two columns that make one field."""
    order = [c.path for c in bench.sample.columns].index
    near, known = (
        sorted((c.column for c in columns[:most]), key=order) for most in (_NEIGHBOURS, _NAMED)
    )
    named = (pair for pair in combinations(known, 2) if _are_named(bench, field, pair))
    for pair in dict.fromkeys((*combinations(near, 2), *named)):
        for made in bench.convert(field, pair)[:_OF_ONE]:
            if made.kind == "concat" and made.probability >= _TOLD_BY_NAMES:
                yield Option(made, _TOGETHER, ())


def _are_named(bench: Bench, field: SchemaField, pair: Sequence[str]) -> bool:
    columns = [bench.sample.column(path) for path in pair]
    return belong([Facts(c, c.values, "text") for c in columns], Want(field))
