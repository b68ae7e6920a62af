"""A DuckDB file passes the suites; waiting, isolation and comments are its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from lume_dagster.connectors import DuckDBConnector
from lume_dagster.connectors.duckdb_file.frugal import for_wide_rows, in_little_memory
from lume_dagster.connectors.protocol import Column, DatabaseSource, Reading, Target
from lume_dagster.connectors.sql.ddl import DUCKDB_TYPES, sql_type
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.testing import (
    DatabaseSourceSuite,
    ManyTargetSuite,
    TableReaderSuite,
    TargetSuite,
)
from lume_dagster.testing.deliveries import EVERY_TYPE, make_delivery


def rows_of(path, query):
    with duckdb.connect(path) as connection:
        return connection.execute(query).fetchall()


class TestDuckDB(TargetSuite, ManyTargetSuite, TableReaderSuite, DatabaseSourceSuite):
    connector_type = DuckDBConnector
    literals = {**DatabaseSourceSuite.literals, "blob": "'\\x00''\\xFF'::BLOB"}

    @pytest.fixture
    def config(self, tmp_path):
        return {"path": str(tmp_path / "warehouse.duckdb"), "lock_timeout_seconds": 60.0}

    def broken(self, config):
        Path(config["path"]).write_text("this is not a database " * 1000)
        return [config, {"path": "/"}]

    def read_mapped(self, connector, table):
        return self._read(connector, table)

    def read_rejects(self, connector, table):
        return self._read(connector, f"{table}_rejects")

    def fill(self, config, rows):
        plain = [
            {k: json.dumps(v) if k in {"nested", "items"} else v for k, v in r.items()}
            for r in rows
        ]
        names = [c.name for c in EVERY_TYPE]
        columns = ", ".join(f'"{c.name}" {sql_type(c, DUCKDB_TYPES)}' for c in EVERY_TYPE)
        marks = ", ".join("?" * (len(names) + 1))
        with duckdb.connect(config["path"]) as connection:
            connection.execute(f"CREATE TABLE IF NOT EXISTS batches (batch VARCHAR, {columns})")
            if len(rows) > 100:
                table = pa.Table.from_pylist(plain)
                connection.register("many", table)
                connection.execute("INSERT INTO batches BY NAME SELECT * FROM many")
                return
            values = [[r["batch"], *(r.get(n) for n in names)] for r in plain]
            connection.executemany(f"INSERT INTO batches VALUES ({marks})", values)

    def count(self, config):
        return rows_of(config["path"], "SELECT count(*) FROM batches")[0][0]

    def _read(self, connector, table):
        schema, name = table.split(".")
        with duckdb.connect(connector.path) as connection:
            there = connection.execute(
                "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
                [schema, name],
            ).fetchall()
            if not there:
                return pa.table({})
            return connection.sql(f"FROM {table}").to_arrow_table()


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "warehouse.duckdb")


def test_it_is_a_database_and_a_target(path):
    assert isinstance(DuckDBConnector(path=path), DatabaseSource)
    assert isinstance(DuckDBConnector(path=path), Target)


def test_columns_carry_their_description(path, tmp_path):
    DuckDBConnector(path=path).deliver(make_delivery(tmp_path, [{"id": 1}]))
    query = (
        "SELECT comment FROM duckdb_columns() WHERE table_name = 'orders' AND column_name = 'id'"
    )
    assert rows_of(path, query) == [("The key: it's unique",)]


def test_another_process_that_holds_the_file_is_waited_for_and_named(path, tmp_path):
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        delivery = make_delivery(tmp_path, [{"id": 1}])
        impatient = DuckDBConnector(path=path, lock_timeout_seconds=0.1)
        with pytest.raises(TransientError, match=rf"another process \(\S+, PID {holder.pid}\); it"):
            impatient.deliver(delivery)
        holder.stdin.close()
        assert DuckDBConnector(path=path).deliver(delivery).mapped_rows == 1


def test_a_source_query_reaches_no_other_file(path):
    rows_of(path, "CREATE TABLE t AS SELECT 1 AS a")
    query = "SELECT * FROM read_text('/etc/passwd') WHERE '' = :source_path"
    with (
        pytest.raises(ConnectorError, match="disabled by configuration"),
        DuckDBConnector(path=path).read(query, "") as reader,
    ):
        reader.read_all()


def test_a_source_query_spills_to_disk_under_its_memory_limit(path):
    rows_of(path, "CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS a FROM range(1000000) r(i)")
    query = "SELECT * FROM t WHERE :source_path = 'x' ORDER BY a"
    with DuckDBConnector(path=path, memory_limit="64MB", threads=1).read(query, "x") as reader:
        assert sum(batch.num_rows for batch in reader) == 1_000_000


def test_a_missing_database_is_not_made_by_reading(path, tmp_path):
    with (
        pytest.raises(ConnectorError, match="There is no DuckDB database"),
        DuckDBConnector(path=path).read("SELECT :source_path", "x"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_check_writes_nothing(path, tmp_path):
    DuckDBConnector(path=path).check(make_delivery(tmp_path / "in", [{"id": 1}]))
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_two_fields_that_differ_in_case_are_refused(path, tmp_path):
    columns = (Column("id", "integer"), Column("ID", "integer"))
    with pytest.raises(ConnectorError, match="'id' and 'ID' for the same column"):
        DuckDBConnector(path=path).check(make_delivery(tmp_path, [], columns=columns))


def test_another_database_in_the_table_name_is_refused(path, tmp_path):
    with pytest.raises(ConnectorError, match="reaches 'warehouse'"):
        DuckDBConnector(path=path).check(make_delivery(tmp_path, [], table="lake.ops.orders"))


def test_a_file_may_be_called_like_its_schema(tmp_path):
    warehouse = DuckDBConnector(path=str(tmp_path / "ops.duckdb"))
    delivery = make_delivery(tmp_path, [{"id": 1}], rejects=1)
    warehouse.check(delivery)
    warehouse.deliver(delivery)
    assert warehouse.deliver(replace(delivery, run_id="run_2")).table_rows == 1
    with warehouse.read_table(Reading("ops.orders", "orders")) as reader:
        assert reader.read_all()["id"].to_pylist() == [1]


def test_a_failed_delivery_leaves_no_table(path, tmp_path):
    columns = (Column("id", "integer"), Column("name", "integer"))
    delivery = make_delivery(tmp_path, [{"id": 1, "name": "x"}])
    with pytest.raises(ConnectorError, match="Could not convert string"):
        DuckDBConnector(path=path).deliver(replace(delivery, columns=columns))
    assert rows_of(path, "SELECT count(*) FROM duckdb_tables()") == [(0,)]


def test_a_table_spelled_in_another_case_is_the_same_table(path, tmp_path):
    warehouse = DuckDBConnector(path=path)
    delivery = make_delivery(tmp_path, [{"id": 1}])
    warehouse.deliver(delivery)
    receipt = warehouse.deliver(replace(delivery, table="OPS.Orders", run_id="run_2"))
    assert receipt.table_rows == 1


def test_a_delivery_spills_to_disk_under_its_memory_limit_and_cleans_up(path, tmp_path):
    rows = [{"id": i % 50_000, "name": f"{i:0200d}"} for i in range(100_000)]
    delivery = make_delivery(tmp_path, rows, mode="merge")
    small = DuckDBConnector(path=path, memory_limit="100MB", threads=1)
    assert small.deliver(delivery).mapped_rows == 50_000
    assert not (tmp_path / "warehouse.duckdb.tmp").exists()


@pytest.mark.parametrize(
    ("allowed", "given"), [("2GB", ["256.0 MiB", "1.8 GiB"]), ("200MB", ["190.7 MiB"])]
)
def test_what_needs_more_than_little_memory_is_done_again_with_all_that_is_allowed(allowed, given):
    seen = []
    with duckdb.connect() as connection:

        def act():
            limit = connection.execute("SELECT current_setting('memory_limit')").fetchone()[0]
            seen.append(limit)
            connection.execute("BEGIN")
            # A list cannot be spilled.
            connection.execute("SELECT len(list(repeat('x', 100) || i)) FROM range(3000000) t(i)")
            connection.execute("COMMIT")

        connection.execute("SET threads = 2")
        connection.execute("SET memory_limit = $1", [allowed])
        too_little = pytest.raises(duckdb.OutOfMemoryException, match="Out of Memory")
        with too_little if len(given) == 1 else contextlib.nullcontext():
            in_little_memory(connection, allowed, act)
    assert seen == given


def setting(connection, name):
    return connection.execute("SELECT current_setting($1)", [name]).fetchone()[0]


def test_more_threads_may_take_more_memory():
    with duckdb.connect(config={"threads": 4, "memory_limit": "2GB"}) as connection:
        taken = in_little_memory(connection, "2GB", lambda: setting(connection, "memory_limit"))
        assert (taken, setting(connection, "memory_limit")) == ("512.0 MiB", "1.8 GiB")


@pytest.mark.parametrize(("size", "threads"), [(1 << 25, 2), (1 << 10, 4)])
def test_many_rejects_are_written_by_half_of_the_threads(size, threads, tmp_path):
    file = tmp_path / "rejects.parquet"
    with file.open("wb") as sparse:
        sparse.truncate(size)
    with duckdb.connect(config={"threads": 4}) as connection:
        with for_wide_rows(connection, [file]):
            assert setting(connection, "threads") == threads
        assert setting(connection, "threads") == 4
