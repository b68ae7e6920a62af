"""Read like CSV files in parallel, and check the result against an independent count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.engines.parquet_options import staged_parquet
from lume_dagster.engines.readers.csv_file import CsvFile
from lume_dagster.engines.settings import MIB

if TYPE_CHECKING:
    import duckdb

_LINE = 2 * MIB
_BUFFER = 32 * MIB
#: Columns from which on a file is read by one thread. Each piece of 8 MB that a thread takes sets
#: room for 2,048 rows aside: 3,000 rows of 5,000 columns took two threads 11.0 s and 1.2 GB, and
#: one 3.1 s and 0.9 GB. At 2,000 columns it is the same.
_WIDE = 2_000


@dataclass(frozen=True, slots=True)
class Reading:
    """Like files and the statement that reads them into one part."""

    sql: str
    values: Mapping[str, object]

    @classmethod
    def of(cls, files: Sequence[CsvFile], ids: Mapping[str, str], into: Path) -> Reading:
        sql = f"COPY ({select_sql(files[0], ids)}) TO $into ({staged_parquet(len(ids))})"
        return cls(sql, {**values(files), "into": str(into)})

    def found(self, connection: duckdb.DuckDBPyConnection) -> int | None:
        """Read; how many records there were, None where one of them is malformed.

        The reader could note malformed records itself, but it keeps a copy of the record for each
        column that is missing, beyond any memory limit: 15 GB for a million short records.
        """
        import duckdb

        try:
            found = connection.execute(self.sql, self.values).fetchone()
        except duckdb.InvalidInputException:
            return None
        return None if found is None else int(found[0])


def read_together(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[CsvFile],
    ids: Mapping[str, str],
    into: Path,
) -> bool:
    """Read like files into one part; False where one is malformed or the counts do not agree."""
    found = Reading.of(files, ids, into).found(connection)
    return found == sum(file.counted for file in files)


def column_ids(files: Sequence[CsvFile], named: Sequence[str] | None) -> dict[str, str]:
    """The columns of all files and their ids; those the flow names where no file has any."""
    names = dict.fromkeys(name for file in files for name in file.header.names)
    if not names and named:
        names = dict.fromkeys(named)
    return {name: f"c{number}" for number, name in enumerate(names)}


def select_sql(first: CsvFile, ids: Mapping[str, str], *more: str) -> str:
    """The SELECT that reads files like this one, run with their ``values``."""
    own = [ids[name] for name in first.header.names]
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in own)
    select = [name if name in own else f"NULL::VARCHAR AS {name}" for name in ids.values()]
    # An unquoted empty value in a file of one column is a blank line, which is no record.
    where = f"WHERE {own[0]} IS NOT NULL" if len(own) == 1 else ""
    parallel = str(len(own) <= _WIDE).lower()
    return f"""
        SELECT {", ".join([*select, *more])} FROM read_csv(
            $files, auto_detect = false, columns = {{{columns}}}, header = $header, skip = $skip,
            delim = $delim, quote = $quote, escape = $escape, compression = 'none',
            allow_quoted_nulls = false, max_line_size = $line, buffer_size = $buffer,
            parallel = {parallel}) {where}"""


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
