"""The original row of a reject, as one JSON object.

The engine sets aside some 200 KB for each column that a function takes, whatever the rows hold: a
wide object is put together of slices, which are made one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from lume_dagster.plan.chain import ROW
from lume_dagster.plan.plan import SourceColumn
from lume_dagster.plan.sql import Sql, alias, call, cast, column, number, text

_SLICE = 500  # columns


def with_original(query: exp.Select, columns: Sequence[SourceColumn], bad: str) -> exp.Select:
    """A SELECT from ``chain`` with the column ``original``; ``bad`` holds the rows in question."""
    if len(columns) <= _SLICE:
        return query.select(alias(_object(columns), "original"))
    pieces: list[Sql] = []
    for place in range(0, len(columns), _SLICE):
        name = f"o{len(pieces)}"
        inside = call(
            "array_slice", _object(columns[place : place + _SLICE]), number(2), number(-2)
        )
        rows = exp.select(column(ROW), alias(inside, "t")).from_("staged")
        rows = rows.join(exp.to_table(bad), using=[ROW], join_type="semi")
        same = exp.EQ(this=exp.column(ROW, table=name), expression=exp.column(ROW, table="chain"))
        query = query.join(rows.subquery(name), on=same, join_type="left")
        pieces.append(exp.column("t", table=name))
    whole = call("concat", text("{"), call("concat_ws", text(","), *pieces), text("}"))
    return query.select(alias(whole, "original"))


def _object(columns: Sequence[SourceColumn]) -> Sql:
    parts = [part for c in columns for part in (text(c.name), _value(c))]
    return cast(call("json_object", *parts), "VARCHAR")


def _value(source: SourceColumn) -> Sql:
    raw = column(source.id)
    return raw if source.type in ("JSON", "VARCHAR") else call("to_json", raw)
