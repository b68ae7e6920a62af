"""Databricks by hand: the bare client both ways, and the way of pandas.

``bare_write``    PUT the Parquet file as it is, COPY INTO a table that nobody reads
``bare_read``     fetchmany_arrow into one Parquet file
``pandas_write``  executemany, which the client sends as one INSERT a row
``pandas_read``   fetchall into a DataFrame, to_parquet

A server is an object with ``cursor()``, ``volume`` and ``run()``: that of the tests, or a
workspace's. On the server of the tests Sail, its Python front and the client share two cores, so the
figures compare the ways with each other and say nothing of a warehouse.

    python -m benchmarks.connectors.databricks 1000000
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

TABLE = "lume_test.bench"
_PIECE, _ROUNDS = 100_000, 5
_FEW = 200  # rows that executemany is measured with: it takes minutes for more

TYPES = {
    "BIGINT": "(i * 7919) % 1000003",
    "DOUBLE": "random() * 1000",
    "DECIMAL(18,4)": "((i % 100000) / 7)::DECIMAL(18,4)",
    "STRING": "'value ' || (i % 5000)",
    "DATE": "DATE '2020-01-01' + (i % 2000)::INTEGER",
    "TIMESTAMP_NTZ": "TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND",
    "BOOLEAN": "i % 3 = 0",
}
COLUMNS = [("id", "BIGINT", "i")] + [
    (f"c{n}", *list(TYPES.items())[n % len(TYPES)]) for n in range(1, 20)
]


def make(rows: int, file: Path) -> None:
    """A batch of twenty columns, as a transform leaves it."""
    import duckdb

    outputs = ", ".join(f"{sql} AS {name}" for name, _, sql in COLUMNS)
    with duckdb.connect() as connection:
        query = f"SELECT {outputs}, i + 1 AS _lume_row FROM range({rows}) t(i)"
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")


def make_table(server: Any) -> None:
    """An empty table for the contenders that make none."""
    columns = ", ".join(f"{name} {kind}" for name, kind, _ in COLUMNS)
    server.run(f"DROP TABLE IF EXISTS {TABLE}")
    server.run(f"CREATE TABLE {TABLE} ({columns}, _lume_row BIGINT) USING DELTA")


def bare_write(server: Any, file: Path) -> None:
    """The floor: neither typed nor repeatable nor with rejects."""
    place = f"/Volumes/{server.volume.replace('.', '/')}/bench.parquet"
    with server.cursor() as cursor:
        cursor.execute(f"PUT '{file}' INTO '{place}' OVERWRITE")
        options = "COPY_OPTIONS ('force' = 'true')"
        cursor.execute(f"COPY INTO {TABLE} FROM '{place}' FILEFORMAT = PARQUET {options}")
        cursor.execute(f"REMOVE '{place}'")


def bare_read(server: Any, file: Path) -> int:
    """Arrow into one Parquet file."""
    import pyarrow.parquet as pq

    count = 0
    with server.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE}")
        piece = cursor.fetchmany_arrow(_PIECE)
        with pq.ParquetWriter(file, piece.schema) as writer:
            while piece.num_rows:
                writer.write_table(piece)
                count += piece.num_rows
                piece = cursor.fetchmany_arrow(_PIECE)
    return count


def pandas_write(server: Any, file: Path) -> float:
    """executemany of a few rows; the seconds that all rows would take."""
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    few = [tuple(row.values()) for row in table.slice(0, _FEW).to_pylist()]
    marks = ", ".join("?" for _ in table.column_names)
    begun = time.perf_counter()
    with server.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", few)
    return (time.perf_counter() - begun) / _FEW * table.num_rows


def pandas_read(server: Any, file: Path) -> None:
    """Rows as Python objects, as ``read_sql`` has them."""
    import pandas as pd

    with server.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE}")
        rows = cursor.fetchall()
        names = [column[0] for column in cursor.description]
    pd.DataFrame.from_records(rows, columns=names).to_parquet(file)


def make_our_tables(server: Any, file: Path) -> None:
    """Our tables, empty: nobody else's time has the making of tables in it."""
    import duckdb

    server.run("DROP SCHEMA IF EXISTS ops CASCADE")
    empty = file.with_name("empty.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"COPY (FROM '{file}' LIMIT 0) TO '{empty}'")
    _connector(server).deliver(replace(_delivery(file), mapped=(empty,), source_path=""))


def our_write(server: Any, file: Path) -> None:
    """The connector: typed, repeatable, with rejects and the ledger."""
    _connector(server).deliver(_delivery(file))


def our_read(server: Any, file: Path) -> int:
    """The connector, streamed into one Parquet file."""
    import pyarrow.parquet as pq

    count = 0
    query = f"SELECT * FROM {TABLE} WHERE :source_path = 'x'"
    with (
        _connector(server).read(query, "x") as reader,
        pq.ParquetWriter(file, reader.schema) as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _connector(server: Any) -> Any:
    from lume_dagster.connectors import DatabricksConnector

    return DatabricksConnector(**server.config())


def _delivery(file: Path) -> Any:
    from lume_dagster.connectors.protocol import Column
    from lume_dagster.testing.deliveries import make_delivery

    words = {"BIGINT": "integer", "DOUBLE": "number", "STRING": "string", "DATE": "date"}
    words |= {"DECIMAL(18,4)": "decimal(18,4)", "TIMESTAMP_NTZ": "timestamp", "BOOLEAN": "boolean"}
    columns = tuple(Column(name, words[kind]) for name, kind, _ in COLUMNS)
    made = make_delivery(file.parent, [], table="ops.bench")
    return replace(made, columns=columns, mapped=(file,))


def _timed(name: str, act: Callable[[], Any], took: dict[str, list[float]]) -> None:
    begun, cpu = time.perf_counter(), time.process_time()
    result = act()
    wall = result if isinstance(result, float) else time.perf_counter() - begun
    took.setdefault(name, []).append(wall)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:13} {wall:8.2f} s  {time.process_time() - cpu:6.2f} s CPU  {peak:6.0f} MB peak")


def main(rows: int) -> None:
    """Every contender in one run, each on the same table; the server's pace is part of all."""
    from lume_dagster_tests.servers.databricks.fixture import databricks_server

    took: dict[str, list[float]] = {}
    with databricks_server() as server, tempfile.TemporaryDirectory() as folder:
        server.empty()
        file, out = Path(folder, "batch.parquet"), Path(folder, "out.parquet")
        make(rows, file)
        print(f"{rows} rows x 20 columns, {file.stat().st_size >> 20} MB")
        for _ in range(_ROUNDS):
            make_table(server)
            make_our_tables(server, file)
            _timed("bare write", lambda: bare_write(server, file), took)
            _timed("our write", lambda: our_write(server, file), took)
        for _ in range(_ROUNDS):
            _timed("our read", lambda: our_read(server, out), took)
            _timed("bare read", lambda: bare_read(server, out), took)
        _timed("pandas read", lambda: pandas_read(server, out), took)
        _timed("pandas write", lambda: pandas_write(server, file), took)
    middle = {name: statistics.median(seconds) for name, seconds in took.items()}
    for way in ("write", "read"):
        ours = middle[f"our {way}"]
        bare, pandas = middle[f"bare {way}"] / ours, middle[f"pandas {way}"] / ours
        print(f"{way}: {bare:.2f} of the bare client's rate, {pandas:.1f} times that of pandas")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
