"""Make a draft: field by field in the order of the schema, lists before what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.embedding import load_embedding
from lume_dagster.mapper.generate.choose import nothing, proposed
from lume_dagster.mapper.generate.figures import figure_options
from lume_dagster.mapper.generate.kept import kept, made_list, without_empty_lists
from lume_dagster.mapper.generate.lists import item_matches, list_around, source_lists
from lume_dagster.mapper.generate.memory import knowing, remembered_options
from lume_dagster.mapper.generate.options import Bench, Option, options
from lume_dagster.mapper.generate.other_parts import with_other_parts
from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import match
from lume_dagster.mapper.match.core import Candidate, FieldMatch, candidates
from lume_dagster.mapper.nodes import with_node
from lume_dagster.mapper.proposal import Beside, Draft, Proposal
from lume_dagster.mapper.review import Remembered
from lume_dagster.mapper.sample import Sample
from lume_dagster.mapper.trial import Trial

if TYPE_CHECKING:
    from lume_dagster.mapper.generate import Generator


@dataclass(frozen=True, slots=True)
class Given:
    """What people have decided: of these fields, and of the same ones elsewhere; and the flow."""

    pinned: Mapping[str, Any]
    memory: Sequence[Remembered]
    beside: Beside


@dataclass(frozen=True)
class _Work:
    """What is known while the fields of a draft are made."""

    bench: Bench
    matches: Mapping[str, FieldMatch]
    lists: Mapping[str, str]  # target lists of objects, and the source lists they are made from
    given: Given


def make_draft(
    generator: Generator,
    sample: Sample,
    schema: TargetSchema,
    given: Given,
) -> Draft:
    """The draft; see Generator."""
    beside = given.beside
    knowledge = knowing(generator.knowledge or default_knowledge(), given.memory)
    knowledge = knowledge.remembering(beside.names) if beside.names else knowledge
    found = match(sample, schema, knowledge=knowledge)
    matches = {one.field: one for one in found}
    with Trial(
        generator.settings, sample, beside.seeds, beside.folder, beside.nulls, beside.also_called
    ) as trial:
        bench = Bench(sample, trial, meaning_scorer(), generator.country, beside.codes)
        lists = source_lists(sample, schema, matches)
        matches |= item_matches(sample, schema, lists, knowledge)
        work = _Work(bench, matches, lists, given)
        fields = {field.path: field for field in _wanted(schema)}
        proposals = tuple(_made(work, field) for field in fields.values())
        proposals = with_other_parts(bench, fields, proposals)
        if generator.proposer is not None:
            from lume_dagster.mapper.generate.asking import Asking, asked

            asking = Asking(generator.proposer, bench, schema, matches, lists)
            proposals = asked(asking, proposals)
        proposals = without_empty_lists(sample, schema, proposals)
    return Draft(
        proposals=proposals,
        mapping=_mapping(schema, proposals),
        unused=_unused(sample, proposals),
        made_by=found[0].made_by if found else "",
    )


def _wanted(schema: TargetSchema) -> Iterator[SchemaField]:
    """What has an expression of its own: all but objects, and plain items, which are their list."""
    for field in schema.walk():
        if field.type != "object" and not field.path.endswith("[]"):
            yield field


def _made(work: _Work, field: SchemaField) -> Proposal:
    around = list_around(field.path)
    source_list = work.lists.get(around, "")
    if field.path in work.given.pinned:
        return kept(work.bench, field, str(work.given.pinned[field.path]), source_list)
    if field.path in work.lists:
        told = candidates(work.matches.get(field.path))
        inside = [m for p, m in work.matches.items() if list_around(p) == field.path]
        sure = [m.probability for m in inside if m.column is not None]
        return made_list(work.bench, field, work.lists[field.path], told, sure)
    if around and not source_list:
        return nothing(field, ())
    columns = _within(work, field, source_list)
    found = [
        *remembered_options(work.bench, field, columns, work.given.memory),
        *options(work.bench, field, columns),
    ]
    if not around:
        found += figure_options(work.bench, field, work.lists)
    return proposed(field, sorted(found, key=_by_confidence))


def _by_confidence(option: Option) -> tuple[float, str]:
    return -option.confidence, option.converted.expression


def _within(work: _Work, field: SchemaField, source_list: str) -> list[Candidate]:
    """Columns that can be read where the field stands: in the same list, or in none."""
    return [
        candidate
        for candidate in candidates(work.matches.get(field.path))
        if list_around(candidate.column) == source_list
    ]


def _mapping(schema: TargetSchema, proposals: Sequence[Proposal]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    made = {p.path: p.expression for p in proposals if p.expression is not None}
    for path, expression in made.items():
        around = list_around(path)
        if not around or around in made:
            mapping = with_node(mapping, schema, path, expression)
    return mapping


def _unused(sample: Sample, proposals: Sequence[Proposal]) -> tuple[str, ...]:
    used = {source for p in proposals for source in p.sources}
    return tuple(
        column.path
        for column in sample.columns
        if column.path not in used and column.path.removesuffix("[]") not in used
    )


def meaning_scorer() -> Callable[[str, str], float]:
    """How near two texts are in meaning: -1 to 1."""
    embedding = load_embedding()
    known: dict[str, Any] = {}

    def vector(text: str) -> Any:
        if text not in known:
            known[text] = embedding.vectors([text])[0]
        return known[text]

    def score(one: str, other: str) -> float:
        return float(np.dot(vector(one), vector(other)))

    return score
