"""The values that PostgreSQL's binary COPY wants in a form that Arrow has no type for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import Encoder
from lume_dagster.connectors.sql.encoders import as_json_text, as_text

if TYPE_CHECKING:
    from sqlglot import exp


def _binary_jsonb(value: exp.Expr) -> exp.Expr:
    """The binary form of jsonb: the number of its format, 1, and the text."""
    from sqlglot import exp

    version = exp.Anonymous(this="chr", expressions=[exp.Literal.number(1)])
    return exp.DPipe(this=version, expression=as_text(value))


def _binary_uuid(value: exp.Expr) -> exp.Expr:
    """The binary form of uuid: its sixteen bytes."""
    from sqlglot import exp

    digits = exp.Anonymous(
        this="replace",
        expressions=[as_text(value), exp.Literal.string("-"), exp.Literal.string("")],
    )
    return exp.Anonymous(this="from_hex", expressions=[digits])


#: By the type of a column.
ENCODERS: Mapping[str, Encoder] = {
    "json": _binary_jsonb,
    "uuid": _binary_uuid,
    "record": as_text,
    "errors": as_json_text,
}
