"""A place for tests: a library, a state folder, and small honest tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lume_dagster.client.pipelines import Pipeline
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.proposal import Beside, Draft, Proposal, Verdict
from lume_dagster.mapper.review import Remembered
from lume_dagster.mapper.sample import Sample
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.tools import Example, Tools

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "city": {"type": "string"},
        "state": {"type": "string", "enum": ["CA", "NY"]},
    },
}
RECORDS = [
    {"id": 1, "name": "Ada Byron", "city": "London ", "state": "CA"},
    {"id": 2, "name": "Max Born", "city": "Berlin", "state": "NY"},
    {"id": 3, "name": "Emmy Noether", "city": "Erlangen", "state": "CA"},
]


def by_equal_names(
    sample: Sample,
    schema: TargetSchema,
    *,
    pinned: Mapping[str, Any],
    memory: Sequence[Remembered],
    beside: Beside | None = None,
) -> Draft:
    """A generator: what is pinned or remembered, else the column of the same name, else none."""
    known = {column.path: column.reference for column in sample.columns}
    told = {m.field.path: m.expression for m in memory}
    proposals = []
    for field in schema.fields:
        expression = pinned.get(field.path) or told.get(field.path) or known.get(field.path)
        sure = 1.0 if expression else 0.0
        verdict = Verdict.AUTO if expression else Verdict.ABSTAIN
        proposals.append(
            Proposal(field.path, expression, (), sure, verdict, "identity" if sure else "none")
        )
    mapping = {p.path: p.expression for p in proposals if p.expression}
    return Draft(tuple(proposals), mapping, (), "equal-names 1")


def by_trying(sample: Sample, field: SchemaField, examples: Sequence[Example]) -> Sequence[str]:
    """A learner: each column as it is, trimmed, in capitals, and its first word."""
    ways = ("{0}", "trim({0})", "upper({0})", "split_part({0}, ' ', 1)")
    return [way.format(c.reference) for way in ways for c in sample.columns]


def place_in(folder: Path, **changes: Any) -> Place:
    (folder / "flows").mkdir(exist_ok=True)
    place = Place(
        flows=folder / "flows",
        state=folder / ".lume",
        author="Ada",
        threads=1,
        tools=Tools(generate=by_equal_names, learn=by_trying),
    )
    return replace(place, **changes)


def people_in(place: Place, name: str = "people", **schema: Any) -> Pipeline:
    return Pipeline.create(name, {**SCHEMA, **schema}, project=place)


def texts_in(folder: Path) -> str:
    """Everything that stands in the files of a folder."""
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    return "\n".join(f"{f.relative_to(folder)}\n{f.read_text()}" for f in files)
