"""Write the rows of many batches to a Parquet file for each, in one statement."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection
from sqlglot import exp

from lume_dagster.errors import EngineError

#: The column by which rows are split; it is not written.
BATCH = "_lume_batch"


@dataclass(frozen=True, slots=True)
class Piece:
    """The file with the rows of one batch."""

    path: Path
    rows: int
    bytes: int

    def move(self, to: Path) -> None:
        """Put the file where it belongs."""
        shutil.move(self.path, to)


def split(
    con: DuckDBPyConnection,
    query: str,
    into: Path,
    options: str,
    values: Mapping[str, object] | None = None,
) -> dict[int, Piece]:
    """The pieces of a query with a column ``_lume_batch``; a batch without rows has none.

    On one thread rows keep their order, and each batch fills one file, as long as DuckDB may keep
    the files of all batches open (see ``engines.session``).
    """
    place = exp.Literal.string(str(into)).sql("duckdb")
    written = con.execute(
        f"COPY ({query}) TO {place} ({options}, PARTITION_BY ({BATCH}), RETURN_STATS)",
        dict(values or {}),
    ).fetchall()
    pieces: dict[int, Piece] = {}
    for path, rows, size, _, _, keys, *_ in written:
        number = int(keys[BATCH])
        if number in pieces:
            raise EngineError("The rows of a small batch came out in several files.")
        pieces[number] = Piece(Path(path), int(rows), int(size))
    return pieces
