"""Write a batch as Parquet, CSV or JSON Lines, and copy what ``merge`` keeps of older files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.batch_files import (
    Encoder,
    bindings,
    last_of_each_key,
    rows_per_batch,
    select_mapped,
    select_rejects,
)
from lume_dagster.connectors.protocol import Delivery
from lume_dagster.connectors.sql.ddl import (
    SYSTEM_COLUMNS,
    digits_of_fraction,
    mapped_columns,
)

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

_FEW = 2_048  # rows in 2 MB: they are of a kilobyte and more


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How rows become files of a format, and how ``merge`` copies those without changing a value.

    ``columns`` is the type to read every column as, where the file has none. Where a record is one
    line, ``line`` is the column that holds it: reading its numbers would round them. Texts have one
    thread: several would hold what they wrote until its turn comes, hundreds of megabytes, and take
    more CPU.
    """

    write: str
    read: str
    columns: str | None = None
    line: str | None = None
    copy: str | None = None  # how copied records are written, where that differs
    memory: str = "1GB"  # enough to write it, however many rows there are
    threads: int | None = None  # None: all there are


FORMATS: Mapping[str, FileFormat] = {
    "parquet": FileFormat(
        # A larger dictionary takes a fifth more CPU, and hardly a byte less.
        "FORMAT parquet, COMPRESSION zstd, DICTIONARY_SIZE_LIMIT 4096",
        "read_parquet($files, union_by_name = true)",
        memory="256MB",
    ),
    "csv": FileFormat(
        "FORMAT csv, HEADER true",
        "read_csv($files, auto_detect = false, header = true, delim = ',', quote = '\"', "
        "escape = '\"', allow_quoted_nulls = false, max_line_size = 33554432, columns = $columns)",
        columns="VARCHAR",
        threads=1,
    ),
    "jsonl": FileFormat(
        "FORMAT json",
        "read_json_objects($files, format = 'newline_delimited', maximum_object_size = 33554432)",
        line="json",
        # JSON escapes control characters, so nothing in a line is mistaken for a delimiter.
        copy="FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIM e'\\x01'",
        threads=1,
    ),
}


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """A batch in a target's format, in files that nobody has seen yet."""

    mapped: Path
    rejects: Path
    mapped_rows: int
    rejects_rows: int


def write_batch(
    connection: duckdb.DuckDBPyConnection, delivery: Delivery, folder: Path
) -> WrittenBatch:
    """Write a delivery's rows and rejects; ``merge`` brings the last row of each key."""
    encoders = _ENCODERS[delivery.format](delivery)
    nested = delivery.format != "csv"
    mapped = select_mapped(connection, delivery, encoders, nested=nested)
    if delivery.mode == "merge":
        mapped = last_of_each_key(mapped, delivery.key)
    rejects = select_rejects(connection, delivery, encoders)
    options = FORMATS[delivery.format].write + _bounds(connection, delivery)
    part = part_name(0, delivery.format)
    files = folder / "mapped" / part, folder / "rejects" / part
    mapped_rows = _write(connection, mapped, files[0], options, bindings(delivery, delivery.mapped))
    values = bindings(delivery, delivery.rejects)
    rejects_rows = _write(connection, rejects, files[1], options, values)
    return WrittenBatch(*files, mapped_rows, rejects_rows)


def copy_without_keys(
    connection: duckdb.DuckDBPyConnection,
    fresh: Path,
    old: Sequence[Path],
    old_columns: Sequence[tuple[str, str]],
    into: Path,
    delivery: Delivery,
) -> int:
    """Copy the old records whose key ``fresh`` does not bring; the number of records copied."""
    form = FORMATS[delivery.format]
    names = [column.name for column in mapped_columns(delivery.columns)]
    outputs = [_column("old", name) for name in ([form.line] if form.line else names)]
    reads = {side: form.read.replace("$", f"${side}_") + f" AS {side}" for side in ("old", "fresh")}
    query = (
        f"SELECT {', '.join(o.sql('duckdb') for o in outputs)} FROM {reads['old']} "
        f"ANTI JOIN {reads['fresh']} ON {_same_keys(form, delivery.key)}"
    )
    values: dict[str, Any] = {"old_files": [str(f) for f in old], "fresh_files": [str(fresh)]}
    if form.columns:
        old_names = [*(name for name, _ in old_columns), *(c.name for c in SYSTEM_COLUMNS)]
        values["old_columns"] = dict.fromkeys(old_names, form.columns)
        values["fresh_columns"] = dict.fromkeys(names, form.columns)
    return _write(connection, query, into, form.copy or form.write, values)


def part_name(number: int, file_format: str, attempt: str = "") -> str:
    """The name of a data file; ``attempt`` makes it one that was never used before."""
    return f"part-{number:04d}{attempt and f'-{attempt}'}.{file_format}"


def _bounds(connection: duckdb.DuckDBPyConnection, delivery: Delivery) -> str:
    """Keep memory bounded; the options for rows so wide that few of them fill it.

    A writer holds rows by number, not by size.
    """
    few, threads = rows_per_batch(delivery.mapped), FORMATS[delivery.format].threads
    wide = few < _FEW
    if wide or threads is not None:
        connection.execute("SET threads = $1", [1 if wide else threads])
    return (
        f", ROW_GROUP_SIZE {max(_FEW, few * 16)}" if wide and delivery.format == "parquet" else ""
    )


def _same_keys(form: FileFormat, keys: Sequence[str]) -> str:
    from sqlglot import exp

    tests = [
        exp.NullSafeEQ(this=_key(form, "old", key), expression=_key(form, "fresh", key))
        for key in keys
    ]
    return exp.and_(*tests).sql("duckdb")


def _key(form: FileFormat, side: str, name: str) -> exp.Expr:
    from sqlglot import exp

    if form.line is None:
        return _column(side, name)
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    parts = [_column(side, form.line), exp.Literal.string(pointer)]
    return exp.Anonymous(this="json_extract_string", expressions=parts)


def _column(side: str, name: str) -> exp.Column:
    from sqlglot import exp

    return exp.column(name, table=side, quoted=True)


def _write(
    connection: duckdb.DuckDBPyConnection,
    rows: exp.Select | str,
    file: Path,
    options: str,
    values: dict[str, Any],
) -> int:
    from sqlglot import exp

    file.parent.mkdir(parents=True, exist_ok=True)
    query = rows if isinstance(rows, str) else rows.sql("duckdb")
    place = exp.Literal.string(str(file)).sql("duckdb")
    done = connection.execute(f"COPY ({query}) TO {place} ({options})", values)
    row = done.fetchone()
    return int(row[0]) if row else 0


def _as_json(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.Anonymous(this="to_json", expressions=[value])


def _zero_before_the_point(digits: int) -> Encoder:
    """The engine writes 0.25 as .25 where no digit may stand before the point: that is no JSON."""

    def encode(value: exp.Expr) -> exp.Expr:
        from sqlglot import exp

        return exp.cast(value, f"DECIMAL({digits + 1}, {digits})", dialect="duckdb")

    return encode


def _json_encoders(delivery: Delivery) -> dict[str, Encoder]:
    found = ((column.type, digits_of_fraction(column)) for column in delivery.columns)
    return {type_: _zero_before_the_point(digits) for type_, digits in found if digits}


#: By the format: how columns of some types are written.
_ENCODERS: Mapping[str, Callable[[Delivery], Mapping[str, Encoder]]] = {
    "parquet": lambda _: {},
    "csv": lambda _: {"errors": _as_json},
    "jsonl": _json_encoders,
}
