"""MySQL, on MariaDB: connectorx and LOAD DATA by hand are the bare clients; pandas goes by PyMySQL."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.connector_frame import BATCH, COLUMNS, TABLE, System

_QUERY = f"SELECT * FROM {TABLE} WHERE batch = '{BATCH}'"
_FEW = 50_000  # rows that pandas writes
_PIECE = 10_000
_WORDS = {"integer": "bigint", "number": "double", "string": "longtext", "timestamp": "datetime(6)"}
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0"))


def _server() -> AbstractContextManager[Any]:
    from lume_dagster_tests.servers.mysql import mysql_server

    return mysql_server("mariadb")


@contextmanager
def _place(server: Any) -> Iterator[str]:
    with server.new_database() as name:
        yield f"mysql://{server.user}:{server.password}@{server.host}:{server.port}/{name}"


def _connector(place: str) -> Any:
    from lume_dagster.connectors import MySQLConnector

    return MySQLConnector(uri=place, ssl_mode="disabled")


@contextmanager
def _cursor(place: str) -> Iterator[Any]:
    import pymysql

    parts = urlsplit(place)
    with (
        closing(
            pymysql.connect(
                host=parts.hostname,
                port=parts.port,
                user=parts.username,
                password=parts.password,
                database=parts.path.strip("/"),
                local_infile=True,
                ssl_disabled=True,
            )
        ) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor
        connection.commit()


def _create(name: str, *more: str) -> str:
    columns = [f"{n} {_WORDS.get(t, t)}" for n, t, _ in COLUMNS]
    return f"CREATE TABLE {name} ({', '.join([*columns, *more])}) CHARACTER SET utf8mb4"


def _fill(place: str, batch: Path) -> None:
    with _cursor(place) as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        cursor.execute(_create(TABLE))
        _load(cursor, TABLE, batch, [name for name, _, _ in COLUMNS])


def _clear(place: str) -> None:
    with _cursor(place) as cursor:
        cursor.execute("DROP DATABASE IF EXISTS bench")
        cursor.execute("CREATE DATABASE bench")


def _load(cursor: Any, table: str, batch: Path, names: list[str]) -> int:
    """Parquet as the text of LOAD DATA, in a file."""
    import pyarrow.parquet as pq

    rows = 0
    with tempfile.NamedTemporaryFile(suffix=".tsv") as text:
        for piece in pq.ParquetFile(batch).iter_batches(_PIECE, columns=names):
            text.write(_lines(piece))
            rows += piece.num_rows
        text.flush()
        cursor.execute(
            f"LOAD DATA LOCAL INFILE %s INTO TABLE {table} CHARACTER SET utf8mb4 "
            "FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\'",
            (text.name,),
        )
    return rows


def _lines(piece: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in piece.columns:
        values = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        text = values.cast(pa.string())
        if pa.types.is_string(column.type):
            for sign, written in _ESCAPES:
                text = pc.replace_substring(text, sign, written)
        columns.append(text.fill_null("\\N"))
    lines = pc.binary_join_element_wise(*columns, "\t")
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)]), lines), "\n")
    return bytes(joined[0].as_buffer()) + b"\n"


def _batches(place: str) -> Any:
    import connectorx

    return connectorx.read_sql(place, _QUERY, return_type="arrow_stream", batch_size=_PIECE)


def _bare_read(place: str, _: Path, out: Path) -> int:
    import pyarrow.parquet as pq

    rows, reader = 0, _batches(place)
    with pq.ParquetWriter(out / "all.parquet", reader.schema, compression="zstd") as writer:
        for piece in reader:
            writer.write_batch(piece)
            rows += piece.num_rows
    return rows


def _bare_drop(place: str, _: Path, _out: Path) -> int:
    return sum(piece.num_rows for piece in _batches(place))


def _bare_write(place: str, batch: Path, _: Path) -> int:
    with _cursor(place) as cursor:
        cursor.execute(_create("bench.facts", "_lume_row bigint"))
        return _load(cursor, "bench.facts", batch, [*(n for n, _, _ in COLUMNS), "_lume_row"])


def _url(place: str) -> str:
    return place.replace("mysql:", "mysql+pymysql:", 1) + "?charset=utf8mb4"


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
    engine = sqlalchemy.create_engine(_url(place))
    frame.to_sql("facts", engine, schema="bench", index=False, method="multi", chunksize=1000)
    return len(frame)


SYSTEM = System(
    title="MySQL (MariaDB)",
    server=_server,
    place=_place,
    connector=_connector,
    fill=_fill,
    clear=_clear,
    read={
        "connectorx, into Parquet": _bare_read,
        "connectorx, rows dropped": _bare_drop,
        "pandas read_sql, to_parquet": _pandas_read,
    },
    write={"LOAD DATA alone (not atomic)": _bare_write, "pandas to_sql": _pandas_write},
    peers=("dlt",),
    modules=("pymysql", "sqlglot.dialects.mysql"),
    notes=(
        "The server runs on the same machine, without flushing; CPU and memory are the client's.",
        "connectorx makes decimal(38,10) of every decimal and cannot bind a value; ours is exact.",
    ),
)
