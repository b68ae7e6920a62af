"""The values that PostgreSQL's binary COPY wants in a form that Arrow has no type for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import Encoder

if TYPE_CHECKING:
    from sqlglot import exp


def _binary_jsonb(value: exp.Expr) -> exp.Expr:
    """The binary form of jsonb: the number of its format, 1, and the text."""
    from sqlglot import exp

    version = exp.Anonymous(this="chr", expressions=[exp.Literal.number(1)])
    return exp.DPipe(this=version, expression=_text(value))


def _binary_uuid(value: exp.Expr) -> exp.Expr:
    """The binary form of uuid: its sixteen bytes."""
    from sqlglot import exp

    digits = exp.Anonymous(
        this="replace",
        expressions=[_text(value), exp.Literal.string("-"), exp.Literal.string("")],
    )
    return exp.Anonymous(this="from_hex", expressions=[digits])


def _json_text(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return _text(exp.Anonymous(this="to_json", expressions=[value]))


def _text(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.cast(value, "VARCHAR", dialect="duckdb")


#: By the type of a column.
ENCODERS: Mapping[str, Encoder] = {
    "json": _binary_jsonb,
    "uuid": _binary_uuid,
    "record": _text,
    "errors": _json_text,
}
