"""What a MySQL server is set to, or holds beside a table, changes nothing of a batch."""

from __future__ import annotations

import pytest

from lume_dagster.connectors import MySQLConnector
from lume_dagster.connectors.protocol import Reading
from lume_dagster.testing.deliveries import make_delivery

#: What administrators set against people who forget a WHERE, each with what it was before.
CAUTIOUS = {
    "sql_select_limit": (5, "DEFAULT"),
    "max_join_size": (10, "DEFAULT"),
    "sql_safe_updates": (1, 0),
}


@pytest.fixture
def warehouse(mysql_like, mysql_database):
    return MySQLConnector(**mysql_like.config(mysql_database))


@pytest.fixture
def ask(mysql_like, mysql_database):
    def asked(query):
        with mysql_like.connect(mysql_database) as cursor:
            cursor.execute(query)
            return [list(row) for row in cursor.fetchall()]

    return asked


@pytest.fixture(params=CAUTIOUS)
def cautious(request, ask):
    """A server that is set to be cautious with everybody who logs in."""
    value, before = CAUTIOUS[request.param]
    ask(f"SET GLOBAL {request.param} = {value}")
    yield request.param
    ask(f"SET GLOBAL {request.param} = {before}")


def ids(warehouse, path):
    with warehouse.read_table(Reading("ops.orders", "orders", (path,))) as reader:
        return reader.read_all()["id"].to_pylist()


@pytest.mark.parametrize("mode", ["replace_batch", "merge", "replace"])
def test_a_cautious_server_takes_and_gives_all_rows(warehouse, cautious, mode, tmp_path):
    for run, count in enumerate((60, 50)):
        rows = [{"id": n, "name": f"n{n}"} for n in range(count)]
        batch = make_delivery(tmp_path, rows, mode=mode, run_id=f"run_{run}", source_path="a")
        warehouse.check(batch)
        assert warehouse.deliver(batch).mapped_rows == count
    assert sorted(ids(warehouse, "a"))[:50] == list(range(50))
    query = "SELECT id FROM ops.orders WHERE _lume_source_path = :source_path"
    with warehouse.read(query, "a") as reader:
        assert reader.read_all().num_rows == (60 if mode == "merge" else 50)


def test_batches_come_in_their_order_however_long_their_names_are_alike(warehouse, tmp_path):
    paths = ["é" * 1999 + last for last in "12"]
    for path in reversed(paths):
        rows = [{"id": n, "name": path[-1]} for n in range(3)]
        warehouse.deliver(make_delivery(tmp_path, rows, source_path=path, run_id=f"run_{path[-1]}"))
    with warehouse.read_table(Reading("ops.orders", "orders")) as reader:
        assert reader.read_all()["name"].to_pylist() == ["1", "1", "1", "2", "2", "2"]


@pytest.mark.parametrize(
    "neighbour",
    [
        "CREATE VIEW ops.Orders AS SELECT 1 AS x",
        "CREATE TABLE ops.`örders` (a int) ENGINE = MyISAM",
    ],
    ids=["a view in another case", "a table with another letter"],
)
def test_what_is_called_nearly_the_same_is_something_else(
    warehouse, ask, mysql_like, neighbour, tmp_path
):
    if ask("SELECT @@lower_case_table_names") != [[0]]:
        pytest.skip("NOT RUN: this server takes Orders for orders")
    warehouse.deliver(make_delivery(tmp_path, [{"id": 1}]))
    ask(neighbour)
    again = make_delivery(tmp_path, [{"id": 2}], run_id="run_2")
    warehouse.check(again)
    warehouse.deliver(again)
    assert ids(warehouse, again.source_path) == [2]


def test_batches_are_told_apart_where_all_tables_were_converted(warehouse, ask, tmp_path):
    """As administrators convert whole databases; all of it in one run, and one again in another."""
    alike = ("a", "A", "á", "a ")

    def put(path, run):
        rows = [{"id": n, "name": path} for n in range(3)]
        warehouse.deliver(make_delivery(tmp_path, rows, source_path=path, run_id=run, rejects=1))

    for path in alike:
        put(path, "run_1")
    for table in ("orders", "orders_rejects", "_lume_batches"):
        how = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        ask(f"ALTER TABLE ops.{table} CONVERT TO {how}")
    for path in alike[:2]:
        put(path, "run_2")
    assert sorted(ask("SELECT source_path, run_id FROM ops._lume_batches")) == sorted(
        [path, "run_2" if path in alike[:2] else "run_1"] for path in alike
    )
    assert ask("SELECT COUNT(*) FROM ops.orders_rejects") == [[4]]
    assert [ids(warehouse, path) for path in alike] == [[0, 1, 2]] * 4
    with warehouse.read_table(Reading("ops.orders", "orders")) as reader:
        names = reader.read_all()["name"].to_pylist()
    assert names == [path for path in sorted(alike) for _ in range(3)]
