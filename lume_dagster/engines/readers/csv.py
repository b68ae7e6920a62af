"""Read like CSV files in parallel, and check the result against an independent count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.engines.parquet_options import staged_parquet
from lume_dagster.engines.readers.csv_file import CsvFile
from lume_dagster.engines.settings import MIB

if TYPE_CHECKING:
    import duckdb

_LINE = 2 * MIB
_BUFFER = 32 * MIB


def read_together(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[CsvFile],
    ids: Mapping[str, str],
    into: Path,
) -> bool:
    """Read like files into one part; False where one is malformed or the counts do not agree.

    The reader could note malformed records itself, but it keeps a copy of the record for each
    column that is missing, beyond any memory limit: 15 GB for a million short records.
    """
    import duckdb

    query = f"COPY ({select_sql(files[0], ids)}) TO $into ({staged_parquet(len(ids))})"
    try:
        found = connection.execute(query, {**values(files), "into": str(into)}).fetchone()
    except duckdb.InvalidInputException:
        return False
    return found is not None and int(found[0]) == sum(file.counted for file in files)


def select_sql(first: CsvFile, ids: Mapping[str, str], *more: str) -> str:
    """The SELECT that reads files like this one, run with their ``values``."""
    own = [ids[name] for name in first.header.names]
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in own)
    select = [name if name in own else f"NULL::VARCHAR AS {name}" for name in ids.values()]
    # An unquoted empty value in a file of one column is a blank line, which is no record.
    where = f"WHERE {own[0]} IS NOT NULL" if len(own) == 1 else ""
    return f"""
        SELECT {", ".join([*select, *more])} FROM read_csv(
            $files, auto_detect = false, columns = {{{columns}}}, header = $header, skip = $skip,
            delim = $delim, quote = $quote, escape = $escape, compression = 'none',
            allow_quoted_nulls = false, max_line_size = $line, buffer_size = $buffer) {where}"""


def values(files: Sequence[CsvFile]) -> dict[str, object]:
    """What is bound to read these files."""
    first = files[0]
    longest = max(file.longest for file in files) + 16
    return {
        "files": [str(file.path) for file in files],
        "header": first.has_header,
        "skip": first.skip_lines,
        "delim": first.dialect.delimiter,
        "quote": first.dialect.quote,
        "escape": first.dialect.escape,
        "line": max(_LINE, longest),
        "buffer": max(_BUFFER, 2 * longest),
    }
