"""Which fields and columns go into one request: all at once if small, else short lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.model.values import Candidate, Edit, Question
from lume_dagster.mapper.sample import SampleColumn

SMALL_FIELDS = 60
SMALL_COLUMNS = 120
SHORTLIST = 5
_TOGETHER = 20  # fields of a large target in one request


@dataclass(frozen=True, slots=True)
class Batch:
    """The fields of one request, the columns it shows, and each field's candidates where short."""

    fields: tuple[SchemaField, ...]
    columns: tuple[SampleColumn, ...]
    shortlists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def batches(question: Question) -> tuple[Batch, ...]:
    """In schema order. In a large target, a field without candidates is in none of them."""
    if not question.fields or not question.columns:
        return ()
    if len(question.fields) <= SMALL_FIELDS and len(question.columns) <= SMALL_COLUMNS:
        return (Batch(question.fields, question.columns),)
    paths = {column.path for column in question.columns}
    short = {f.path: _short(question.candidates.get(f.path, ()), paths) for f in question.fields}
    listed = [f for f in question.fields if short[f.path]]
    groups = [listed[start : start + _TOGETHER] for start in range(0, len(listed), _TOGETHER)]
    return tuple(_batch(group, short, question.columns) for group in groups)


def _short(candidates: Sequence[Candidate], paths: set[str]) -> tuple[str, ...]:
    known = [candidate for candidate in candidates if candidate.column in paths]
    best = sorted(known, key=lambda candidate: (-candidate.score, candidate.column))
    return tuple(candidate.column for candidate in best[:SHORTLIST])


def _batch(
    group: Sequence[SchemaField],
    short: Mapping[str, tuple[str, ...]],
    columns: Sequence[SampleColumn],
) -> Batch:
    shown = {path for f in group for path in short[f.path]}
    kept = tuple(column for column in columns if column.path in shown)
    return Batch(tuple(group), kept, {f.path: short[f.path] for f in group})


def batch_of(edit: Edit, used: Sequence[str]) -> Batch:
    """The one field of an edit: the columns in use, the candidates, and as many more as fit."""
    first = dict.fromkeys((*used, *(candidate.column for candidate in edit.candidates)))
    ranks = {path: rank for rank, path in enumerate(first)}
    ordered = sorted(edit.columns, key=lambda column: ranks.get(column.path, len(ranks)))
    kept = {column.path for column in ordered[:SMALL_COLUMNS]}
    return Batch((edit.field,), tuple(c for c in edit.columns if c.path in kept))
