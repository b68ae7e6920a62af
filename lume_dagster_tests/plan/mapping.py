"""Run the plan of a small flow on a few rows, in memory: what this room's tests stand on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from lume_dagster.engines.session import disabled_optimizers
from lume_dagster.errors import PlanError
from lume_dagster.flows.model import Flow
from lume_dagster.plan.compile import Compiler
from lume_dagster.plan.plan import Plan, SourceColumn
from lume_dagster_tests.in_memory import connect

Row = Mapping[str, Any]
_PLANS: dict[Any, Plan] = {}


@dataclass(frozen=True)
class Outcome:
    """What came out of a mapping."""

    plan: Plan
    mapped: list[dict[str, Any]]
    rejects: list[dict[str, Any]]
    warned: tuple[Any, ...]
    con: duckdb.DuckDBPyConnection = field(repr=False, compare=False)

    @property
    def codes(self) -> list[list[tuple[str, str]]]:
        """(field, code) of each reject, in the order of the rows."""
        return [[(e["field"], e["code"]) for e in r["errors"]] for r in self.rejects]

    def rows_in_error(self) -> list[int]:
        """The rows that some test finds fault with, every row asked about every test."""
        self.con.execute("CREATE OR REPLACE TEMP TABLE bad AS SELECT _lume_row FROM staged")
        found = f"SELECT _lume_row FROM ({self.plan.rejects}) WHERE len(errors) > 0 ORDER BY 1"
        return [row for (row,) in self.con.execute(found).fetchall()]


class Duck:
    """A connection that knows types."""

    def __init__(self) -> None:
        self.con = connect()
        self.con.execute("SET TimeZone = 'UTC'")

    def describe(self, select: str) -> tuple[str, ...]:
        try:
            return tuple(str(r[1]) for r in self.con.execute(f"DESCRIBE {select}").fetchall())
        except duckdb.Error as error:
            raise PlanError(str(error).split("\n")[0]) from None

    def compute(self, select: str) -> None:
        try:
            self.con.execute(select).fetchall()
        except duckdb.Error as error:
            raise PlanError(str(error).split("\n")[0]) from None


def flow_of(properties: Mapping[str, Any], mapping: Mapping[str, Any], **parts: Any) -> Flow:
    """A flow with this schema and mapping; ``parts`` are further sections of the file."""
    schema = {"type": "object", "properties": properties, "required": parts.pop("required", [])}
    source = {"connector": "landing", "format": {"type": "csv", "nulls": parts.pop("nulls", [])}}
    target = {"connector": "warehouse", "table": "t", "key": parts.pop("key", [])}
    sections = {"lume": 1, "flow": "f", "source": source, "target": target, **parts}
    return Flow.model_validate({**sections, "schema": schema, "mapping": mapping})


def run(
    flow: Flow,
    rows: Sequence[Sequence[Any]],
    columns: Sequence[str] = ("x",),
    *,
    types: Sequence[str] | None = None,
    seeds: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]] | None = None,
    not_null: bool = False,
) -> Outcome:
    """Map rows with these columns; all text unless ``types`` says otherwise.

    With ``not_null`` the engine is told that no value is missing, as it learns from Parquet files.
    """
    duck = Duck()
    kinds = types or ["VARCHAR"] * len(columns)
    source = [
        SourceColumn(n, f"c{i}", t) for i, (n, t) in enumerate(zip(columns, kinds, strict=True))
    ]
    headers = {name: tuple(header) for name, (header, _) in (seeds or {}).items()}
    plan = _plan(flow, source, headers, duck)
    disabled = disabled_optimizers(careful=plan.tries_twice)
    duck.con.execute("SET disabled_optimizers = $1", [disabled])
    null = " NOT NULL" if not_null else ""
    declared = ", ".join(f"{c.id} {c.type}{null}" for c in source)
    duck.con.execute(f"CREATE TEMP TABLE staged (_lume_row BIGINT, {declared})")
    marks = ", ".join("?" for _ in range(len(columns) + 1))
    for i, row in enumerate(rows, 1):
        duck.con.execute(f"INSERT INTO staged VALUES ({marks})", [i, *row])
    for seed in plan.seeds:
        header, lines = (seeds or {})[seed.seed]
        wanted = [header.index(seed.key), *(header.index(c) for c in seed.columns)]
        names = ", ".join(["k VARCHAR", *(f"s{i} VARCHAR" for i in range(len(seed.columns)))])
        duck.con.execute(f"CREATE TEMP TABLE {seed.table} ({names})")
        for line in lines:
            values = [line[i] for i in wanted]
            duck.con.execute(
                f"INSERT INTO {seed.table} VALUES ({', '.join('?' * len(values))})", values
            )
    return _outcome(duck.con, plan)


def _plan(
    flow: Flow,
    source: Sequence[SourceColumn],
    headers: Mapping[str, tuple[str, ...]],
    duck: Duck,
) -> Plan:
    """Compiled once for all rows of the same flow, as the engine does."""
    key = (flow.model_dump_json(by_alias=True), tuple(source), tuple(sorted(headers.items())))
    if key not in _PLANS:
        _PLANS[key] = Compiler(flow, source, headers, duck, empty_is_null=True).plan()
    return _PLANS[key]


def _outcome(con: duckdb.DuckDBPyConnection, plan: Plan) -> Outcome:
    if plan.repeated_keys and plan.duplicates:
        con.execute(f"CREATE TEMP TABLE repeated AS {plan.repeated_keys}")
        con.execute(f"CREATE TEMP TABLE duplicates AS {plan.duplicates}")
    con.execute(f"CREATE TEMP TABLE mapped AS {plan.mapped}")
    con.execute(
        "CREATE TEMP TABLE bad AS SELECT _lume_row FROM staged ANTI JOIN mapped USING (_lume_row)"
    )
    con.execute(f"CREATE TEMP TABLE rejects AS {plan.rejects}")
    rejects = _rows(con, "SELECT * FROM rejects ORDER BY _lume_row")
    for reject in rejects:
        reject["original"] = json.loads(reject["original"])
    warned = con.execute(plan.side_tests).fetchone() if plan.side_tests else ()
    return Outcome(
        plan,
        _rows(con, "SELECT * FROM mapped ORDER BY _lume_row"),
        rejects,
        (warned or ())[:-1],
        con,
    )


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = con.execute(query)
    names = [d[0] for d in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
