"""Count what became of the rows of a batch, or of each of several batches in the same tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from duckdb import DuckDBPyConnection

from lume_dagster.engines.batch import ROW
from lume_dagster.engines.result import Sample, Tally
from lume_dagster.plan.chain import BATCH_BITS
from lume_dagster.plan.plan import Plan
from lume_dagster.plan.queries import SAMPLES

#: The row in its batch is what these bits of a row number say; the batch is above them.
ROW_MASK = (1 << BATCH_BITS) - 1

#: Follows a query that says nothing of batches where there are several.
BY_BATCH = f" GROUP BY {ROW} >> {BATCH_BITS}"

ErrorCounts = tuple[tuple[str, int], ...]
Measures = tuple[tuple[str, int], ...]
#: By field, code and message: rows that broke the test, and the first of them.
Found = Mapping[tuple[str, str, str], tuple[int, tuple[Sample, ...]]]


def error_counts(con: DuckDBPyConnection, rejects: str) -> Mapping[int, ErrorCounts]:
    """Rows that carry each code, the most frequent first, by batch."""
    found = con.execute(
        f"SELECT r >> {BATCH_BITS}, e.code, count(DISTINCT r) AS n FROM "
        f"(SELECT {ROW} AS r, unnest(errors) AS e FROM {rejects}) GROUP BY 1, 2 ORDER BY n DESC, 2"
    ).fetchall()
    counts: dict[int, ErrorCounts] = {}
    for batch, code, rows in found:
        counts[int(batch)] = (*counts.get(int(batch), ()), (str(code), int(rows)))
    return counts


def broken_tests(con: DuckDBPyConnection, rejects: str) -> Mapping[int, Found]:
    """Rows that each error is found in, by batch."""
    rows = con.execute(
        f"SELECT r >> {BATCH_BITS}, e.field, e.code, e.message, count(*), min(r, {SAMPLES}), "
        f"min_by({{'v': e.value}}, r, {SAMPLES}) FROM "
        f"(SELECT {ROW} AS r, unnest(errors) AS e FROM {rejects}) GROUP BY ALL"
    ).fetchall()
    found: dict[int, dict[tuple[str, str, str], tuple[int, tuple[Sample, ...]]]] = {}
    for batch, field, code, message, count, first, values in rows:
        shown = _samples(first, values)
        found.setdefault(int(batch), {})[field, code, message] = (int(count), shown)
    return found


def warned_tests(con: DuckDBPyConnection, plan: Plan, by_batch: str = "") -> Mapping[int, Found]:
    """Rows that break each test which only warns, by batch; ``by_batch`` is ``BY_BATCH`` or no."""
    if plan.side_tests is None:
        return {}
    tests = [t for t in plan.tests if t.severity == "warn"]
    return {
        int(row[-1] or 0): {
            (t.field, t.code, t.message): (
                int(row[3 * i]),
                _samples(row[3 * i + 1], row[3 * i + 2]),
            )
            for i, t in enumerate(tests)
        }
        for row in con.execute(plan.side_tests + by_batch).fetchall()
    }


def measures(
    con: DuckDBPyConnection, plan: Plan, mapped: str, by_batch: str = ""
) -> Mapping[int, Measures]:
    """What checks of a whole batch need to know of its mapped rows, by batch."""
    if not plan.measures:
        return {}
    wanted = ", ".join(m.sql for m in plan.measures)
    batch = f"any_value({ROW} >> {BATCH_BITS})"
    rows = con.execute(f"SELECT {wanted}, {batch} FROM {mapped}{by_batch}").fetchall()
    return {
        int(row[-1] or 0): tuple(
            (m.id, int(n)) for m, n in zip(plan.measures, row[:-1], strict=True)
        )
        for row in rows
    }


def nothing_measured(plan: Plan) -> Measures:
    """The measures of a batch without mapped rows."""
    return tuple((m.id, 0) for m in plan.measures)


def tallies(plan: Plan, broken: Found, warned: Found) -> tuple[Tally, ...]:
    """A tally for each test, in their order."""
    tallied = []
    for test in plan.tests:
        found = warned if test.severity == "warn" else broken
        rows, samples = found.get((test.field, test.code, test.message), (0, ()))
        tallied.append(Tally(test, rows, samples))
    return tuple(tallied)


def _samples(
    rows: Sequence[int] | None, values: Sequence[dict[str, str | None]] | None
) -> tuple[Sample, ...]:
    shown = zip(rows or (), values or (), strict=True)
    return tuple(Sample(int(row) & ROW_MASK, value["v"]) for row, value in shown)
