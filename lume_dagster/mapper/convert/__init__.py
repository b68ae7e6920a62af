"""From source columns to a target field without examples: candidate expressions, best first.

``convert`` proposes programs from what the field wants and how the values are written, tries each
on the sample in the engine, and judges what was lost. A value that obeys the schema is not yet the
right one: a program that loses something is never taken without a look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert.addresses import address_programs
from lume_dagster.mapper.convert.booleans import boolean_programs
from lume_dagster.mapper.convert.clocks import duration_programs
from lume_dagster.mapper.convert.codes import code_programs
from lume_dagster.mapper.convert.constants import constant_programs
from lume_dagster.mapper.convert.enums import Scorer, enum_programs, match_values
from lume_dagster.mapper.convert.facts import Facts, Want
from lume_dagster.mapper.convert.judge import judge
from lume_dagster.mapper.convert.lists import list_programs
from lume_dagster.mapper.convert.lookups import lookup_programs
from lume_dagster.mapper.convert.moments import (
    temporal_programs,
    time_programs,
    written_date_programs,
    year_programs,
)
from lume_dagster.mapper.convert.numbers import number_programs
from lume_dagster.mapper.convert.parts import joined_programs, split_programs
from lume_dagster.mapper.convert.periods import period_programs
from lume_dagster.mapper.convert.program import (
    AUTO_FROM,
    Code,
    Confidence,
    Converted,
    Loss,
    Program,
)
from lume_dagster.mapper.convert.texts import text_programs
from lume_dagster.mapper.sample import SampleColumn
from lume_dagster.mapper.trial import Trial

__all__ = [
    "AUTO_FROM",
    "Code",
    "Confidence",
    "Converted",
    "Loss",
    "Scorer",
    "convert",
    "match_values",
]

_MOST_SIBLINGS = 60
_MOST_SHOWN = 8
_LEAST = 0.01  # what is less likely is not worth a line


def convert(  # noqa: PLR0913 - all but three by name
    field: SchemaField,
    columns: Sequence[SampleColumn],
    trial: Trial,
    *,
    examples: Mapping[int, str | None] | None = None,
    scorer: Scorer | None = None,
    country: str | None = None,
    codes: Mapping[str, str] | None = None,
) -> tuple[Converted, ...]:
    """The ways to make a field of some columns, the likeliest first; empty where there is none.

    Of several columns all are used together. ``examples`` are values known to be right, by row of
    the sample (or by item, inside a list). Seeds are those of the trial. ``scorer`` tells how alike
    two texts are in meaning, for code lists. ``country`` (``DE``) is where phone numbers without a
    code are from; without it they stay as they are. ``codes`` are what people say that values mean.
    """
    want = Want(field)
    within = next((c.path for c in columns if "[]" in c.path), "")
    facts = [_facts(column, want, trial, within) for column in columns]
    given = _Context(want, trial, _siblings(columns, trial), scorer, country, codes or {})
    best: dict[str, Program] = {}
    for program in _programs(facts, given):
        known = best.get(program.expression)
        if known is None or program.prior > known.prior:
            best[program.expression] = program
    tried = trial.run(field, list(best), within)
    judged = [
        judge(program, each, facts, examples or {})
        for program, each in zip(best.values(), tried, strict=True)
    ]
    ranked = sorted(
        (one for one in judged if one is not None),
        key=lambda one: (-one.probability, len(one.expression), one.expression),
    )
    return tuple(one for one in ranked if one.probability >= _LEAST and one.valid > 0)[:_MOST_SHOWN]


def _facts(column: SampleColumn, want: Want, trial: Trial, within: str) -> Facts:
    """The texts of a column; inside lists they are read anew, one for each item."""
    if not within:
        return Facts(column, column.values, want.wanted, want.kept)
    text = SchemaField("text", "text", "string")
    tried = trial.one(text, f"CAST({column.reference} AS VARCHAR)", within)
    return Facts(column, tried.values or column.values, want.wanted, want.kept)


def _programs(facts: Sequence[Facts], given: _Context) -> Iterator[Program]:
    yield from constant_programs(given.want, bool(facts))
    if not facts:
        return
    if len(facts) > 1:
        yield from joined_programs(facts, given.want)
    factor = 1.0 if len(facts) == 1 else 0.5  # the others were meant to be used
    for program in _of_one(facts[0], given):
        yield replace(program, prior=program.prior * factor)
    bare = facts[0].without_notes() if given.want.wanted != "text" else None
    if bare is not None:
        for program in _of_one(bare, given):
            losses = (*program.losses, "What stands around the values is dropped.")
            yield replace(program, prior=program.prior * factor * 0.85, losses=losses)


def _siblings(columns: Sequence[SampleColumn], trial: Trial) -> list[Facts]:
    """The other columns of the sample: they may show how dates and numbers are written here."""
    own = {column.path for column in columns}
    others = [c for c in trial.sample.columns if c.path not in own and not c.is_list]
    return [Facts(c, c.values, "measure") for c in others[:_MOST_SIBLINGS]]


@dataclass(frozen=True)
class _Context:
    """What is the same for all programs of a field."""

    want: Want
    trial: Trial
    siblings: Sequence[Facts]
    scorer: Scorer | None
    country: str | None
    codes: Mapping[str, str]


def _of_one(facts: Facts, given: _Context) -> Iterator[Program]:
    """The programs for one column, by what the field wants."""
    want = given.want
    found = list(lookup_programs(facts, want, given.trial.seeds, given.trial.folder))
    yield from found
    factor = _ASKED_FOR if any(p.prior >= 0.8 for p in found) else 1.0
    for program in _without_seeds(facts, given):
        yield replace(program, prior=program.prior * factor)


def _without_seeds(facts: Facts, given: _Context) -> Iterator[Program]:
    field, want = given.want.field, given.want
    several = field.enum is not None and len(field.enum) > 1
    if several:
        yield from enum_programs(facts, want, given.scorer, given.codes)
    if several and field.type == "string":
        return
    kind = field.format if field.format in _BY_FORMAT else field.type
    programs = _BY_FORMAT.get(kind or "") or _BY_TYPE.get(kind or "")
    if programs is not None:
        yield from programs(facts, given)


def _numbers(facts: Facts, given: _Context) -> Iterator[Program]:
    yield from split_programs(facts, given.want)
    yield from duration_programs(facts, given.want)
    yield from year_programs(facts, given.want)
    yield from period_programs(facts, given.want)
    yield from number_programs(facts, given.want, given.siblings)


def _moments(facts: Facts, given: _Context) -> Iterator[Program]:
    yield from period_programs(facts, given.want)
    yield from temporal_programs(facts, given.want, given.siblings)


_ASKED_FOR = 0.2  # what is left of a text as it is where the target asks for something made of it


def _texts(facts: Facts, given: _Context) -> Iterator[Program]:
    """Programs for texts: what the target asks for by its words, then the text as it is."""
    want = given.want
    special = [
        *code_programs(facts, want),
        *split_programs(facts, want),
        *address_programs(facts, want),
        *written_date_programs(facts, want, given.siblings),
    ]
    yield from special
    asked = any(p.prior >= 0.5 for p in special)
    for program in text_programs(facts, want, given.country):
        yield replace(program, prior=program.prior * _ASKED_FOR) if asked else program


_BY_FORMAT: Mapping[str, Callable[[Facts, _Context], Iterator[Program]]] = {
    "date": _moments,
    "date-time": _moments,
    "time": lambda facts, given: time_programs(facts, given.want),
}
_BY_TYPE: Mapping[str, Callable[[Facts, _Context], Iterator[Program]]] = {
    "boolean": lambda facts, given: boolean_programs(facts, given.want),
    "integer": _numbers,
    "number": _numbers,
    "array": lambda facts, _given: list_programs(facts),
    "string": _texts,
}
