"""The invoice job by hand in DuckDB: mapped rows, rejects with every reason, metrics; several plans.

``raw_twice``   stage the text in a temporary table, go through it once for each output
``raw_once``    the same, but go through only the bad rows a second time
``direct``      the same, but straight into the warehouse: no files, only the tables
``csv_rowid``   one pass into a temporary table that holds the original of bad rows; lookups by ENUM
``staged``      the text staged as Parquet first, so that a retry need not read the source again; then
                as ``raw_once``
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

from benchmarks.invoices_sql import (
    BITS,
    CENTS,
    CLEAN,
    DATES,
    ERRORS,
    LOOKUPS,
    ORIGINAL,
    PRICES,
    RAW,
    TARGET,
    TYPED,
)  # fmt: skip
from benchmarks.outcome import report

#: The fastest of a dozen settings for these rows; a dictionary of up to a fifth of a row group's values,
#: which is DuckDB's own limit, costs a fifth more CPU.
_PARQUET = "(FORMAT parquet, PARQUET_VERSION v2, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT 4096)"


def _text(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _csv(path: Path) -> str:
    columns = ", ".join(f"'{c}': 'VARCHAR'" for c in RAW)
    return (
        f"read_csv({_text(path)}, auto_detect=false, header=true, delim=',', quote='\"', escape='\"', "
        f"columns={{{columns}}}, allow_quoted_nulls=false, store_rejects=true, "
        "rejects_limit=0)"
    )


def _select(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {name}" for name, sql in columns.items())


def _joins() -> tuple[str, str]:
    """The looked-up columns and the joins that find them."""
    columns = ", ".join(
        f"s_{seed}.{column} AS {name}"
        for seed, (_, found) in LOOKUPS.items()
        for name, column in found.items()
    )
    joins = " ".join(
        f"LEFT JOIN {seed} AS s_{seed} ON s_{seed}.code = {key}"
        for seed, (key, _) in LOOKUPS.items()
    )
    return columns, joins


def _enums() -> tuple[str, str]:
    """The same without a join, so that rows keep their order: a code's place in a list."""
    columns = ", ".join(
        f"list_extract(getvariable('v_{seed}_{column}'), enum_code(TRY_CAST({key} AS e_{seed})) + 1) AS {name}"
        for seed, (key, found) in LOOKUPS.items()
        for name, column in found.items()
    )
    return columns, ""


def _load_seeds(con: duckdb.DuckDBPyConnection, folder: Path, *, enums: bool) -> None:
    for seed, (_, found) in LOOKUPS.items():
        path = _text(folder / f"{seed}.csv")
        con.execute(
            f"CREATE TEMP TABLE {seed} AS FROM read_csv({path}, all_varchar=true, header=true)"
        )
        if seed == "tax_codes":
            con.execute("ALTER TABLE tax_codes ALTER rate TYPE DECIMAL(5,4)")
        rows, keys = con.execute(
            f"SELECT count(*), count(DISTINCT code) FROM {seed}"
        ).fetchone() or (0, 0)
        if rows != keys:
            raise ValueError(f"{seed}: a key occurs more than once")
        if enums:
            con.execute(f"CREATE TYPE e_{seed} AS ENUM (SELECT code FROM {seed} ORDER BY rowid)")
            for column in set(found.values()):
                con.execute(
                    f"SET VARIABLE v_{seed}_{column} = (SELECT list({column} ORDER BY rowid) FROM {seed})"
                )


def _chain(source: str, row: str, lookups: tuple[str, str]) -> str:
    """Clean, type and look up, judge: the common table expressions up to ``rounded``."""
    columns, joins = lookups
    return (
        f"WITH clean AS (SELECT {row} AS _lume_row, {', '.join(RAW)}, {_select(CLEAN)} FROM {source}), "
        f"typed AS (SELECT clean.*, {_select(TYPED)}, {columns} FROM clean {joins}), "
        f"dated AS (SELECT *, {_select(DATES)} FROM typed), "
        f"judged AS (SELECT *, {BITS} AS bits FROM dated), "
        f"priced AS (SELECT *, {_select(PRICES)} FROM judged), "
        f"rounded AS (SELECT *, {_select(CENTS)} FROM priced) "
    )


_MAPPED = f"SELECT _lume_row, {_select(TARGET)} FROM rounded WHERE bits = 0"


def _rejects(uri: str) -> str:
    return (
        f"SELECT _lume_row, {_text(uri)} AS _lume_file, _lume_row AS _lume_file_row, "
        f"{ORIGINAL} AS original, {ERRORS} AS errors FROM judged WHERE bits <> 0"
    )


def _numbered(part: Path) -> tuple[str, str]:
    return f"read_parquet({_text(part)}, file_row_number = true)", "file_row_number + 1"


class Job:
    """One run: its connection, its input and where its outputs go."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.con = duckdb.connect()
        self.input: Path = given.input
        self.out: Path = given.out
        self.staged = self.input.is_dir()
        self.uri = self.input.as_uri()
        self.warehouse: Path | None = given.warehouse
        self.judged = ""  # what the rejects are read from, once they are written
        self.mapped, self.rejects = self.out / "mapped.parquet", self.out / "rejects.parquet"
        self.out.mkdir(parents=True, exist_ok=True)
        self.con.execute(f"SET temp_directory = {_text(self.out / 'spill')}")
        self.con.execute(f"SET memory_limit = {_text(given.memory_limit)}")
        self.con.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        _load_seeds(self.con, given.seeds, enums=given.plan == "csv_rowid")

    def raw(self) -> tuple[str, str]:
        """The texts with their row numbers: staged Parquet as it is, CSV in a temporary table."""
        if self.staged:
            return _numbered(self.input / "part-0000.parquet")
        self.con.execute(f"CREATE TEMP TABLE raw AS SELECT * FROM {_csv(self.input)}")
        return "raw", "raw.rowid + 1"

    def copy(self, query: str, path: Path) -> int:
        """Write a query's rows, and say how many."""
        (rows,) = self.con.execute(f"COPY ({query}) TO {_text(path)} {_PARQUET}").fetchone() or (0,)
        return int(rows)

    def malformed(self) -> int:
        """Records the CSV reader could not split; there are none in this data, but a script must look."""
        if self.staged:
            return 0
        (n,) = self.con.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone() or (0,)
        return int(n)


def _raw_twice(job: Job) -> tuple[int, int]:
    chain = _chain(*job.raw(), _joins())
    return job.copy(chain + _MAPPED, job.mapped), job.copy(chain + _rejects(job.uri), job.rejects)


def _all_but(source: str, row: str, good: str) -> str:
    """The rows that are not among the good ones, as ``nr``."""
    kept = f"(SELECT _lume_row AS good FROM {good})"
    return f"(SELECT *, {row} AS nr FROM {source}) ANTI JOIN {kept} ON nr = good"


def _raw_once(job: Job) -> tuple[int, int]:
    return _once(job, *job.raw())


def _staged(job: Job) -> tuple[int, int]:
    """The staged text is whole before anything is made of it."""
    unfinished, part = job.out / ".staged.parquet", job.out / "staged.parquet"
    job.copy(f"SELECT * FROM {_csv(job.input)}", unfinished)
    unfinished.rename(part)
    return _once(job, *_numbered(part))


def _once(job: Job, source: str, row: str) -> tuple[int, int]:
    mapped = job.copy(_chain(source, row, _joins()) + _MAPPED, job.mapped)
    bad = _all_but(source, row, f"read_parquet({_text(job.mapped)})")
    return mapped, job.copy(_chain(bad, "nr", _joins()) + _rejects(job.uri), job.rejects)


def _direct(job: Job) -> tuple[int, int]:
    source, row = job.raw()
    bad = _all_but(source, row, f"warehouse.invoices WHERE _lume_source_path = {_text(job.uri)}")
    mapped, rejected = _replace(
        job,
        {
            "invoices": _chain(source, row, _joins()) + _MAPPED,
            "invoices_rejects": _chain(bad, "nr", _joins()) + _rejects(job.uri),
        },
    )
    job.judged = "warehouse.invoices_rejects"
    return mapped, rejected


def _csv_rowid(job: Job) -> tuple[int, int]:
    source, row = job.raw() if job.staged else (_csv(job.input), "0")
    original = f"CASE WHEN bits <> 0 THEN {ORIGINAL} END AS original, CASE WHEN bits <> 0 THEN {ERRORS} END AS errors"
    job.con.execute(
        f"CREATE TEMP TABLE judged_rows AS {_chain(source, row, _enums())} "
        f"SELECT _lume_row, bits, {_select(TARGET)}, {original} FROM rounded"
    )
    number = "_lume_row" if job.staged else "rowid + 1"
    mapped = job.copy(
        f"SELECT {number} AS _lume_row, {', '.join(TARGET)} FROM judged_rows WHERE bits = 0",
        job.mapped,
    )
    rejected = job.copy(
        f"SELECT {number} AS _lume_row, {_text(job.uri)} AS _lume_file, {number} AS _lume_file_row, "
        "original, errors FROM judged_rows WHERE bits <> 0",
        job.rejects,
    )
    return mapped, rejected


PLANS = {
    "raw_twice": _raw_twice,
    "raw_once": _raw_once,
    "csv_rowid": _csv_rowid,
    "direct": _direct,
    "staged": _staged,
}


def _errors(job: Job) -> list[tuple[str, str, int, list[int], list[str]]]:
    """For each reason: how many rows, and the first five of them with what they held."""
    source = job.judged or f"read_parquet({_text(job.rejects)})"
    return job.con.execute(
        "SELECT e.field, e.code, count(*), min(r, 5), min_by(coalesce(e.value, ''), r, 5) FROM "
        f"(SELECT _lume_row AS r, unnest(errors) AS e FROM {source}) "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()


def _load(job: Job) -> None:
    """Replace the batch in the warehouse, both tables in one transaction."""
    files = (("invoices", job.mapped), ("invoices_rejects", job.rejects))
    _replace(job, {t: f"SELECT * FROM read_parquet({_text(p)})" for t, p in files})


def _replace(job: Job, queries: Mapping[str, str]) -> tuple[int, ...]:
    """In any order, which halves the CPU of filling a table; rows carry their numbers."""
    job.con.execute("SET preserve_insertion_order = false")
    job.con.execute(f"ATTACH {_text(job.warehouse or job.out / 'warehouse.duckdb')} AS warehouse")
    job.con.execute("BEGIN")
    counts = []
    for table, query in queries.items():
        added = f"'run_1' AS _lume_run_id, {_text(job.uri)} AS _lume_source_path"
        rows = f"SELECT *, {added} FROM ({query})"
        job.con.execute(f"CREATE TABLE IF NOT EXISTS warehouse.{table} AS {rows} LIMIT 0")
        job.con.execute(f"DELETE FROM warehouse.{table} WHERE _lume_source_path = {_text(job.uri)}")
        (n,) = job.con.execute(f"INSERT INTO warehouse.{table} {rows}").fetchone() or (0,)
        counts.append(int(n))
    job.con.execute(
        "CREATE TABLE IF NOT EXISTS warehouse.batches "
        "(source_path VARCHAR, run_id VARCHAR, mapped BIGINT, rejected BIGINT)"
    )
    job.con.execute(f"DELETE FROM warehouse.batches WHERE source_path = {_text(job.uri)}")
    job.con.execute(
        "INSERT INTO warehouse.batches VALUES (?, 'run_1', ?, ?)", [str(job.uri), *counts]
    )
    job.con.execute("COMMIT")
    return tuple(counts)


def main() -> None:
    """Run one plan on one input, and say on the last line what came out."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("plan", choices=PLANS)
    arguments.add_argument(
        "input", type=Path, help="a CSV file, or a folder with the staged Parquet"
    )
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--seeds", type=Path, required=True)
    arguments.add_argument("--memory-limit", default="2GB")
    arguments.add_argument("--warehouse", type=Path, help="also load a DuckDB database")
    given = arguments.parse_args()
    begun = time.perf_counter()
    job = Job(given)
    mapped, rejected = PLANS[given.plan](job)
    done = time.perf_counter()
    errors = _errors(job)
    codes = {f"{field}:{code}": n for field, code, n, _, _ in errors}
    if given.warehouse and not job.judged:
        _load(job)
    malformed = job.malformed()
    counts = {"mapped": mapped, "rejected": rejected, "malformed": malformed}
    written = json.dumps({**counts, "codes": codes, "errors": errors}, indent=1)
    (job.out / "metrics.json").write_text(written)
    job.con.close()
    seconds = {"transform": done - begun, "rest": time.perf_counter() - done}
    report(mapped=mapped, rejected=rejected, malformed=malformed, codes=codes, seconds=seconds)


if __name__ == "__main__":
    main()
