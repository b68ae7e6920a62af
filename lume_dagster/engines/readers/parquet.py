"""Stage Parquet files and what came from a database: columns keep their types, as c0, c1, ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from lume_dagster.engines.batch import StagedBatch, StagedColumn, StagedFile
from lume_dagster.engines.parquet_options import staged_parquet
from lume_dagster.engines.readers.files import PlainFile
from lume_dagster.engines.readers.one_table import refuse_strangers
from lume_dagster.engines.readers.staging import Staging, first_rows, staged_file
from lume_dagster.engines.readers.stream import MOST_DIGITS, write_stream
from lume_dagster.errors import BatchError

if TYPE_CHECKING:
    import duckdb

    from lume_dagster.engines.readers.stream import Streamed


_ROWS_AT_ONCE = 16_384
#: There are points in time that the engine takes in, and dies of when it writes them.
_CHECKED = """CASE WHEN epoch_us({0}) < -9223372022400000000
    THEN error('a timestamp is earlier than any that can be written') ELSE {0} END"""
#: How columns of some types are staged: those of no flow as the texts they are written as.
_STAGED_AS = {
    **dict.fromkeys(('"NULL"', "TIME_NS", "TIME WITH TIME ZONE"), "{0}::VARCHAR"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"), _CHECKED),
}


def stage_parquet(staging: Staging) -> StagedBatch:
    """Read Parquet files as one table; columns are the union by name, types what holds them all."""
    heads = [_metadata(file) for file in staging.files]
    counts = [0 if head is None else int(head.num_rows) for head in heads]
    refuse_strangers(
        (file.source.uri, _schema(head).names)
        for file, head in zip(staging.files, heads, strict=True)
        if len(heads) > 1 and head is not None and head.num_rows
    )
    _refuse_bare(staging.files, heads)
    starts = first_rows(counts)
    filled = [
        _exact(staging, file, _schema(head))
        for file, head in zip(staging.files, heads, strict=True)
        if head is not None
    ]
    names: list[str] = []
    part = staging.part(0)
    if filled:
        names = _copy(staging, filled, part)
    columns = described(staging.connection, part, names) if filled else ()
    written = pq.read_metadata(part).num_rows if filled else 0
    if written != sum(counts):
        raise BatchError(
            f"The Parquet files say they hold {sum(counts):,} rows, but {written:,} were read.",
            hint="deliver the batch again.",
        )
    return StagedBatch(
        folder=staging.folder,
        columns=columns,
        files=tuple(
            staged_file(file, start, count, 0, part=part.name)
            for file, start, count in zip(staging.files, starts, counts, strict=True)
        ),
        parts=(part.name,) if filled else (),
        format="parquet",
    )


def _metadata(file: PlainFile) -> pq.FileMetaData | None:
    if not file.bytes:
        return None
    try:
        return pq.read_metadata(file.path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BatchError(
            f"{file.source.uri} is not a readable Parquet file: {str(error).rstrip('.')}.",
            hint="it may have been cut off while it was copied; deliver it again.",
        ) from error


def _refuse_bare(files: Sequence[PlainFile], heads: Sequence[pq.FileMetaData | None]) -> None:
    for file, head in zip(files, heads, strict=True):
        if head is not None and not head.num_columns:
            raise BatchError(
                f"{file.source.uri} has no column.",
                hint="deliver it with its columns, or take it out of the batch.",
            )


def _schema(head: pq.FileMetaData) -> pa.Schema:
    """The columns; none where Arrow does not know a type, and the engine has the word."""
    try:
        return head.schema.to_arrow_schema()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.schema([])


def _exact(staging: Staging, file: PlainFile, schema: pa.Schema) -> PlainFile:
    """The file, written anew with texts where it has decimals that the engine would round."""
    for field in schema:
        _refuse_long_inside(file, field.name, field.type)
    if not any(_is_too_long(field.type) for field in schema):
        return file
    into = staging.scratch / f"exact-{file.path.name}"
    source = pq.ParquetFile(file.path)
    with (
        source,
        pa.RecordBatchReader.from_batches(
            source.schema_arrow, source.iter_batches(_ROWS_AT_ONCE)
        ) as reader,
    ):
        write_stream(reader, into, schema.names)
    return replace(file, path=into)


def _is_too_long(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.Decimal256Type) and kind.precision > MOST_DIGITS


def _refuse_long_inside(file: PlainFile, name: str, kind: pa.DataType) -> None:
    for place in range(kind.num_fields):
        inner = kind.field(place).type
        if _is_too_long(inner):
            raise BatchError(
                f"{file.source.uri}: the column {name!r} holds {inner}, of more than"
                f" {MOST_DIGITS} digits, inside of {kind}.",
                hint="deliver those numbers as texts, or in a column of their own",
            )
        _refuse_long_inside(file, name, inner)


#: What to do, by what the engine says.
_HINTS = (
    (
        ("imestamp",),
        "a point in time lies beyond the years 290308 BC to 294246: deliver it as a text, or NULL.",
    ),
    (("encrypted",), "have it delivered without encryption."),
    (("UTF8",), "texts of Parquet files are UTF-8; other bytes belong in a column of bytes."),
    (
        ("Binder Error", "Conversion Error", "Not implemented", "type mismatch", "cast"),
        "columns of one name must have types that fit together.",
    ),
)


def _refusal(told: str) -> BatchError:
    hints = (hint for marks, hint in _HINTS if any(mark in told for mark in marks))
    return BatchError(
        f"The Parquet files of this batch cannot be read as one table: {told}",
        hint=next(hints, "a file may have been damaged while it was copied; deliver it again."),
    )


def _copy(staging: Staging, files: Sequence[PlainFile], into: Path) -> list[str]:
    import duckdb

    paths = [str(file.path) for file in files]
    source = "read_parquet($paths, union_by_name = true, hive_partitioning = false)"
    try:
        described_columns = staging.connection.execute(
            f"DESCRIBE SELECT * FROM {source}", {"paths": paths}
        ).fetchall()
        names = [str(column[0]) for column in described_columns]
        aliases = ", ".join(f"c{place}" for place in range(len(names)))
        select = ", ".join(
            f"{_STAGED_AS.get(column[1], '{0}').format(f'c{place}')} AS c{place}"
            for place, column in enumerate(described_columns)
        )
        form = staged_parquet(len(names))
        staging.connection.execute(
            f"COPY (SELECT {select} FROM {source} AS t({aliases})) TO $into ({form})",
            {"paths": paths, "into": str(into)},
        )
    except (duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.FatalException):
        raise
    except duckdb.Error as error:
        raise _refusal(str(error).splitlines()[0]) from error
    return names


def described(
    connection: duckdb.DuckDBPyConnection, part: Path, names: Sequence[str]
) -> tuple[StagedColumn, ...]:
    """The columns of a part under their own names, with the types the engine reads them as."""
    rows = connection.execute("DESCRIBE SELECT * FROM read_parquet($1)", [str(part)]).fetchall()
    return tuple(
        StagedColumn(name, str(row[0]), str(row[1])) for name, row in zip(names, rows, strict=True)
    )


def stage_stream_into(
    connection: duckdb.DuckDBPyConnection, streamed: Streamed, uri: str, part: Path
) -> StagedBatch:
    """The batch that a written stream is."""
    file = StagedFile(
        uri=uri,
        version="",
        bytes=streamed.bytes,
        first_row=1,
        records=streamed.rows,
        malformed=0,
        details={"part": part.name},
    )
    columns = described(connection, part, streamed.names)
    return StagedBatch(part.parent, columns, (file,), (part.name,), "database")
