"""The columns of mapped rows, as far as the flow alone decides them."""

from __future__ import annotations

from dataclasses import replace

from lume_dagster.flows.model import Flow, Handling
from lume_dagster.flows.schema import SchemaField
from lume_dagster.plan.plan import MappedColumn


def target_columns(flow: Flow) -> tuple[MappedColumn, ...]:
    """The columns in order, without what they are made from, which is for each batch to say."""
    return tuple(target_column(flow, field) for field in flow.target_schema.fields)


def target_column(flow: Flow, field: SchemaField) -> MappedColumn:
    """The column of a field."""
    wanted = as_required(flow, field)
    tolerant = severity_of(flow, field.path, "required") == "warn"
    return MappedColumn(
        name=field.name,
        type=field.column_type,
        nullable=tolerant or not wanted.required or wanted.nullable,
        description=field.description,
        sources=(),
        seeds=(),
    )


def as_required(flow: Flow, field: SchemaField) -> SchemaField:
    """The field as rows must fill it: what is part of the key is never absent."""
    if field.name in flow.target.key:
        return replace(field, required=True, nullable=False)
    return field


def severity_of(flow: Flow, path: str, keyword: str) -> Handling:
    """What breaking a keyword of the schema does to a row."""
    handling = flow.errors.handling
    return handling.get(f"{path}.{keyword}") or handling.get(keyword) or "reject"
