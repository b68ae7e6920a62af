"""Stream a query from PostgreSQL as Arrow batches by binary COPY, so that memory stays bounded.

COPY takes no parameters. So the value is bound by the server as a setting of the transaction, and
the query asks for that setting wherever ``:source_path`` stands: its text never holds the value.
"""

from __future__ import annotations

import re
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
_UNKNOWN = b"unnamed<"  # how the client begins the name of a type that it only knows the number of

#: What the client reads as something else than it is (hundredths, a signed number, bytes that are
#: no text, a row of no known columns), and the cast to write.
_MISREAD = {b"money": "numeric", b"oid": "bigint", b"char": "text", b"record": "text"}
_PLAIN = re.compile("[a-z_][a-z0-9_]*")
#: The first day that PostgreSQL knows, in 4714 BC; nothing lies before it.
_FIRST_DAY, _DAY_MICROS = -2_440_588, 86_400_000_000

#: A type in which Arrow itself knows a column, and how its values get it.
_Change = tuple["pa.DataType", Callable[["pa.Array"], "pa.Array"]]


def only_read(connection: Connection, source_path: str) -> None:
    """Let the transaction read only, and know the name of the batch."""
    run(connection, "SET TRANSACTION READ ONLY")
    set_local(connection, {_SETTING: source_path})


def has_unknown_types(connection: Connection, query: str) -> bool:
    """Whether a column of the query has a type that the session does not know: it is not run."""
    with connection.cursor() as cursor:
        columns = cursor.adbc_execute_schema(_selected(query))
    return any((c.metadata or {}).get(_TYPE, b"").startswith(_UNKNOWN) for c in columns)


def stream(connection: Connection, query: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The columns of one SELECT, and its rows in pieces of about four megabytes.

    The query is part of another, in a read-only transaction: it can be nothing but a SELECT.
    """
    import pyarrow as pa
    from adbc_driver_manager._reader import AdbcRecordBatchReader

    cursor = connection.cursor()
    size = {"adbc.postgresql.batch_size_hint_bytes": str(_PIECE_BYTES)}
    cursor.adbc_statement.set_options(**size)
    cursor.execute(_selected(query))
    handle = cursor.fetch_arrow()
    # Not fetch_record_batch, whose errors have lost their SQLSTATE.
    reader = AdbcRecordBatchReader._import_from_c(handle.address)  # noqa: SLF001
    changes = [_change(field) for field in reader.schema]
    fields = zip(reader.schema.names, changes, strict=True)
    schema = pa.schema([(name, type_) for name, (type_, _) in fields])
    return schema, _plain(cursor, reader, schema, changes)


def _selected(query: str) -> str:
    return f"SELECT * FROM (\n{query}\n) AS lume_rows"


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
    if (field.metadata or {}).get(_TYPE, b"").removeprefix(b"_") in _MISREAD:
        raise _unreadable(field)
    if not _is_opaque(field.type):
        if _days_of(field.type) is not None:
            return field.type, lambda array: _refuse_infinity(field.name, array)
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


def _days_of(type_: pa.DataType) -> pa.DataType | None:
    """The type of a column's dates or timestamps, those in a list too."""
    import pyarrow as pa

    inner = type_.value_type if pa.types.is_list(type_) else type_
    return inner if pa.types.is_date32(inner) or pa.types.is_timestamp(inner) else None


def _refuse_infinity(name: str, array: pa.Array) -> pa.Array:
    """Dates may be infinite, or too late for Arrow: the client makes a day before all others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    days = array.flatten() if pa.types.is_list(array.type) else array
    number, first = (pa.int32(), 1) if pa.types.is_date32(days.type) else (pa.int64(), _DAY_MICROS)
    least = pc.min(days.view(number)).as_py() if len(days) else None
    if least is not None and least < _FIRST_DAY * first:
        raise ConnectorError(
            f"The column {name!r} holds a date that is none to others: infinity, or a time after "
            "the year 294246.",
            hint=f"say in the query what it means: NULLIF({_quoted(name)}, 'infinity')",
        )
    return array


def _as_decimal(name: str, array: pa.Array, decimal: pa.DataType) -> pa.Array:
    import pyarrow as pa

    try:
        return array.storage.cast(decimal)
    except pa.ArrowInvalid as error:
        raise ConnectorError(
            f"The column {name!r} is declared {decimal} and holds something else: {error}",
            hint=f"cast it in the query: {_quoted(name)}::text",
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
        hint=f"cast it in the query: {_quoted(field.name)}::{_MISREAD.get(name.encode(), 'text')}",
    )


def _quoted(name: str) -> str:
    """A column as a query names it."""
    from sqlglot import exp

    return name if _PLAIN.fullmatch(name) else exp.to_identifier(name, quoted=True).sql("postgres")
