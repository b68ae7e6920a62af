"""PostgreSQL: ADBC by hand is the bare client; pandas goes through SQLAlchemy, as people write it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.connector_frame import BATCH, COLUMNS, TABLE, System

_QUERY = f"SELECT * FROM {TABLE} WHERE batch = '{BATCH}'"
_FEW = 50_000  # rows that to_sql is measured with
_WORDS = {"integer": "bigint", "number": "double precision", "string": "text"}


def _server() -> AbstractContextManager[Any]:
    from lume_dagster_tests.servers.postgres import postgres_server

    return postgres_server()


@contextmanager
def _place(server: Any) -> Iterator[str]:
    with server.new_database() as name:
        yield server.uri(name)


def _connector(place: str) -> Any:
    from lume_dagster.connectors import PostgresConnector

    return PostgresConnector(uri=place)


@contextmanager
def _cursor(place: str) -> Iterator[Any]:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(place) as connection, connection.cursor() as cursor:
        yield cursor
        connection.commit()


def _fill(place: str, batch: Path) -> None:
    import pyarrow.parquet as pq

    columns = ", ".join(
        f"{n} {_WORDS.get(t, t).replace('decimal', 'numeric')}" for n, t, _ in COLUMNS
    )
    names = [name for name, _, _ in COLUMNS]
    with _cursor(place) as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        cursor.execute(f"CREATE TABLE {TABLE} ({columns})")
        rows = pq.ParquetFile(batch).iter_batches(65_536, columns=names)
        for piece in rows:
            cursor.adbc_ingest(TABLE, piece, mode="append")


def _clear(place: str) -> None:
    with _cursor(place) as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS bench CASCADE")
        cursor.execute("CREATE SCHEMA bench")


def _bare_read(place: str, _: Path, out: Path) -> int:
    import pyarrow.parquet as pq

    rows = 0
    with _cursor(place) as cursor:
        cursor.execute(_QUERY)
        reader = cursor.fetch_record_batch()
        with pq.ParquetWriter(out / "all.parquet", reader.schema, compression="zstd") as writer:
            for piece in reader:
                writer.write_batch(piece)
                rows += piece.num_rows
    return rows


def _bare_drop(place: str, _: Path, _out: Path) -> int:
    with _cursor(place) as cursor:
        cursor.execute(_QUERY)
        return sum(piece.num_rows for piece in cursor.fetch_record_batch())


def _bare_write(place: str, batch: Path, _: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(batch)
    reader = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(10_000))
    with _cursor(place) as cursor:
        cursor.adbc_ingest("facts", reader, mode="create", db_schema_name="bench")
    return int(file.metadata.num_rows)


def _url(place: str) -> str:
    return place.replace("postgresql:", "postgresql+psycopg2:", 1)


def _pandas_read(place: str, _: Path, out: Path) -> int:
    import pandas as pd
    import sqlalchemy

    frame = pd.read_sql(sqlalchemy.text(_QUERY), sqlalchemy.create_engine(_url(place)))
    frame.to_parquet(out / "all.parquet")
    return len(frame)


def _pandas_write(place: str, batch: Path, _: Path) -> int:
    import pandas as pd
    import pyarrow.parquet as pq
    import sqlalchemy

    piece = next(pq.ParquetFile(batch).iter_batches(_FEW))
    frame: pd.DataFrame = piece.to_pandas()
    frame.to_sql(
        "facts",
        sqlalchemy.create_engine(_url(place)),
        schema="bench",
        index=False,
        method="multi",
        chunksize=1000,
    )
    return len(frame)


SYSTEM = System(
    title="PostgreSQL",
    server=_server,
    place=_place,
    connector=_connector,
    fill=_fill,
    clear=_clear,
    read={
        "ADBC by hand, into Parquet": _bare_read,
        "ADBC by hand, rows dropped": _bare_drop,
        "pandas read_sql, to_parquet": _pandas_read,
    },
    write={"adbc_ingest alone (not atomic)": _bare_write, "pandas to_sql": _pandas_write},
    peers=("dlt",),
    notes=(
        "The server runs on the same machine, with fsync off; CPU and memory are the client's.",
    ),
)
