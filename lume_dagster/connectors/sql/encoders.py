"""How values are written for systems that take them as text: UUIDs, JSON, reasons of rejects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import Encoder

if TYPE_CHECKING:
    from sqlglot import exp


def as_text(value: exp.Expr) -> exp.Expr:
    """The value's text."""
    from sqlglot import exp

    return exp.cast(value, "VARCHAR", dialect="duckdb")


def as_json_text(value: exp.Expr) -> exp.Expr:
    """The JSON text of a struct or a list."""
    from sqlglot import exp

    return as_text(exp.Anonymous(this="to_json", expressions=[value]))


#: By the type of a column.
AS_TEXT: Mapping[str, Encoder] = {
    "json": as_text,
    "uuid": as_text,
    "record": as_text,
    "errors": as_json_text,
}
