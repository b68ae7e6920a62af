"""Learn from records that a person says should come out so: learned, tried, and only then taken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.pick import pick_rows
from lume_dagster.errors import FlowError, InvalidRequestError, PlanError, counted, did_you_mean
from lume_dagster.flows.model import Flow
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.nodes import complete, expressions, with_node
from lume_dagster.mapper.sample import Sample, take_sample
from lume_dagster.mapper.workshop.documents import Taught
from lume_dagster.mapper.workshop.mapping import Record
from lume_dagster.mapper.workshop.pages import Rows
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.running import as_version, changed_flow
from lume_dagster.mapper.workshop.tools import Example, Learn

_MOST_TRIED = 20  # expressions tried for a field


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is taught: fields of a record, and how they should come out."""

    index: int
    source: Mapping[str, str | None]
    wanted: Mapping[str, Any]  # by path


def lesson_of(rows: Rows, schema: TargetSchema, index: int, mapped_record: Record) -> Lesson:
    """What a corrected record teaches.

    Raises:
        InvalidRequestError: no such record, no such field, or a field that cannot be taught so.
    """
    found = rows.at(index)
    wanted = dict(_wanted(mapped_record, schema.fields, ""))
    if not wanted:
        raise InvalidRequestError(
            "the corrected record says nothing.", hint="give the fields as they should come out."
        )
    return Lesson(index, dict(flat(found.source_record)), wanted)


def _wanted(
    record: Mapping[str, Any], fields: Sequence[SchemaField], within: str
) -> Iterator[tuple[str, Any]]:
    known = {field.name: field for field in fields}
    for name, value in record.items():
        field = known.get(name)
        if field is None:
            message = f"there is no target field {within}{name!r}."
            raise InvalidRequestError(message, hint=did_you_mean(name, known))
        if field.type == "object" and isinstance(value, Mapping):
            yield from _wanted(value, field.fields, f"{field.path}.")
        else:
            yield field.path, value


def flat(record: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str | None]]:
    """The values of a record by path, as texts; a list is its JSON."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", as_text(value)


def as_text(value: Any) -> str | None:
    """A value as a sample shows it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def with_lesson(
    taught: Mapping[str, Sequence[Taught]], lesson: Lesson
) -> dict[str, tuple[Taught, ...]]:
    """Everything taught, by field; of one record the last word counts.

    Raises:
        InvalidRequestError: two records that are alike should come out differently.
    """
    after = {path: tuple(examples) for path, examples in taught.items()}
    for path, value in lesson.wanted.items():
        new = Taught(index=lesson.index, source=lesson.source, wanted=as_text(value))
        others = tuple(t for t in after.get(path, ()) if t.index != lesson.index)
        rival = next((t for t in others if t.source == new.source and t.wanted != new.wanted), None)
        if rival is not None:
            raise InvalidRequestError(
                f"records {rival.index} and {new.index} are alike in every column, but {path} "
                f"should be {rival.wanted!r} in one and {new.wanted!r} in the other.",
                hint="no mapping does both; take one of them back.",
            )
        after[path] = (*others, new)
    return after


def learned(
    place: Place,
    flow: Flow,
    staged: StagedBatch,
    taught: Mapping[str, Sequence[Taught]],
    paths: Sequence[str],
) -> dict[str, str]:
    """For each field the expression that does what it was taught; fields that do it are left out.

    Raises:
        InvalidRequestError: for a field nothing was found that does it.
    """
    standing = expressions(flow.mapping, flow.target_schema)
    fields = {field.path: field for field in flow.target_schema.walk()}
    sample: Sample | None = None
    found: dict[str, str] = {}
    with TemporaryDirectory(dir=place.settings.scratch) as scratch:
        for path in paths:
            trial = _trial(place, flow, staged, fields[path], taught[path], Path(scratch) / path)
            current = standing.get(path)
            if current is not None and trial.does(current):
                continue
            sample = sample or take_sample(place.settings, staged)
            found[path] = _first_that_does(place.tools.learn, sample, trial)
    return found


def _first_that_does(learn: Learn | None, sample: Sample, trial: Trial) -> str:
    field, examples = trial.field, trial.taught
    if field.type in ("array", "object") or "[]" in field.path:
        raise InvalidRequestError(
            f"{field.path} lies in a list, or is one, and cannot be taught by a record.",
            hint="edit its mapping: {each: <list>, as: item, item: {...}}.",
        )
    if learn is None:
        raise InvalidRequestError(
            f"{field.path} does not come out so, and there is nothing here that learns.",
            hint="say how it is made in a mapper edit: an expression over source columns.",
        )
    shown = [Example(t.source, t.wanted) for t in examples]
    tried = list(learn(sample, field, shown))[:_MOST_TRIED]
    does = next((expression for expression in tried if trial.does(expression)), None)
    if does is not None:
        return does
    told = (
        counted(len(tried), "expression was tried", "expressions were tried")
        if tried
        else "nothing was found that is sure to do it"
    )
    raise InvalidRequestError(
        f"{field.path} cannot be learned from what was shown ({len(examples)}): {told}.",
        hint="correct another record of the same kind, or give an expression in a mapper edit.",
    )


def _trial(
    place: Place,
    flow: Flow,
    staged: StagedBatch,
    field: SchemaField,
    taught: Sequence[Taught],
    scratch: Path,
) -> Trial:
    order = sorted(taught, key=lambda t: t.index)
    rows = [t.index + 1 for t in order]
    picked = pick_rows(place.settings, staged, rows, scratch / "rows")
    return Trial(place, flow, field, order, picked, scratch)


@dataclass(frozen=True, slots=True)
class Trial:
    """Tries expressions for one field on the records it was taught with, by the real engine."""

    place: Place
    flow: Flow
    field: SchemaField
    taught: Sequence[Taught]  # by index
    picked: StagedBatch  # the records, in that order
    scratch: Path

    def does(self, expression: str) -> bool:
        """Whether all of those records come out as they should."""
        try:
            version = as_version(self.place, self._alone(expression), 1)
            with DuckDBEngine(self.place.settings) as engine:
                plan = engine.compile(version, self.picked)
                engine.transform(version, plan, self.picked, self.scratch / "run")
        except (FlowError, PlanError):  # an expression that cannot be carried out does nothing
            return False
        rows = Rows(self.place.settings, self.picked, self.scratch / "run")
        page = rows.page(1, max(1, self.picked.records)).items
        if len(page) != len(self.taught):  # a malformed record becomes nothing
            return False
        return all(
            m.mapped_record is not None and self._alike(self._value(m.mapped_record), t.wanted)
            for m, t in zip(page, self.taught, strict=True)
        )

    def _alike(self, value: str | None, wanted: str | None) -> bool:
        """Whether it is what is wanted, however numbers and points in time are written."""
        if value is None or wanted is None or value == wanted:
            return value == wanted
        if self.field.type in ("integer", "number"):
            try:
                return Decimal(value) == Decimal(wanted)
            except InvalidOperation:
                return False
        return self.field.format == "date-time" and value == wanted.replace("T", " ")

    def _alone(self, expression: str) -> Flow:
        """A flow with this field only, so that no other field rejects the record."""
        flow = self.flow
        alone = _only(flow.schema_, self.field.path.split("."))
        parsed = TargetSchema.parse(alone)
        mapping = with_node({}, parsed, self.field.path, expression)
        return changed_flow(
            flow, schema=alone, mapping=complete(mapping, parsed), rules=[], checks=[],
            errors={}, target={"connector": flow.target.connector, "table": flow.target.table},
        )  # fmt: skip

    def _value(self, record: Record | None) -> str | None:
        value: Any = record
        for part in self.field.path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return as_text(value)


def _only(schema: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The schema with the one field at the path, which may be missing."""
    name, *rest = path
    field = schema["properties"][name]
    return {
        "type": "object",
        "properties": {name: _only(field, rest) if rest else field},
    }


def index_of(rows: Rows, source_record: Mapping[str, Any]) -> int:
    """The index of the record that says what is given.

    Raises:
        InvalidRequestError: there is none among the job's.
    """
    index = rows.find(source_record)
    if index is None:
        raise InvalidRequestError(
            "the source record is none of the job's.",
            hint="name it by its index, or make a job of it: pipeline.create_job([record]).",
        )
    return index
