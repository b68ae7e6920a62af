"""Stream a query from PostgreSQL as Arrow batches by binary COPY, so that memory stays bounded.

COPY takes no parameters. So the value is bound by the server as a setting of the transaction, and
the query asks for that setting wherever ``:source_path`` stands: its text never holds the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.postgres.session import run, set_local
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Connection, Cursor

_SETTING = "lume.source_path"
#: What stands in a query for the name of the batch: a text, like a bound value.
SOURCE_PATH = f"pg_catalog.current_setting('{_SETTING}')"

_PIECE_BYTES = 4 << 20
_MOST_DIGITS = 38
_TYPMOD, _TYPE = b"POSTGRESQL:typmod", b"POSTGRESQL:type"

#: A type in which Arrow itself knows a column, and how its values get it.
_Change = tuple["pa.DataType", Callable[["pa.Array"], "pa.Array"]]


def stream(
    connection: Connection, query: str, source_path: str
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The columns of one SELECT, and its rows in pieces of about four megabytes.

    The query is part of another, in a read-only transaction: it can be nothing but a SELECT.
    """
    import pyarrow as pa
    from adbc_driver_manager._reader import AdbcRecordBatchReader

    run(connection, "SET TRANSACTION READ ONLY")
    set_local(connection, {_SETTING: source_path})
    cursor = connection.cursor()
    size = {"adbc.postgresql.batch_size_hint_bytes": str(_PIECE_BYTES)}
    cursor.adbc_statement.set_options(**size)
    cursor.execute(f"SELECT * FROM (\n{query}\n) AS lume_rows")
    handle = cursor.fetch_arrow()
    # Not fetch_record_batch, whose errors have lost their SQLSTATE.
    reader = AdbcRecordBatchReader._import_from_c(handle.address)  # noqa: SLF001
    changes = [_change(field) for field in reader.schema]
    fields = zip(reader.schema.names, changes, strict=True)
    schema = pa.schema([(name, type_) for name, (type_, _) in fields])
    return schema, _plain(cursor, reader, schema, changes)


def _plain(
    cursor: Cursor,
    reader: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    changes: Sequence[_Change],
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with cursor:  # the reader ends with it
        for batch in reader:
            arrays = [change(array) for (_, change), array in zip(changes, batch, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _change(field: pa.Field) -> _Change:
    """How a column comes to a type that Arrow itself knows: numbers exact, as decimals or text."""
    if not _is_opaque(field.type):
        if any(_is_opaque(field.type.field(i).type) for i in range(field.type.num_fields)):
            raise _unreadable(field)
        return field.type, lambda array: array
    metadata = field.metadata or {}
    if metadata.get(_TYPE) != b"numeric":
        raise _unreadable(field)
    decimal = _declared_decimal(metadata)
    if decimal is None:
        return field.type.storage_type, lambda array: array.storage
    return decimal, lambda array: _as_decimal(field.name, array, decimal)


def _as_decimal(name: str, array: pa.Array, decimal: pa.DataType) -> pa.Array:
    import pyarrow as pa

    try:
        return array.storage.cast(decimal)
    except pa.ArrowInvalid as error:
        raise ConnectorError(
            f"The column {name!r} is declared {decimal} and holds something else: {error}",
            hint=f"cast it in the query: {name}::text",
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
