"""Read a staged batch with its row numbers: the SELECT over its parts, and where shifts are kept.

It stands apart from what writes them, so that transforming a batch loads no array library.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlglot import exp

from lume_dagster.engines.batch import ROW, StagedBatch

BUCKET = 512  # positions in a part that share a list of shifts


def rows_path(part: Path) -> Path:
    """Where the shifts of a part are kept."""
    return part.with_suffix(".rows.parquet")


def staged_view_sql(staged: StagedBatch) -> str:
    """A SELECT over a staged batch: ``_lume_row``, then its columns by id."""
    names = [exp.column(column.id, quoted=True) for column in staged.columns]
    selects = [_part_sql(staged, part, names) for part in staged.parts]
    read = " UNION ALL ".join(selects or [_no_rows(staged)])
    return _repaired_sql(staged, read, names) if staged.repaired_path.exists() else read


def _no_rows(staged: StagedBatch) -> str:
    columns = [exp.alias_(exp.cast(exp.null(), "BIGINT"), ROW)]
    columns += [
        exp.alias_(exp.cast(exp.null(), column.type, dialect="duckdb"), column.id)
        for column in staged.columns
    ]
    return exp.select(*columns).where(exp.false()).sql("duckdb")


def _part_sql(staged: StagedBatch, part: str, names: Sequence[exp.Column]) -> str:
    path = staged.folder / part
    if staged.format == "json":  # its parts carry the number, being written from numbered lines
        plain = "".join(f", {name.sql('duckdb')}" for name in names)
        return f"SELECT {ROW}{plain} FROM read_parquet({_text(path)})"
    read = f"read_parquet({_text(path)}, file_row_number = true)"
    columns = "".join(f", p.{name.sql('duckdb')}" for name in names)
    if not rows_path(path).exists():
        first = min(file.first_row for file in staged.files if file.details.get("part") == part)
        return f"SELECT p.file_row_number + {first} AS {ROW}{columns} FROM {read} AS p"
    return (
        "SELECT p.file_row_number + CASE WHEN len(r.limits) = 0 THEN r.shifts[1] ELSE"
        " r.shifts[1 + len(list_filter(r.limits, lambda x: x <= p.file_row_number))]"
        f" END AS {ROW}{columns} FROM {read} AS p"
        f" LEFT JOIN read_parquet({_text(rows_path(path))}) AS r"
        f" ON r.bucket = p.file_row_number // {BUCKET}"
    )


def _repaired_sql(staged: StagedBatch, read: str, names: Sequence[exp.Column]) -> str:
    """Rows that were repaired stand in for what was read."""
    repaired = f"read_parquet({_text(staged.repaired_path)})"
    columns = ", ".join([ROW, *(name.sql("duckdb") for name in names)])
    return (
        f"SELECT {columns} FROM ({read}) AS r ANTI JOIN {repaired} AS n USING ({ROW})"
        f" UNION ALL SELECT {columns} FROM {repaired}"
    )


def _text(path: Path) -> str:
    return exp.Literal.string(str(path)).sql("duckdb")
