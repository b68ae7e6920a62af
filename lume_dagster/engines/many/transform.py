"""Run a plan on many staged batches at once: the rows of each are those of the batch alone.

All batches stand in one table, in which a row's number says which batch it is of. Nothing in a plan
looks beyond the batch (``plan.chain.BATCH_BITS``), so its queries need not know how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from duckdb import DuckDBPyConnection

from lume_dagster.engines.batch import ROW, StagedBatch
from lume_dagster.engines.figures import (
    BY_BATCH,
    ROW_MASK,
    ErrorCounts,
    Found,
    Measures,
    broken_tests,
    error_counts,
    measures,
    nothing_measured,
    tallies,
    warned_tests,
)
from lume_dagster.engines.many.split import split
from lume_dagster.engines.parquet_options import output_parquet
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.result import Transformed
from lume_dagster.engines.transform import (
    NO_REJECTS,
    NONE_MALFORMED,
    conserve,
    find_bad,
    find_duplicates,
    literal,
    load_seed,
    output,
    rejects_sql,
)
from lume_dagster.plan.chain import BATCH_BITS
from lume_dagster.plan.plan import Plan

_MAPPED, _REJECTS = "mapped", "rejects"


def transform_many(
    con: DuckDBPyConnection,
    plan: Plan,
    batches: Sequence[StagedBatch],
    seeds: Mapping[str, tuple[Path, Sequence[str]]],
    into: Sequence[Path],
) -> list[Transformed]:
    """What ``transform`` would write for each batch, below the folder of ``into`` in its place.

    The batches have the same columns and are plain.

    Raises:
        FlowError, EngineError: one of the batches, or all; which of them it does not say.
    """
    _load(con, batches)
    for seed in plan.seeds:
        load_seed(con, seed, *seeds[seed.seed])
    find_duplicates(con, plan)
    mapped = _make(con, _MAPPED, plan.mapped)
    clean = sum(mapped.values()) == sum(batch.records for batch in batches)
    if not clean:
        find_bad(con, _MAPPED)
    rejects = _make(con, _REJECTS, NO_REJECTS if clean else _rejects(plan, batches))
    for number, batch in enumerate(batches):
        conserve(batch.records, mapped.get(number, 0), rejects.get(number, 0))
    good = _write(con, _MAPPED, mapped, into, len(plan.columns))
    bad = _write(con, _REJECTS, rejects, into, len(batches[0].columns))
    found = _Counted.of(con, plan)
    return [
        found.of_batch(number, plan, batch.records, good[number], bad[number])
        for number, batch in enumerate(batches)
    ]


def _load(con: DuckDBPyConnection, batches: Sequence[StagedBatch]) -> None:
    """All rows in a table; a view would open every file again for each query."""
    if not any(batch.parts for batch in batches):
        con.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {staged_view_sql(batches[0])}")
        return
    parts = [(number, path) for number, b in enumerate(batches) for path in b.part_paths]
    row = ROW if batches[0].format == "json" else "file_row_number + 1"
    batch = "CAST($numbers AS BIGINT[])[CAST(file_index + 1 AS BIGINT)]"
    columns = "".join(f", {column.id}" for column in batches[0].columns)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE staged AS"
        f" SELECT ({batch} << {BATCH_BITS}) | ({row}) AS {ROW}{columns}"
        f" FROM read_parquet($parts, file_row_number = {batches[0].format != 'json'})",
        {"numbers": [number for number, _ in parts], "parts": [str(path) for _, path in parts]},
    )


def _rejects(plan: Plan, batches: Sequence[StagedBatch]) -> str:
    files = ", ".join(
        f"({(number << BATCH_BITS) | file.first_row}, {literal(file.uri)}, 1)"
        for number, batch in enumerate(batches)
        for file in batch.files
    )
    return rejects_sql(f"SELECT {ROW}, original, errors FROM ({plan.rejects})", f"VALUES {files}")


# -- files ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A part of the output of one batch."""

    path: Path
    rows: int
    bytes: int


def _make(con: DuckDBPyConnection, table: str, query: str) -> dict[int, int]:
    """A query as a table in the order of batches and rows; rows by batch, where there are any."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM ({query}) ORDER BY {ROW}")
    counts = con.execute(
        f"SELECT {ROW} >> {BATCH_BITS}, count(*) FROM {table} GROUP BY 1"
    ).fetchall()
    return {int(batch): int(rows) for batch, rows in counts}


def _write(
    con: DuckDBPyConnection,
    table: str,
    counts: Mapping[int, int],
    into: Sequence[Path],
    columns: int,
) -> list[_File]:
    pieces = [(counts.get(n, 0), output(folder, table)) for n, folder in enumerate(into)]
    in_batch = f"* REPLACE ({ROW} & {ROW_MASK} AS {ROW})"
    sizes = split(con, table, in_batch, pieces, output_parquet(columns))
    return [_File(path, rows, size) for (rows, path), size in zip(pieces, sizes, strict=True)]


# -- figures ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Counted:
    """Everything that is counted, by batch."""

    broken: Mapping[int, Found]
    warned: Mapping[int, Found]
    errors: Mapping[int, ErrorCounts]
    measures: Mapping[int, Measures]

    @classmethod
    def of(cls, con: DuckDBPyConnection, plan: Plan) -> Self:
        """Count."""
        return cls(
            broken=broken_tests(con, _REJECTS),
            warned=warned_tests(con, plan, BY_BATCH),
            errors=error_counts(con, _REJECTS),
            measures=measures(con, plan, _MAPPED, BY_BATCH),
        )

    def of_batch(
        self, number: int, plan: Plan, records: int, mapped: _File, rejects: _File
    ) -> Transformed:
        """What is known of one batch."""
        return Transformed(
            mapped=(mapped.path,),
            rejects=(rejects.path,),
            input_rows=records,
            mapped_rows=mapped.rows,
            rejected_rows=rejects.rows,
            tallies=(
                NONE_MALFORMED,
                *tallies(plan, self.broken.get(number, {}), self.warned.get(number, {})),
            ),
            error_counts=self.errors.get(number, ()),
            measures=self.measures.get(number, nothing_measured(plan)),
            bytes=mapped.bytes + rejects.bytes,
        )
