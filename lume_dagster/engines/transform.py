"""Run a plan on a staged batch: each row comes out once, mapped or rejected with its reasons.

One pass over the batch writes the mapped rows; what is missing there is bad, and only the bad rows
are gone through again for their reasons. A clean batch costs one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from duckdb import DuckDBPyConnection
from sqlglot import exp

from lume_dagster.engines.batch import ROW, StagedBatch
from lume_dagster.engines.figures import (
    broken_tests,
    error_counts,
    measures,
    tallies,
    warned_tests,
)
from lume_dagster.engines.parquet_options import output_parquet
from lume_dagster.engines.result import Sample, Tally, Transformed
from lume_dagster.errors import EngineError, FlowError
from lume_dagster.plan.plan import Plan, RowTest, SeedTable
from lume_dagster.plan.queries import BAD, DUPLICATES, REPEATED, SAMPLES

_ERRORS = "STRUCT(field VARCHAR, code VARCHAR, message VARCHAR, value VARCHAR)[]"
NO_REJECTS = (
    f"SELECT CAST(NULL AS BIGINT) AS {ROW}, CAST(NULL AS VARCHAR) AS _lume_file, "
    "CAST(NULL AS BIGINT) AS _lume_file_row, CAST(NULL AS VARCHAR) AS original, "
    f"CAST(NULL AS {_ERRORS}) AS errors WHERE false"
)

_MALFORMED = RowTest(
    id="record:MALFORMED_RECORD",
    kind="conversion",
    field="",
    code="MALFORMED_RECORD",
    severity="reject",
    message="could not be split into columns",
)
_REPEATED = replace(
    _MALFORMED, id="record:REPEATED_HEADER", code="REPEATED_HEADER", message="is the header again"
)
NONE_MALFORMED = Tally(_MALFORMED, 0)


def transform(
    con: DuckDBPyConnection,
    plan: Plan,
    staged: StagedBatch,
    staged_sql: str,
    seeds: Mapping[str, tuple[Path, Sequence[str]]],
    into: Path,
) -> Transformed:
    """Write ``mapped/`` and ``rejects/`` below ``into``.

    ``staged_sql`` is the SELECT that reads the batch with its row numbers; ``seeds`` maps each seed
    to its file and header. The connection's temporary tables are replaced.

    Raises:
        FlowError: a seed whose key is missing or not unique.
        EngineError: rows in and rows out do not add up.
    """
    con.execute(f"CREATE OR REPLACE TEMP VIEW staged AS {staged_sql}")
    for seed in plan.seeds:
        load_seed(con, seed, *seeds[seed.seed])
    find_duplicates(con, plan)
    mapped, rejects = output(into, "mapped"), output(into, "rejects")
    mapped_rows = _copy(con, plan.mapped, mapped, len(plan.columns))
    # Planning the query for rejects costs a small clean batch more than anything else.
    clean = mapped_rows == staged.records
    if not clean:
        find_bad(con, _read(mapped))
    found = NO_REJECTS if clean else _rejects(plan, staged)
    rejected_rows = _copy(con, found, rejects, len(staged.columns))  # a reject holds all of them
    conserve(staged.records, mapped_rows, rejected_rows)
    bad_rows = _read(rejects)
    broken = broken_tests(con, bad_rows).get(0, {}) if rejected_rows else {}
    warned = warned_tests(con, plan).get(0, {})
    return Transformed(
        mapped=(mapped,),
        rejects=(rejects,),
        input_rows=staged.records,
        mapped_rows=mapped_rows,
        rejected_rows=rejected_rows,
        tallies=(*_malformed_tallies(con, staged), *tallies(plan, broken, warned)),
        error_counts=error_counts(con, bad_rows).get(0, ()) if rejected_rows else (),
        measures=measures(con, plan, _read(mapped)).get(0, ()),
        bytes=mapped.stat().st_size + rejects.stat().st_size,
    )


def output(into: Path, name: str) -> Path:
    """Where a part of the output is written."""
    folder = into / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "part-0000.parquet"


def _read(path: Path) -> str:
    return f"read_parquet({literal(str(path))})"


def _copy(con: DuckDBPyConnection, query: str, path: Path, columns: int) -> int:
    form = output_parquet(columns)
    (rows,) = con.execute(f"COPY ({query}) TO {literal(str(path))} ({form})").fetchone() or (0,)
    return int(rows)


def literal(value: str) -> str:
    """A text in SQL."""
    return exp.Literal.string(value).sql("duckdb")


# -- seeds ------------------------------------------------------------------------------------


def load_seed(con: DuckDBPyConnection, seed: SeedTable, path: Path, header: Sequence[str]) -> None:
    """A seed as the table its lookups join; refused where its key is no key."""
    types = ", ".join(f"'h{i}': 'VARCHAR'" for i, _ in enumerate(header))
    at = {name: f"h{i}" for i, name in enumerate(header)}
    wanted = ", ".join(f"{at[name]} AS s{i}" for i, name in enumerate(seed.columns))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {seed.table} AS SELECT {at[seed.key]} AS k, {wanted} "
        f"FROM read_csv({literal(str(path))}, auto_detect=false, header=true, delim=',', "
        f"quote='\"', escape='\"', columns={{{types}}})"
    )
    rows, keys, distinct = con.execute(
        f"SELECT count(*), count(k), count(DISTINCT k) FROM {seed.table}"
    ).fetchone() or (0, 0, 0)
    if not rows == keys == distinct:
        fault = f"rows without a key: {rows - keys}" if keys < rows else _repeated(con, seed.table)
        raise FlowError(
            f"the seed {seed.seed!r} cannot be looked up by {seed.key!r}: {fault}.",
            hint=f"make {seed.key} unique in {path.name}.",
        )


def _repeated(con: DuckDBPyConnection, table: str) -> str:
    key = con.execute(
        f"SELECT k FROM {table} GROUP BY k HAVING count(*) > 1 ORDER BY k LIMIT 1"
    ).fetchone()
    return "a key occurs more than once" + (f": {key[0]!r}" if key else "")


# -- good and bad -----------------------------------------------------------------------------


def find_duplicates(con: DuckDBPyConnection, plan: Plan) -> None:
    """The rows that repeat a key, for the queries of the plan that leave them out."""
    if plan.repeated_keys is None or plan.duplicates is None:
        return
    con.execute(f"CREATE OR REPLACE TEMP TABLE {REPEATED} AS {plan.repeated_keys}")
    (repeated,) = con.execute(f"SELECT count(*) FROM {REPEATED}").fetchone() or (0,)
    query = plan.duplicates if repeated else f"SELECT CAST(NULL AS BIGINT) AS {ROW} WHERE false"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {DUPLICATES} AS {query}")


def find_bad(con: DuckDBPyConnection, mapped: str) -> None:
    """The rows that are not mapped, for the query that says why."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {BAD} AS SELECT {ROW} FROM staged "
        f"ANTI JOIN {mapped} AS good USING ({ROW})"
    )


def _rejects(plan: Plan, staged: StagedBatch) -> str:
    files = ", ".join(f"({f.first_row}, {literal(f.uri)}, 1)" for f in staged.files)
    places = f"VALUES {files}" if files else "VALUES (1, '', 1)"
    if staged.places_path.exists():
        places = f"FROM read_parquet({literal(str(staged.places_path))})"
    found = f"SELECT {ROW}, original, errors FROM ({plan.rejects})"
    if staged.malformed:
        found += f" UNION ALL {_malformed(staged)}"
    return rejects_sql(found, places)


def rejects_sql(found: str, places: str) -> str:
    """Rejects in order, with their files: ``places`` gives a first row, a URI, its row there."""
    return (
        f"WITH files(first_row, uri, file_row) AS ({places}) SELECT r.{ROW}, "
        f"f.uri AS _lume_file, r.{ROW} - f.first_row + f.file_row AS _lume_file_row, "
        f"r.original, r.errors FROM ({found}) AS r ASOF JOIN files AS f ON r.{ROW} >= f.first_row "
        f"ORDER BY r.{ROW}"
    )


def _malformed(staged: StagedBatch) -> str:
    return (
        f"SELECT {ROW}, CAST(json_object('_lume_line', text) AS VARCHAR) AS original, "
        "[{'field': CAST(NULL AS VARCHAR), 'code': code, 'message': message, "
        "'value': CAST(NULL AS VARCHAR)}] AS errors "
        f"FROM read_parquet({literal(str(staged.malformed_path))}) WHERE {ROW} <= {staged.records}"
    )


def conserve(records: int, mapped: int, rejected: int) -> None:
    """Law 1: every row came out, once."""
    if records != mapped + rejected:
        raise EngineError(
            f"{records} rows came in, but {mapped} were mapped and {rejected} rejected.",
            hint="this is a fault of lume_dagster; nothing was delivered. Please report it.",
        )


# -- figures ----------------------------------------------------------------------------------


def _malformed_tallies(con: DuckDBPyConnection, staged: StagedBatch) -> list[Tally]:
    """Records that could not be split, also where there is none; and headers, where there are."""
    if not staged.malformed:
        return [NONE_MALFORMED]
    path = literal(str(staged.malformed_path))
    counts = con.execute(f"SELECT code, count(*) FROM read_parquet({path}) GROUP BY 1").fetchall()
    found = dict(counts)
    tallies = []
    for test in (_MALFORMED, _REPEATED):
        first = con.execute(
            f"SELECT {ROW}, left(text, 200) FROM read_parquet({path})"
            f" WHERE code = $1 ORDER BY 1 LIMIT {SAMPLES}",
            [test.code],
        ).fetchall()
        if test is _MALFORMED or first:
            samples = tuple(Sample(int(row), text) for row, text in first)
            tallies.append(Tally(test, int(found.get(test.code, 0)), samples))
    return tallies
