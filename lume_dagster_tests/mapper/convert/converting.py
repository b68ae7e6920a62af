"""Convert a column or several in a test, as the mapper would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.convert import Converted, convert
from lume_dagster.mapper.trial import Trial
from lume_dagster_tests.mapper.samples import sample_of, settings_of


def field_of(name: str = "f", **keywords: Any) -> SchemaField:
    """A field with these keywords."""
    return TargetSchema.parse({"type": "object", "properties": {name: keywords}}).fields[0]


def ways(
    folder: Path,
    field: SchemaField,
    columns: Mapping[str, Sequence[Any]],
    *,
    beside: Mapping[str, Sequence[Any]] | None = None,
    seeds: Mapping[str, Any] | None = None,
    **options: Any,
) -> tuple[Converted, ...]:
    """All that is proposed for the columns together."""
    every = {**columns, **(beside or {})}
    records = [dict(zip(every, row, strict=True)) for row in zip(*every.values(), strict=True)]
    sample = sample_of(folder, records)
    with Trial(settings_of(folder), sample, seeds=seeds or {}, folder=folder) as trial:
        return convert(field, [sample.column(name) for name in columns], trial, **options)


def values(
    folder: Path, field: SchemaField, texts: Sequence[Any], name: str = "x", **options: Any
) -> list[str | None]:
    """What the first proposal makes of each of a few different texts."""
    first = ways(folder, field, {name: texts}, **options)[0]
    after = {shown.before[name]: shown.after for shown in first.shown}
    return [after.get(text) for text in texts]
