"""Stream a query from PostgreSQL as Arrow batches through a cursor, so that memory stays bounded.

The query's parameter is bound by the server itself. A bound query that is fetched at once would be
held in memory whole; a cursor hands it over piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.postgres.session import run
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Connection

_CURSOR = "lume_batch"
_FIRST_ROWS, _MOST_ROWS, _PIECE_BYTES = 64, 10_000, 4 << 20
_MOST_DIGITS = 38
_TYPMOD, _TYPE = b"POSTGRESQL:typmod", b"POSTGRESQL:type"


def open_cursor(connection: Connection, query: str, source_path: str) -> None:
    """Declare the cursor in a read-only transaction."""
    run(connection, "SET TRANSACTION READ ONLY")
    # All rows are wanted: the planner must not favour the first ones.
    run(connection, "SET LOCAL cursor_tuple_fraction = 1.0")
    run(connection, f"DECLARE {_CURSOR} NO SCROLL CURSOR FOR {query}", (source_path,))


def pieces(connection: Connection) -> Iterator[pa.Table]:
    """The cursor's rows, at least one piece; about four megabytes each."""
    wanted = _FIRST_ROWS
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
        while True:
            cursor.execute(f"FETCH FORWARD {wanted} FROM {_CURSOR}")
            piece = cursor.fetch_arrow_table()
            yield _plain(piece)
            if piece.num_rows < wanted:
                return
            row_bytes = max(1, piece.nbytes // piece.num_rows)
            wanted = max(1, min(_MOST_ROWS, _PIECE_BYTES // row_bytes))


def _plain(piece: pa.Table) -> pa.Table:
    """The piece in types that Arrow itself knows; numbers exact, as decimals or as text."""
    import pyarrow as pa

    columns = [_plain_column(field, piece[i]) for i, field in enumerate(piece.schema)]
    fields = [pa.field(f.name, c.type) for f, c in zip(piece.schema, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _plain_column(field: pa.Field, values: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    if not _is_opaque(field.type):
        if any(_is_opaque(field.type.field(i).type) for i in range(field.type.num_fields)):
            raise _unreadable(field)
        return values
    metadata = field.metadata or {}
    if metadata.get(_TYPE) != b"numeric":
        raise _unreadable(field)
    text = pa.chunked_array([c.storage for c in values.chunks], type=field.type.storage_type)
    decimal = _declared_decimal(metadata)
    if decimal is None:
        return text
    try:
        return text.cast(decimal)
    except pa.ArrowInvalid as error:
        raise ConnectorError(
            f"The column {field.name!r} is declared {decimal} and holds something else: {error}",
            hint=f"cast it in the query: {field.name}::text",
        ) from error


def _declared_decimal(metadata: dict[bytes, bytes]) -> pa.DataType | None:
    """numeric(p,s) as Arrow's decimal; None where no precision is declared or none that fits."""
    import pyarrow as pa

    # A declared numeric has the type modifier ((p << 16) | s) + 4; s is eleven bits with a sign.
    modifier = int(metadata.get(_TYPMOD, b"-1")) - 4
    precision, scale = modifier >> 16 & 0xFFFF, (modifier & 0x7FF ^ 1024) - 1024
    fits = modifier >= 0 and 0 < precision <= _MOST_DIGITS and 0 <= scale <= precision
    return pa.decimal128(precision, scale) if fits else None


def _is_opaque(type_: Any) -> bool:
    return getattr(type_, "extension_name", None) == "arrow.opaque"


def _unreadable(field: pa.Field) -> ConnectorError:
    name = (field.metadata or {}).get(_TYPE, b"?").decode()
    return ConnectorError(
        f"The column {field.name!r} has the PostgreSQL type {name}, which has no form in Arrow.",
        hint=f"cast it in the query: {field.name}::text",
    )
