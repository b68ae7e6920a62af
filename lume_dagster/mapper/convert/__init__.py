"""From source columns to a target field without examples: candidate expressions, best first.

``convert`` proposes programs from what the field wants and how the values are written, tries each
on the sample in the engine, and judges what was lost. A value that obeys the schema is not yet the
right one: a program that loses something is never taken without a look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert.booleans import boolean_programs
from lume_dagster.mapper.convert.clocks import duration_programs
from lume_dagster.mapper.convert.constants import constant_programs
from lume_dagster.mapper.convert.enums import Scorer, code_programs, enum_programs, match_values
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


def convert(
    field: SchemaField,
    columns: Sequence[SampleColumn],
    trial: Trial,
    *,
    examples: Mapping[int, str | None] | None = None,
    scorer: Scorer | None = None,
    country: str | None = None,
) -> tuple[Converted, ...]:
    """The ways to make a field of some columns, the likeliest first; empty where there is none.

    Of several columns all are used together. ``examples`` are values known to be right, by row of
    the sample (or by item, inside a list). Seeds are those of the trial. ``scorer`` tells how alike
    two texts are in meaning, for code lists. ``country`` (``DE``) is where phone numbers without a
    code are from; without it they stay as they are.
    """
    want = Want(field)
    within = next((c.path for c in columns if "[]" in c.path), "")
    facts = [_facts(column, want, trial, within) for column in columns]
    programs = list(_programs(facts, want, trial, scorer, country))
    best: dict[str, Program] = {}
    for program in programs:
        known = best.get(program.expression)
        if known is None or program.prior > known.prior:
            best[program.expression] = program
    tried = trial.run(field, list(best), within)
    judged = [
        judge(program, each, facts, want, examples or {})
        for program, each in zip(best.values(), tried, strict=True)
    ]
    ranked = sorted(
        (one for one in judged if one is not None),
        key=lambda one: (-one.probability, len(one.expression), one.expression),
    )
    return _apart(ranked, field)


def _facts(column: SampleColumn, want: Want, trial: Trial, within: str) -> Facts:
    """The texts of a column; inside lists they are read anew, for items without it are not there."""
    if not within:
        return Facts(column, column.values, want.wanted, want.kept)
    text = SchemaField("text", "text", "string")
    tried = trial.one(text, f"CAST({column.reference} AS VARCHAR)", within)
    return Facts(column, tried.values or column.values, want.wanted, want.kept)


def _programs(
    facts: Sequence[Facts],
    want: Want,
    trial: Trial,
    scorer: Scorer | None,
    country: str | None,
) -> Iterator[Program]:
    yield from constant_programs(want, bool(facts))
    if not facts:
        return
    if len(facts) > 1:
        yield from joined_programs(facts, want)
    own = {f.column.path for f in facts}
    siblings = [
        Facts(c, c.values, "measure")
        for c in trial.sample.columns[:_MOST_SIBLINGS]
        if c.path not in own and not c.is_list
    ]
    factor = 1.0 if len(facts) == 1 else 0.5  # the others were meant to be used
    for program in _of_one(facts[0], want, siblings, trial, scorer, country):
        yield replace(program, prior=program.prior * factor)
    bare = facts[0].without_notes() if want.wanted != "text" else None
    if bare is not None:
        for program in _of_one(bare, want, siblings, trial, scorer, country):
            losses = (*program.losses, "What stands around the values is dropped.")
            yield replace(program, prior=program.prior * factor * 0.85, losses=losses)


def _of_one(
    facts: Facts,
    want: Want,
    siblings: Sequence[Facts],
    trial: Trial,
    scorer: Scorer | None,
    country: str | None,
) -> Iterator[Program]:
    """The programs for one column, by what the field wants."""
    field = want.field
    yield from lookup_programs(facts, want, trial.seeds, trial.folder)
    if field.enum is not None and len(field.enum) > 1:
        yield from enum_programs(facts, want, scorer)
        if field.type == "string":
            return
    if field.type == "boolean":
        yield from boolean_programs(facts, want)
    elif field.type in ("integer", "number"):
        yield from split_programs(facts, want)
        yield from duration_programs(facts, want)
        yield from year_programs(facts, want)
        yield from number_programs(facts, want, siblings)
    elif field.type == "array":
        yield from list_programs(facts, want)
    elif field.format in ("date", "date-time"):
        yield from temporal_programs(facts, want, siblings)
    elif field.format == "time":
        yield from time_programs(facts, want)
    elif field.type == "string":
        yield from _texts(facts, want, siblings, country)


_ASKED_FOR = 0.2  # what is left of a text as it is where the target asks for something made of it


def _texts(
    facts: Facts, want: Want, siblings: Sequence[Facts], country: str | None
) -> Iterator[Program]:
    """Programs for texts: what the target asks for by its words, then the text as it is."""
    special = [
        *code_programs(facts, want),
        *split_programs(facts, want),
        *written_date_programs(facts, want, siblings),
    ]
    yield from special
    asked = any(p.prior >= 0.5 for p in special)
    for program in text_programs(facts, want, country):
        yield replace(program, prior=program.prior * _ASKED_FOR) if asked else program


def _apart(ranked: Sequence[Converted], field: SchemaField) -> tuple[Converted, ...]:
    """The share of the first is no more than what the others leave; those of no use are left out."""
    kept = [one for one in ranked if one.probability >= 0.02 and one.valid > 0]
    return tuple(kept[:8])
