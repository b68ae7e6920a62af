"""SQL Server: the driver's bulk copy and Arrow reader by hand are the bare client; pandas goes by rows.

The server is the stand-in of the tests, or the one that LUME_TEST_SQLSERVER_URL names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.connector_frame import BATCH, COLUMNS, TABLE, System

_QUERY = f"SELECT * FROM dbo.{TABLE} WHERE batch = "
_PIECE = 10_000
_FEW = 2_000  # rows that executemany is measured with: a round trip each
_WORDS = {
    "integer": "bigint",
    "number": "float(53)",
    "string": "nvarchar(max)",
    "timestamp": "datetime2(6)",
    "boolean": "bit",
}


def _server() -> AbstractContextManager[Any]:
    from lume_dagster_tests.servers.sqlserver.fixture import sqlserver_server

    return sqlserver_server()


@contextmanager
def _place(server: Any) -> Iterator[str]:
    with server.new_database() as database:
        yield json.dumps({"server": vars(server), "database": database})


def _found(place: str) -> tuple[Any, str]:
    from lume_dagster_tests.servers.sqlserver.fixture import SqlServer

    given = json.loads(place)
    return SqlServer(**given["server"]), given["database"]


def _connector(place: str) -> Any:
    from lume_dagster.connectors import SQLServerConnector

    server, database = _found(place)
    return SQLServerConnector(**server.config(database))


@contextmanager
def _cursor(place: str) -> Iterator[Any]:
    server, database = _found(place)
    with server.connect(database) as cursor:
        yield cursor


def _create(name: str, *more: str) -> str:
    columns = [f"[{n}] {_WORDS.get(t, t)} NULL" for n, t, _ in COLUMNS]
    return f"CREATE TABLE {name} ({', '.join([*columns, *more])})"


def _copied(cursor: Any, batch: Path, table: str, columns: str) -> int:
    """The driver's fastest way in, from Parquet, in bounded memory."""
    import duckdb
    import pyarrow.parquet as pq

    with duckdb.connect() as connection:
        reader = connection.sql(f"SELECT {columns} FROM '{batch}'").to_arrow_reader(_PIECE)
        cursor.bulkcopy_arrow(table, reader, timeout=0, table_lock=True)
    return int(pq.read_metadata(batch).num_rows)


def _fill(place: str, batch: Path) -> None:
    with _cursor(place) as cursor:
        cursor.execute(_create(f"dbo.{TABLE}"))
        _copied(cursor, batch, f"dbo.{TABLE}", "* EXCLUDE (_lume_row)")


def _clear(place: str) -> None:
    query = "SELECT table_name FROM INFORMATION_SCHEMA.TABLES WHERE table_schema = 'bench'"
    with _cursor(place) as cursor:
        cursor.execute(query)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE bench.[{name}]")
        cursor.execute("DROP SCHEMA IF EXISTS bench")
        cursor.execute("CREATE SCHEMA bench")


def _bare_read(place: str, _: Path, out: Path) -> int:
    import pyarrow.parquet as pq

    rows = 0
    with _cursor(place) as cursor:
        cursor.execute(f"{_QUERY} ?", (BATCH,))
        reader = cursor.arrow_reader(_PIECE)
        with pq.ParquetWriter(out / "all.parquet", reader.schema, compression="zstd") as writer:
            for piece in reader:
                writer.write_batch(piece)
                rows += piece.num_rows
    return rows


def _bare_write(place: str, batch: Path, _: Path) -> int:
    with _cursor(place) as cursor:
        cursor.execute(_create("bench.facts", "_lume_row bigint"))
        return _copied(cursor, batch, "bench.facts", "*")


def _pandas_read(place: str, _: Path, out: Path) -> int:
    import pandas as pd

    with _cursor(place) as cursor:
        cursor.execute(f"{_QUERY} ?", (BATCH,))
        names = [column[0] for column in cursor.description]
        frame = pd.DataFrame([tuple(row) for row in cursor.fetchall()], columns=names)
    frame.to_parquet(out / "all.parquet")
    return len(frame)


def _pandas_write(place: str, batch: Path, _: Path) -> int:
    import pyarrow.parquet as pq

    frame = next(pq.ParquetFile(batch).iter_batches(_FEW)).to_pandas().astype(object)
    marks = ", ".join("?" for _ in frame.columns)
    with _cursor(place) as cursor:
        cursor.execute(_create("bench.facts", "_lume_row bigint"))
        rows = [tuple(row) for row in frame.to_numpy().tolist()]
        cursor.executemany(f"INSERT INTO bench.facts VALUES ({marks})", rows)
    return len(frame)


SYSTEM = System(
    title="SQL Server (stand-in)",
    server=_server,
    place=_place,
    connector=_connector,
    fill=_fill,
    clear=_clear,
    query=f"{_QUERY} :source_path",
    read={
        "arrow_reader by hand, into Parquet": _bare_read,
        "pandas of fetchall, to_parquet": _pandas_read,
    },
    write={
        "bulkcopy_arrow alone (not atomic)": _bare_write,
        "pandas executemany, as to_sql does": _pandas_write,
    },
    modules=("mssql_python", "sqlglot.dialects.tsql"),
    is_double=True,
    most_rows=200_000,
    notes=(
        "The server is the stand-in of the tests, on the same cores. It sends rows by the batch, and takes "
        "those that are written apart in Python, which is the brake of all ways to write: the figures "
        "compare ways with each other and say nothing of a SQL Server.",
    ),
)
