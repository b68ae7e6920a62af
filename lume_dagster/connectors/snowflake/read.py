"""Stream a query's rows from Snowflake as Arrow batches, with the types that the result declares.

Snowflake sends results in pieces, of which a few are fetched ahead: memory stays bounded. A piece
has the narrowest Arrow types its own rows need, so every piece is cast to the declared ones.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.snowflake.names import DIALECT, Spelling
from lume_dagster.connectors.sql.bound_query import bind_source_path, times_bound
from lume_dagster.errors import ConnectorError, FlowError

if TYPE_CHECKING:
    import pyarrow as pa
    from snowflake.connector import SnowflakeConnection
    from sqlglot import Token

_INT64_DIGITS = 18
_READS = {"SELECT", "WITH"}


def bound(query: str) -> tuple[str, int]:
    """The query with a placeholder for each ``:source_path``, and how many there are.

    Raises:
        FlowError: it is not one SELECT, or does not use ``:source_path``.
    """
    refuse_changes(query)
    return bind_source_path(query, "?", DIALECT), times_bound(query, DIALECT)


def stream(
    connection: SnowflakeConnection, query: str, values: Sequence[str], spell: Spelling
) -> tuple[pa.Schema, Generator[pa.RecordBatch, None, None]]:
    """The columns of a bound query, and its rows."""
    cursor = connection.cursor()
    cursor.execute(query, tuple(values))
    schema = _schema(cursor.description, spell)
    return schema, _batches(cursor, schema)


def _batches(cursor: Any, schema: pa.Schema) -> Generator[pa.RecordBatch, None, None]:
    with cursor:
        for piece in cursor.fetch_arrow_batches(force_microsecond_precision=True):
            yield from _as_declared(piece, schema).to_batches()


def _as_declared(piece: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = []
    for field, column in zip(schema, piece.columns, strict=True):
        try:
            columns.append(column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ConnectorError(
                f"The column {field.name!r} is declared {field.type} and came as {column.type}: "
                f"{error}",
                hint=f"cast it in the query: {field.name}::varchar",
            ) from error
    return pa.Table.from_arrays(columns, schema=schema)


def _schema(description: Sequence[Any], spell: Spelling) -> pa.Schema:
    import pyarrow as pa

    names = [spell(column.name) for column in description]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConnectorError(
            f"The query yields several columns called {', '.join(twice)}.",
            hint="give each a name of its own: SELECT a.id, b.id AS other_id",
        )
    types = [_arrow_type(column) for column in description]
    return pa.schema(list(zip(names, types, strict=True)))


def _arrow_type(column: Any) -> pa.DataType:
    """A result column's type. What Arrow has no form for (VARIANT, GEOGRAPHY) comes as text."""
    import pyarrow as pa
    from snowflake.connector.constants import FIELD_ID_TO_NAME

    name = FIELD_ID_TO_NAME[column.type_code]
    if name == "FIXED":
        whole = column.scale == 0 and column.precision <= _INT64_DIGITS
        return pa.int64() if whole else pa.decimal128(column.precision, column.scale)
    instant = pa.timestamp("us", "UTC")
    types = {
        "REAL": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "BINARY": pa.binary(),
        "DATE": pa.date32(),
        "TIME": pa.time64("us"),
        "TIMESTAMP_NTZ": pa.timestamp("us"),
        "TIMESTAMP_LTZ": instant,
        "TIMESTAMP_TZ": instant,
    }
    return types.get(name, pa.string())


def refuse_changes(query: str) -> None:
    """Refuse what is not one SELECT: Snowflake has no read-only transaction to run it in."""
    from sqlglot import TokenType
    from sqlglot.dialects import Dialect
    from sqlglot.errors import TokenError

    try:
        tokens = Dialect.get_or_raise(DIALECT).tokenize(query)
    except TokenError as error:
        raise FlowError(
            f"The source query cannot be read: {error}", hint="check its quotes and comments"
        ) from error
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    first = next((t for t in tokens if t.token_type != TokenType.L_PAREN), None)
    several = any(t.token_type == TokenType.SEMICOLON for t in tokens)
    if first is None or first.text.upper() not in _READS or several or _has_procedure(tokens):
        raise FlowError(
            "The source query is not one SELECT statement; a source only reads.",
            hint="begin it with SELECT or WITH, and write one statement",
        )


def _has_procedure(tokens: Sequence[Token]) -> bool:
    """Whether a WITH holds a procedure (``WITH p AS PROCEDURE ...``), which may do anything."""
    return any(
        (one.text.upper(), two.text.upper()) == ("AS", "PROCEDURE") for one, two in pairwise(tokens)
    )
