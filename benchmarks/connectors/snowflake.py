"""Snowflake: PUT, COPY and Arrow by hand are the bare client; pandas goes as it can on the double."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.connector_frame import BATCH, COLUMNS, TABLE, System

_QUERY = f"SELECT * FROM {TABLE} WHERE batch = '{BATCH}'"
_FEW = 500  # rows that executemany is measured with: the double runs them one by one
_TYPES = {
    "integer": "NUMBER(38,0)",
    "number": "FLOAT",
    "string": "VARCHAR",
    "date": "DATE",
    "decimal(18,4)": "NUMBER(18,4)",
    "timestamp": "TIMESTAMP_NTZ(6)",
    "boolean": "BOOLEAN",
}
_FORMAT = "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)"


def _server() -> AbstractContextManager[Any]:
    from lume_dagster_tests.servers.snowflake import snowflake_server

    return snowflake_server()


@contextmanager
def _place(server: Any) -> Iterator[str]:
    with server.new_database() as database:
        yield json.dumps(server.config(database))


def _connector(place: str) -> Any:
    from lume_dagster.connectors import SnowflakeConnector

    return SnowflakeConnector(**json.loads(place))


@contextmanager
def _cursor(place: str) -> Iterator[Any]:
    from snowflake import connector

    with (
        connector.connect(
            **json.loads(place), paramstyle="qmark", arrow_number_to_decimal=True
        ) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor


def _load(cursor: Any, table: str, batch: Path) -> None:
    columns = ", ".join(f"{name} {_TYPES[type_]}" for name, type_, _ in COLUMNS)
    cursor.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
    schema, _, name = table.rpartition(".")
    stage = f"@{schema}.%{name}" if schema else f"@%{name}"
    cursor.execute(f"PUT 'file://{batch}' {stage} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    cursor.execute(
        f"COPY INTO {table} FROM {stage} {_FORMAT} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    )


def _fill(place: str, batch: Path) -> None:
    with _cursor(place) as cursor:
        _load(cursor, TABLE, batch)


def _clear(place: str) -> None:
    with _cursor(place) as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS BENCH CASCADE")
        cursor.execute("CREATE SCHEMA BENCH")


def _pieces(cursor: Any) -> Iterator[Any]:
    cursor.execute(_QUERY)
    yield from cursor.fetch_arrow_batches(force_microsecond_precision=True)


def _bare_read(place: str, _: Path, out: Path) -> int:
    import pyarrow.parquet as pq

    rows, writer = 0, None
    with _cursor(place) as cursor:
        for piece in _pieces(cursor):
            writer = writer or pq.ParquetWriter(
                out / "all.parquet", piece.schema, compression="zstd"
            )
            writer.write_table(piece.cast(writer.schema))
            rows += piece.num_rows
    if writer is not None:
        writer.close()
    return rows


def _bare_drop(place: str, _: Path, _out: Path) -> int:
    with _cursor(place) as cursor:
        return sum(piece.num_rows for piece in _pieces(cursor))


def _bare_write(place: str, batch: Path, _: Path) -> int:
    import pyarrow.parquet as pq

    with _cursor(place) as cursor:
        _load(cursor, "BENCH.FACTS", batch)
    return int(pq.read_metadata(batch).num_rows)


def _moved_write(place: str, batch: Path, _: Path) -> int:
    import pyarrow.parquet as pq

    with _cursor(place) as cursor:
        _load(cursor, "BENCH.STAGED", batch)
        cursor.execute("CREATE OR REPLACE TABLE BENCH.FACTS LIKE BENCH.STAGED")
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO BENCH.FACTS SELECT * FROM BENCH.STAGED")
        cursor.execute("COMMIT")
        cursor.execute("DROP TABLE BENCH.STAGED")
    return int(pq.read_metadata(batch).num_rows)


def _frame_read(place: str, _: Path, out: Path) -> int:
    with _cursor(place) as cursor:
        frame = cursor.execute(_QUERY).fetch_pandas_all()
    frame.to_parquet(out / "all.parquet")
    return len(frame)


def _pandas_read(place: str, _: Path, out: Path) -> int:
    import pandas as pd

    with _cursor(place) as cursor:
        frame = pd.read_sql(_QUERY, cursor.connection)
    frame.to_parquet(out / "all.parquet")
    return len(frame)


def _pandas_write(place: str, batch: Path, _: Path) -> int:
    import pyarrow.parquet as pq

    names = [name for name, _, _ in COLUMNS]
    frame = next(pq.ParquetFile(batch).iter_batches(_FEW, columns=names)).to_pandas()
    columns = ", ".join(f"{name} {_TYPES[type_]}" for name, type_, _ in COLUMNS)
    with _cursor(place) as cursor:
        cursor.execute(f"CREATE OR REPLACE TABLE BENCH.FACTS ({columns})")
        marks = ", ".join("?" for _ in names)
        values = frame.astype(object).to_numpy().tolist()
        texts = {"Decimal", "Timestamp"}
        rows = [[str(v) if type(v).__name__ in texts else v for v in row] for row in values]
        cursor.executemany(f"INSERT INTO BENCH.FACTS VALUES ({marks})", rows)
    return len(frame)


SYSTEM = System(
    title="Snowflake (fakesnow)",
    server=_server,
    place=_place,
    connector=_connector,
    fill=_fill,
    clear=_clear,
    read={
        "Arrow batches by hand, into Parquet": _bare_read,
        "Arrow batches by hand, rows dropped": _bare_drop,
        "fetch_pandas_all, to_parquet": _frame_read,
        "pandas read_sql, to_parquet": _pandas_read,
    },
    write={
        "PUT, COPY into a table of its own, one INSERT": _moved_write,
        "PUT and COPY alone (not atomic)": _bare_write,
        "pandas executemany, as to_sql does": _pandas_write,
    },
    modules=("snowflake.connector", "sqlglot.dialects.snowflake"),
    is_double=True,
    most_rows=500_000,
    notes=(
        "The server is the tests' double, on the same machine: it shares two cores with the client, "
        "and its figures say what the client's side costs, not what Snowflake does.",
        "write_pandas does not run on the double, so pandas writes as to_sql does, and the double "
        "runs its rows one by one: that ratio is the double's, not Snowflake's.",
        "A delivery goes into a temporary table first, so that it locks the schema for a moment only, and so does the "
        "bare client that it is compared with. COPY alone is shown beside: the second copy of the rows, a warehouse's "
        "work, is the double's here, on the client's cores.",
    ),
)
