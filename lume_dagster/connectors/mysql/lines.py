"""A batch's rows as the text that MySQL loads, made in SQL by the embedded engine.

Two forms: the lines of LOAD DATA, and the rows of an INSERT for servers that forbid LOCAL. In an
INSERT every text is written as hexadecimal digits, so nothing of a value can be read as SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.batch_files import Encoder, bindings, rows_per_batch
from lume_dagster.connectors.protocol import Column, Delivery

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from sqlglot import exp

#: LOAD DATA's own marks: a tab between fields, a line feed after a row, backslash before either.
FORMAT = "FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'"
#: Characters that LOAD DATA reads otherwise than they are, by their code, and how it wants them.
_ESCAPES = ((92, "\\\\"), (9, "\\t"), (10, "\\n"), (0, "\\0"))

#: Types whose text may hold the marks.
_TEXTS = {"string", "json", "record", "errors"}
#: Types whose text is nothing but digits, a sign and a point.
_DIGITS = {"integer", "boolean", "decimal"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows on their way: a query of the embedded engine over the files of a delivery."""

    scratch: duckdb.DuckDBPyConnection
    delivery: Delivery
    files: Sequence[Path]
    columns: Sequence[Column]
    rows: exp.Select

    def lines(self) -> Iterator[pa.Array]:
        """The lines of LOAD DATA, as arrays of text whose bytes lie one after the other."""
        return self._stream(_line([_field(column) for column in self.columns], "\t", "", "\n"))

    def tuples(self) -> Iterator[pa.Array]:
        """The rows of an INSERT, each in brackets and before a comma."""
        return self._stream(_line([_literal(column) for column in self.columns], ",", "(", "),"))

    def _stream(self, line: exp.Expr) -> Iterator[pa.Array]:
        from sqlglot import exp

        query = exp.select(exp.alias_(line, "line")).from_(self.rows.subquery("batch"))
        values = bindings(self.delivery, self.files)
        relation = self.scratch.sql(query.sql("duckdb"), params=values)
        for batch in relation.to_arrow_reader(rows_per_batch(self.files)):
            if batch.num_rows:
                yield _plain(batch.column(0))


def _plain(array: pa.Array) -> pa.Array:
    """The texts in a form whose bytes lie one after the other."""
    import pyarrow as pa

    known = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    return array if known else array.cast(pa.large_string())


def text_of(array: pa.Array) -> memoryview:
    """All bytes of an array of texts without nulls."""
    bounds, data = bounds_of(array), array.buffers()[2]
    return memoryview(data or b"")[bounds[0] : bounds[-1]]


def bounds_of(array: pa.Array) -> Any:
    """Where each text of an array begins in its bytes, and where the last one ends."""
    import numpy as np
    import pyarrow as pa

    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    every = np.frombuffer(array.buffers()[1], width)
    return every[array.offset : array.offset + len(array) + 1]


def _line(fields: Sequence[exp.Expr], between: str, before: str, after: str) -> exp.Expr:
    separator = _text(between)
    parts = [part for field in fields for part in (separator.copy(), field)][1:]
    return _call("concat", *([_text(before)] if before else []), *parts, _text(after))


def _field(column: Column) -> exp.Expr:
    """A field of a line; NULL as LOAD DATA writes it."""
    value = _value(column)
    if column.type in _TEXTS:
        for code, written in _ESCAPES:
            value = _call("replace", value, _call("chr", _number(code)), _text(written))
    return _call("coalesce", value, _text("\\N"))


def _literal(column: Column) -> exp.Expr:
    """A value in an INSERT: digits as they are, any other text in hexadecimal."""
    from sqlglot import exp

    value = _value(column)
    if column.type.partition("(")[0] not in _DIGITS:
        opened = exp.DPipe(this=_text("_utf8mb4 X'"), expression=_call("hex", value))
        value = exp.DPipe(this=opened, expression=_text("'"))
    return _call("coalesce", value, _text("NULL"))


def _value(column: Column) -> exp.Expr:
    """A column of the batch as text."""
    from sqlglot import exp

    value: exp.Expr = exp.column(column.name, quoted=True)
    if column.type == "boolean":
        value = exp.cast(value, "TINYINT", dialect="duckdb")
    return exp.cast(value, "VARCHAR", dialect="duckdb")


def _call(function: str, *arguments: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.Anonymous(this=function, expressions=list(arguments))


def _text(text: str) -> exp.Expr:
    from sqlglot import exp

    return exp.Literal.string(text)


def _number(number: int) -> exp.Expr:
    from sqlglot import exp

    return exp.Literal.number(number)


#: The reasons of a reject become JSON before they become text.
ENCODERS: Mapping[str, Encoder] = {"errors": lambda value: _call("to_json", value)}
