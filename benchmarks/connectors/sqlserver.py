"""SQL Server by hand: the bare driver both ways, and the way of pandas.

``bare_write``    bulkcopy_arrow of the Parquet file into a table that nobody else reads
``bare_read``     arrow_reader into one Parquet file
``pandas_write``  executemany, which is what to_sql comes to
``pandas_read``   fetchall into a DataFrame, to_parquet, which is what read_sql comes to

The server is that of the tests, or the one that LUME_TEST_SQLSERVER_URL names. On the stand-in of
the tests, which takes rows apart in Python, the server is the brake: CPU seconds of the client say
more than the clock, and neither says anything of a SQL Server.

    python -m benchmarks.connectors.sqlserver 1000000
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.process import run

_PIECE = 10_000
_FEW = 2_000  # rows that executemany is measured with: a round trip each
_QUERY = "SELECT * FROM dbo.source WHERE 'x' = :source_path"
_TYPES = {
    "integer": ("bigint", "(i * 7919) % 1000003"),
    "number": ("float(53)", "(i % 1000) / 7"),
    "decimal(18,4)": ("decimal(18,4)", "((i % 100000) / 7)::DECIMAL(18,4)"),
    "string": ("nvarchar(max)", "'value ' || (i % 5000)"),
    "date": ("date", "DATE '2020-01-01' + (i % 2000)::INTEGER"),
    "timestamp": ("datetime2(6)", "TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND"),
    "boolean": ("bit", "i % 3 = 0"),
}
COLUMNS = [("id", "integer", "bigint", "i")] + [
    (f"c{n}", type_, *_TYPES[type_]) for n in range(1, 20) for type_ in [list(_TYPES)[n % 7]]
]


def make(rows: int, file: Path) -> None:
    """A batch of twenty columns, as a transform leaves it."""
    import duckdb

    outputs = ", ".join(f"{sql} AS {name}" for name, _, _, sql in COLUMNS)
    with duckdb.connect() as connection:
        query = f"SELECT {outputs}, i + 1 AS _lume_row FROM range({rows}) t(i)"
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")


def bare_write(server: Any, database: str, file: Path, table: str = "bare") -> None:
    """The driver's fastest way in, from Parquet, in bounded memory."""
    import duckdb

    columns = ", ".join(f"[{name}] {kind} NULL" for name, _, kind, _ in COLUMNS)
    with server.connect(database) as cursor, duckdb.connect() as connection:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(f"CREATE TABLE {table} ({columns}, _lume_row bigint)")
        reader = connection.sql(f"SELECT * FROM '{file}'").to_arrow_reader(_PIECE)
        cursor.bulkcopy_arrow(table, reader, timeout=0, table_lock=True)


def bare_read(server: Any, database: str, into: Path) -> None:
    """The driver's fastest way out, into Parquet, in bounded memory."""
    import pyarrow.parquet as pq

    with server.connect(database) as cursor:
        cursor.execute("SELECT * FROM dbo.source WHERE 'x' = ?", ("x",))
        reader = cursor.arrow_reader(_PIECE)
        with pq.ParquetWriter(into, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)


def pandas_write(server: Any, database: str, file: Path) -> None:
    """A DataFrame by executemany."""
    import pandas as pd

    frame = pd.read_parquet(file).head(_FEW).astype(object)
    names = ", ".join(f"[{name}] {kind} NULL" for name, _, kind, _ in COLUMNS)
    marks = ", ".join("?" for _ in range(len(COLUMNS) + 1))
    with server.connect(database) as cursor:
        cursor.execute("DROP TABLE IF EXISTS by_pandas")
        cursor.execute(f"CREATE TABLE by_pandas ({names}, _lume_row bigint)")
        rows = [tuple(row) for row in frame.to_numpy().tolist()]
        cursor.executemany(f"INSERT INTO by_pandas VALUES ({marks})", rows)


def pandas_read(server: Any, database: str, into: Path) -> None:
    """Rows into a DataFrame."""
    import pandas as pd

    with server.connect(database) as cursor:
        cursor.execute("SELECT * FROM dbo.source WHERE 'x' = ?", ("x",))
        names = [column[0] for column in cursor.description]
        frame = pd.DataFrame([tuple(row) for row in cursor.fetchall()], columns=names)
    frame.to_parquet(into)


def ours_write(server: Any, database: str, file: Path) -> None:
    """A delivery, with rejects, ledger and stage."""
    from lume_dagster.connectors import SQLServerConnector
    from lume_dagster.connectors.protocol import Column, Delivery
    from lume_dagster.testing.deliveries import make_delivery

    with tempfile.TemporaryDirectory() as folder:
        rejects = make_delivery(Path(folder), []).rejects
        delivery = Delivery(
            table="dbo.ours",
            columns=tuple(Column(name, type_) for name, type_, _, _ in COLUMNS),
            key=("id",),
            mode="replace_batch",
            mapped=(file,),
            rejects=rejects,
            flow="bench",
            version=1,
            source_path="x",
            run_id=f"run_{time.monotonic_ns()}",
        )
        SQLServerConnector(**server.config(database)).deliver(delivery)


def ours_read(server: Any, database: str, into: Path) -> None:
    """A query into staging, types and row numbers and all."""
    from lume_dagster.connectors import SQLServerConnector
    from lume_dagster.engines.settings import EngineSettings
    from lume_dagster.engines.stage import stage_stream

    with SQLServerConnector(**server.config(database)).read(_QUERY, "x") as reader:
        settings = EngineSettings(scratch=into.with_name("scratch"))
        stage_stream(settings, reader, "x", into.with_name("staged"))


def nothing(*_: Any) -> None:
    """What a process weighs that has only imported what the others import."""
    import duckdb
    import mssql_python
    import pandas as pd
    import pyarrow.parquet as pq

    assert all((duckdb, mssql_python, pd, pq))


CONTENDERS: Mapping[str, Callable[[Any, str, Path], None]] = {
    "nothing": nothing,
    "bare_write": bare_write,
    "ours_write": ours_write,
    "pandas_write": pandas_write,
    "bare_read": bare_read,
    "ours_read": ours_read,
    "pandas_read": pandas_read,
}


def contend(name: str, server: Mapping[str, Any], database: str, file: str) -> None:
    """One contender, in a process of its own; prints how long it took without its imports."""
    from lume_dagster_tests.servers.sqlserver.fixture import SqlServer

    begun = time.perf_counter()
    CONTENDERS[name](SqlServer(**server), database, Path(file))
    print(json.dumps({"seconds": {name: round(time.perf_counter() - begun, 3)}}))


def measure(rows: int, rounds: int) -> None:
    """All contenders in turns; prints a line each."""
    from lume_dagster_tests.servers.sqlserver.fixture import sqlserver_server

    with (
        tempfile.TemporaryDirectory() as folder,
        sqlserver_server() as server,
        server.new_database() as database,
    ):
        file, into = Path(folder, "batch.parquet"), Path(folder, "read.parquet")
        make(rows, file)
        bare_write(server, database, file, table="source")
        for _ in range(rounds):
            for name in CONTENDERS:
                given = json.dumps(
                    [name, vars(server), database, str(into if "read" in name else file)]
                )
                module = "benchmarks.connectors.sqlserver"
                sample = run([sys.executable, "-m", module, "--contender", given])
                print(
                    f"{name:13} inside {sample.inside:7.2f} s  cpu {sample.cpu:6.2f} s  peak {sample.rss_mb:6.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1] == "--contender":
        contend(*json.loads(sys.argv[2]))
    else:
        measure(int(sys.argv[1]), int((sys.argv[2:] or ["1"])[0]))
