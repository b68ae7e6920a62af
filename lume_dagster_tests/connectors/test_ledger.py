"""The ledger of batches says what a table holds, and is brought there in few statements."""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from lume_dagster.connectors.protocol import Delivery
from lume_dagster.connectors.sql.ddl import DUCKDB_TYPES, create_table
from lume_dagster.connectors.sql.ledger import (
    LEDGER_COLUMNS,
    Earlier,
    earlier_deliveries,
    enter,
    stale_mapped,
)

LEDGER = exp.to_table("main.ledger")
MODES = ("replace_batch", "append", "merge", "replace")


@dataclass(frozen=True)
class Line:
    table: str
    flow: str
    version: int
    batch: str
    run: str
    mapped: int
    rejects: int


lines = st.builds(
    Line,
    table=st.sampled_from(["ops.orders", "ops.others"]),
    flow=st.sampled_from(["orders", "prices"]),
    version=st.sampled_from([1, 2]),
    batch=st.sampled_from(["march", "may' OR 1=1 --"]),
    run=st.uuids().map(str),
    mapped=st.sampled_from([0, 7]),
    rejects=st.sampled_from([0, 3]),
)


def delivery_of(line, mode):
    return Delivery(
        table=line.table,
        columns=(),
        key=(),
        mode=mode,
        mapped=(),
        rejects=(),
        flow=line.flow,
        version=line.version,
        source_path=line.batch,
        run_id=line.run,
    )


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as made:
        for statement in create_table(LEDGER, LEDGER_COLUMNS, DUCKDB_TYPES, "duckdb"):
            made.execute(statement)
        yield made


def entered(connection, line, mode):
    """Enter a delivery; the earlier ones, and the statements that it took."""
    delivery = delivery_of(line, mode)
    query, values = earlier_deliveries(LEDGER, line.table, delivery)
    found = connection.execute(query.sql("duckdb"), values).fetchall()
    earlier = [Earlier(*row) for row in found]
    made = enter(LEDGER, line.table, delivery, (line.mapped, line.rejects), earlier)
    for statement, bound in made:
        connection.execute(statement.sql("duckdb"), bound)
    return earlier, made


def held(connection):
    names = "target_table, flow, version, source_path, run_id, mapped_rows, rejects_rows"
    rows = connection.execute(f"SELECT {names} FROM ledger").fetchall()
    return {Line(*row) for row in rows}


def foreseen(before, line, mode):
    """What a table holds after a delivery, said once more and more simply."""
    after = {line}
    for old in before:
        same_batch = (old.flow, old.batch) == (line.flow, line.batch)
        replaced = {
            "replace_batch": same_batch,
            "append": same_batch and old.version == line.version,
            "merge": False,
            "replace": True,
        }[mode]
        if old.table != line.table:
            after.add(old)
            continue
        mapped, rejects = 0 if replaced else old.mapped, 0 if same_batch else old.rejects
        touched = replaced or same_batch
        if mapped or rejects or not touched:
            after.add(replace(old, mapped=mapped, rejects=rejects))
    return after


@given(history=st.lists(st.tuples(lines, st.sampled_from(MODES)), max_size=8))
def test_the_ledger_says_what_a_table_holds(connection, history):
    connection.execute("DELETE FROM ledger")
    for line, mode in history:
        expected = foreseen(held(connection), line, mode)
        entered(connection, line, mode)
        assert held(connection) == expected


@pytest.mark.parametrize(
    ("mode", "first", "repeated"),
    [("replace_batch", 1, 2), ("append", 1, 2), ("merge", 1, 2), ("replace", 3, 3)],
)
def test_few_statements_are_needed(connection, mode, first, repeated):
    connection.execute("DELETE FROM ledger")
    line = Line("ops.orders", "orders", 1, "march", "run_1", 7, 3)
    assert len(entered(connection, line, mode)[1]) == first
    assert len(entered(connection, replace(line, run="run_2"), mode)[1]) == repeated


def test_a_value_stands_once_in_a_statement(connection):
    connection.execute("DELETE FROM ledger")
    line = Line("ops.orders", "orders", 1, "march", "run_1", 7, 3)
    for mode in MODES:
        for statement, values in entered(connection, line, mode)[1]:
            numbers = [int(node.name) for node in statement.find_all(exp.Parameter, bfs=False)]
            assert sorted(numbers) == list(range(1, len(values) + 1))


def test_runs_without_mapped_rows_are_not_looked_for():
    line = Line("ops.orders", "orders", 2, "march", "run_3", 1, 0)
    earlier = [Earlier("run_1", 1, 5, 0), Earlier("run_2", 2, 0, 4), Earlier("run_4", 2, 6, 0)]
    assert stale_mapped(delivery_of(line, "append"), earlier) == ["run_4"]
    assert stale_mapped(delivery_of(line, "replace_batch"), earlier) == ["run_1", "run_4"]
    assert stale_mapped(delivery_of(line, "merge"), earlier) == []
