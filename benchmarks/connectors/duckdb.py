"""A DuckDB file: DuckDB by hand is the bare client, for reading and for writing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.connector_frame import BATCH, TABLE, System

_QUERY = f"SELECT * FROM {TABLE} WHERE batch = '{BATCH}'"


@contextmanager
def _server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="lume-bench-") as folder:
        yield str(Path(folder, "warehouse.duckdb"))


def _connector(place: str) -> Any:
    from lume_dagster.connectors import DuckDBConnector

    return DuckDBConnector(path=place)


def _run(place: str, *statements: str) -> None:
    import duckdb

    with duckdb.connect(place) as connection:
        for statement in statements:
            connection.execute(statement)


def _fill(place: str, batch: Path) -> None:
    select = f"SELECT * EXCLUDE (_lume_row) FROM '{batch}'"
    _run(place, f"CREATE OR REPLACE TABLE {TABLE} AS {select}")


def _clear(place: str) -> None:
    _run(place, "DROP SCHEMA IF EXISTS bench CASCADE", "CREATE SCHEMA bench")


def _bare_read(place: str, _: Path, out: Path) -> int:
    _run(place, f"COPY ({_QUERY}) TO '{out}/all.parquet' (FORMAT parquet, COMPRESSION zstd)")
    import pyarrow.parquet as pq

    return int(pq.read_metadata(out / "all.parquet").num_rows)


def _bare_arrow(place: str, _: Path, out: Path) -> int:
    import duckdb
    import pyarrow.parquet as pq

    with duckdb.connect(place) as connection:
        reader = connection.sql(_QUERY).to_arrow_reader(16_384)
        with pq.ParquetWriter(out / "all.parquet", reader.schema, compression="zstd") as writer:
            for piece in reader:
                writer.write_batch(piece)
    return int(pq.read_metadata(out / "all.parquet").num_rows)


def _bare_write(place: str, batch: Path, _: Path) -> int:
    import pyarrow.parquet as pq

    _run(place, f"CREATE TABLE bench.facts AS FROM '{batch}'")
    return int(pq.read_metadata(batch).num_rows)


def _pandas_read(place: str, _: Path, out: Path) -> int:
    import duckdb

    with duckdb.connect(place) as connection:
        frame = connection.sql(_QUERY).df()
    frame.to_parquet(out / "all.parquet")
    return len(frame)


def _pandas_write(place: str, batch: Path, _: Path) -> int:
    import duckdb
    import pandas as pd

    frame = pd.read_parquet(batch)
    with duckdb.connect(place) as connection:
        connection.execute("CREATE TABLE bench.facts AS FROM frame")
    return len(frame)


SYSTEM = System(
    title="a DuckDB file",
    server=_server,
    connector=_connector,
    fill=_fill,
    clear=_clear,
    read={
        "DuckDB's Arrow stream, into Parquet": _bare_arrow,
        "DuckDB's own COPY TO": _bare_read,
        "pandas df(), to_parquet": _pandas_read,
    },
    write={"CREATE TABLE AS, by hand": _bare_write, "pandas frame into a table": _pandas_write},
    peers=("dlt", "sling"),
)
