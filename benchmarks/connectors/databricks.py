"""Databricks: PUT and COPY INTO, and fetchmany_arrow, by hand; pandas by rows, as the client has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.connector_frame import BATCH, COLUMNS, TABLE, System

_QUERY = f"SELECT * FROM {TABLE} WHERE batch = '{BATCH}'"
_PIECE = 100_000
_FEW = 200  # rows that executemany is measured with: one statement each
_WORDS = {"integer": "bigint", "number": "double", "timestamp": "timestamp_ntz"}


def _server() -> AbstractContextManager[Any]:
    from lume_dagster_tests.servers.databricks.fixture import databricks_server

    return databricks_server()


@contextmanager
def _place(server: Any) -> Iterator[str]:
    server.empty()
    yield json.dumps(server.config())


def _connector(place: str) -> Any:
    from lume_dagster.connectors import DatabricksConnector

    return DatabricksConnector(**json.loads(place))


@contextmanager
def _cursor(place: str, folder: Path | None = None) -> Iterator[Any]:
    from databricks import sql

    given = json.loads(place)
    host, path = given["server_hostname"], given["http_path"]
    with (
        sql.connect(
            host,
            path,
            given["access_token"],
            catalog=given["catalog"],
            schema=given["schema_name"],
            staging_allowed_local_path=str(folder) if folder else None,
            session_configuration={"TIMEZONE": "UTC"},
            enable_telemetry=False,
            _connection_uri=f"{host}{path}" if host.startswith("http://") else None,
        ) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor


def _copy(place: str, table: str, batch: Path) -> None:
    """Make a table of the batch by PUT and COPY INTO, as few lines as do it."""
    columns = ", ".join(f"{name} {_WORDS.get(type_, type_)}" for name, type_, _ in COLUMNS)
    file = f"/Volumes/{json.loads(place)['volume'].replace('.', '/')}/bench.parquet"
    with _cursor(place, batch.parent) as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(f"CREATE TABLE {table} ({columns}, _lume_row BIGINT) USING DELTA")
        cursor.execute(f"PUT '{batch}' INTO '{file}' OVERWRITE")
        cursor.execute(
            f"COPY INTO {table} FROM '{file}' FILEFORMAT = PARQUET COPY_OPTIONS ('force' = 'true')"
        )
        cursor.execute(f"REMOVE '{file}'")


def _fill(place: str, batch: Path) -> None:
    _copy(place, TABLE, batch)


def _clear(place: str) -> None:
    with _cursor(place) as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS bench CASCADE")
        cursor.execute("CREATE SCHEMA bench")


def _bare_read(place: str, _: Path, out: Path) -> int:
    import pyarrow.parquet as pq

    rows = 0
    with _cursor(place) as cursor:
        cursor.execute(_QUERY)
        piece = cursor.fetchmany_arrow(_PIECE)
        with pq.ParquetWriter(out / "all.parquet", piece.schema, compression="zstd") as writer:
            while piece.num_rows:
                writer.write_table(piece)
                rows += piece.num_rows
                piece = cursor.fetchmany_arrow(_PIECE)
    return rows


def _bare_write(place: str, batch: Path, _: Path) -> int:
    import pyarrow.parquet as pq

    _copy(place, "bench.facts", batch)
    return int(pq.read_metadata(batch).num_rows)


def _pandas_read(place: str, _: Path, out: Path) -> int:
    import pandas as pd

    with _cursor(place) as cursor:
        cursor.execute(_QUERY)
        rows = cursor.fetchall()
        names = [column[0] for column in cursor.description]
    pd.DataFrame.from_records(rows, columns=names).to_parquet(out / "all.parquet")
    return len(rows)


def _rows_write(place: str, batch: Path, _: Path) -> int:
    import pyarrow.parquet as pq

    piece = next(pq.ParquetFile(batch).iter_batches(_FEW))
    rows = [tuple(row.values()) for row in piece.to_pylist()]
    columns = ", ".join(f"{name} {_WORDS.get(type_, type_)}" for name, type_, _ in COLUMNS)
    marks = ", ".join("?" for _ in piece.schema.names)
    with _cursor(place) as cursor:
        cursor.execute(f"CREATE TABLE bench.facts ({columns}, _lume_row BIGINT) USING DELTA")
        cursor.executemany(f"INSERT INTO bench.facts VALUES ({marks})", rows)
    return len(rows)


SYSTEM = System(
    title="Databricks",
    server=_server,
    place=_place,
    connector=_connector,
    fill=_fill,
    clear=_clear,
    read={
        "fetchmany_arrow by hand, into Parquet": _bare_read,
        "pandas of fetchall, to_parquet": _pandas_read,
    },
    write={
        "PUT and COPY INTO alone (not repeatable)": _bare_write,
        "pandas itertuples, executemany": _rows_write,
    },
    modules=("databricks.sql.backend.thrift_backend", "sqlglot.dialects.databricks"),
    is_double=True,
    most_rows=500_000,
    notes=(
        "The server is that of the tests: Sail behind Python, on the same cores. It is the brake, so "
        "the figures compare ways with each other and say nothing of a warehouse.",
        "A check and a first delivery are sixteen statements, each a turn of that server, where the bare client has five.",
    ),
)
