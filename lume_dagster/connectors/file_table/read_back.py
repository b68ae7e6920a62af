"""Read the rows of a table of files back: manifests say which files, and of which types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_files import scratch_database
from lume_dagster.connectors.file_table.batches import HeldBatch
from lume_dagster.connectors.file_table.formats import FORMATS, FileFormat
from lume_dagster.connectors.protocol import Column, Reading
from lume_dagster.connectors.sql.ddl import DUCKDB_TYPES, SOURCE_PATH, mapped_columns, sql_type
from lume_dagster.errors import ConnectorError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

_BATCH_ROWS = 16_384
_FILES, _EXACT = "files", "exact_decimals"
_BLOCK_BYTES = 1 << 26  # longer than any line that is written


@contextmanager
def rows_of_files(
    held: Sequence[HeldBatch], paths: Sequence[Path], reading: Reading, memory_limit: str | None
) -> Iterator[pa.RecordBatchReader]:
    """The rows of the files of a table that holds such batches, as they lie in them.

    Without a limit, memory is what their format needs.
    """
    columns = _columns(held[0], reading)
    files = [str(path) for path in paths]
    form = FORMATS[held[0].format]
    query, values = _query(form, held[0], columns, files)
    with scratch_database(memory_limit or form.memory) as connection:
        if form.line and files and _decimals(columns):
            connection.register(_EXACT, _exact_decimals(files, columns))
            query += f" POSITIONAL JOIN {_EXACT}"
        reader = connection.sql(query, params=values or None).to_arrow_reader(_BATCH_ROWS)
        try:
            yield reader
        finally:
            reader.close()


def wanted_batches(where: str, held: Sequence[HeldBatch], reading: Reading) -> list[HeldBatch]:
    """The batches that a reading asks for and that have rows, in their order.

    Raises:
        ConnectorError: there is no table.
    """
    if not held:
        raise ConnectorError(
            f"There is no table at {where}.", hint="nothing was delivered into it yet"
        )
    paths = None if reading.source_paths is None else set(reading.source_paths)
    found = [
        batch
        for batch in held
        if batch.flow == reading.flow
        and batch.mapped_rows
        and (paths is None or batch.source_path in paths)
    ]
    return sorted(found, key=lambda batch: (batch.source_path, batch.version))


def _columns(held: HeldBatch, reading: Reading) -> list[Column]:
    """The columns asked for, and the batch's name."""
    there = mapped_columns([Column(name, type_) for name, type_ in held.columns])
    if reading.columns is None:
        return list(there)
    by_name = {column.name: column for column in there}
    unknown = [name for name in reading.columns if name not in by_name]
    if unknown:
        raise ConnectorError(
            f"The table {reading.table} has no column {unknown[0]!r}.",
            hint=did_you_mean(unknown[0], by_name),
        )
    return [by_name[name] for name in (*reading.columns, SOURCE_PATH)]


def _query(
    form: FileFormat, held: HeldBatch, columns: Sequence[Column], files: list[str]
) -> tuple[str, dict[str, object]]:
    from sqlglot import exp

    outputs = ", ".join(
        exp.alias_(_value(form, column), column.name, quoted=True).sql("duckdb")
        for column in columns
    )
    if not files:
        nothing = ", ".join(
            exp.alias_(_typed(exp.null(), column), column.name, quoted=True).sql("duckdb")
            for column in columns
        )
        return f"SELECT {nothing} WHERE false", {}
    values: dict[str, object] = {"files": files}
    if form.columns:
        names = [c.name for c in mapped_columns([Column(n, t) for n, t in held.columns])]
        values["columns"] = dict.fromkeys(names, form.columns)
    return f"SELECT {outputs} FROM {form.read} AS {_FILES}", values


def _value(form: FileFormat, column: Column) -> exp.Expr:
    """The column's value in its own type: a file without types is read as text, and cast."""
    from sqlglot import exp

    if form.line is None or _decimals([column]):
        stored = exp.column(column.name, table=_EXACT if form.line else _FILES, quoted=True)
        return stored if form.columns is None else _typed(stored, column)
    pointer = "/" + column.name.replace("~", "~0").replace("/", "~1")
    line = exp.column(form.line, table=_FILES, quoted=True)
    arguments = [line, exp.Literal.string(pointer)]
    function = "json_extract" if column.type == "json" else "json_extract_string"
    return _typed(exp.Anonymous(this=function, expressions=arguments), column)


def _decimals(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if column.type.startswith("decimal")]


def _exact_decimals(files: Sequence[str], columns: Sequence[Column]) -> pa.Table:
    """The decimals of JSON Lines as they are written; the engine would read them as doubles."""
    import pyarrow as pa
    import pyarrow.json as pj

    digits = {c.name: re.findall(r"\d+", c.type) for c in _decimals(columns)}
    schema = pa.schema([(name, pa.decimal128(int(p), int(s))) for name, (p, s) in digits.items()])
    parse = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    read = pj.ReadOptions(block_size=_BLOCK_BYTES)
    return pa.concat_tables([pj.read_json(file, read, parse) for file in files])


def _typed(value: exp.Expr, column: Column) -> exp.Expr:
    from sqlglot import exp

    return exp.cast(value, sql_type(column, DUCKDB_TYPES), dialect="duckdb")
