"""Fields that have but one value, whatever the source holds."""

from __future__ import annotations

from collections.abc import Iterator

from lume_dagster.mapper.convert.facts import Want, sql_text
from lume_dagster.mapper.convert.program import Program


def constant_programs(want: Want, has_columns: bool) -> Iterator[Program]:  # noqa: FBT001
    """The one value of an enum, or the default where there is no column."""
    field = want.field
    allowed = [c for c in field.enum or () if c is not None]
    if len(allowed) == 1:
        why = "The schema allows one value only."
        yield Program(literal(allowed[0]), "constant", 0.97, (why,))
    elif field.has_default and field.default is not None and not has_columns:
        why = "No column was found for it; this is the default of the schema."
        yield Program(literal(field.default), "constant", 0.9, (why,), review=True)


def literal(value: str | float | bool) -> str:  # noqa: FBT001 - a constant of the schema
    """A constant as an expression writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return sql_text(value) if isinstance(value, str) else str(value)
