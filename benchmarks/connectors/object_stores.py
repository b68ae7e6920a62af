"""Read from and write to an object store, by hand and with pandas: what connectors are held against.

``bare_read``     pyarrow.fs streams the object's row groups into a Parquet file here
``bare_copy``     obstore streams the object's bytes into a file here
``bare_write``    pyarrow.fs streams a Parquet file's row groups into an object
``pandas_read``   pandas with s3fs or adlfs, and the frame as a Parquet file here
``pandas_write``  a Parquet file as a frame, and the frame into an object
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_ROWS = 65_536


def make_rows(file: Path, rows: int = 1_000_000) -> None:
    """A Parquet file of 20 columns, as a transform leaves mapped rows."""
    import duckdb

    columns = [
        "i AS id",
        *(f"hash(i, {n}) % 100000 AS int_{n}" for n in range(5)),
        *(f"CAST(hash(i, {n}) % 1000000 AS DOUBLE) / 7 AS number_{n}" for n in range(3)),
        *(f"CAST(hash(i, {n}) % 1000000 AS DECIMAL(18, 2)) AS decimal_{n}" for n in range(2)),
        *(f"'text ' || hash(i, {n}) % 50000 AS text_{n}" for n in range(5)),
        "md5(i::VARCHAR) AS unique_text",
        *(f"TIMESTAMP '2024-01-01' + INTERVAL (i % {n}) SECOND AS at_{n}" for n in (1000, 100000)),
        "i % 3 = 0 AS flag",
    ]
    casts = ", ".join(columns).replace("AS int_", "::BIGINT AS int_")
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT {casts}, i AS _lume_row FROM range(1, {rows} + 1) AS t(i)) "
            f"TO '{file}' (FORMAT parquet)"
        )


def make_rejects(file: Path) -> None:
    """No reject."""
    import duckdb

    reasons = "STRUCT(field VARCHAR, code VARCHAR, message VARCHAR, value VARCHAR)[]"
    with duckdb.connect() as con:
        con.execute(
            "COPY (SELECT 0::BIGINT AS _lume_row, '' AS _lume_file, 0::BIGINT AS _lume_file_row, "
            f"'{{}}'::JSON AS original, NULL::{reasons} AS errors LIMIT 0) "
            f"TO '{file}' (FORMAT parquet)"
        )


def bare_read(filesystem: Any, path: str, into: Path) -> None:
    import pyarrow.parquet as pq

    with (
        filesystem.open_input_file(path) as source,
        pq.ParquetFile(source) as parquet,
        pq.ParquetWriter(into, parquet.schema_arrow, compression="zstd") as writer,
    ):
        for batch in parquet.iter_batches(_ROWS):
            writer.write_batch(batch)


def bare_copy(store: Any, key: str, into: Path) -> None:
    import obstore

    with into.open("wb") as file:
        for piece in obstore.get(store, key).stream(min_chunk_size=4 << 20):
            file.write(piece)


def bare_write(filesystem: Any, source: Path, path: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as parquet, filesystem.open_output_stream(path) as stream:
        added = [pa.field("_lume_run_id", pa.string()), pa.field("_lume_source_path", pa.string())]
        schema = pa.schema([*parquet.schema_arrow, *added])
        with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            for batch in parquet.iter_batches(_ROWS):
                texts = [pa.repeat(pa.scalar("run_1"), batch.num_rows)] * 2
                arrays = [*batch.columns, *texts]
                writer.write_batch(pa.record_batch(arrays, schema=schema))


def pandas_read(uri: str, options: dict[str, Any], into: Path) -> None:
    import pandas as pd

    pd.read_parquet(uri, storage_options=options).to_parquet(into)


def pandas_write(source: Path, uri: str, options: dict[str, Any]) -> None:
    import pandas as pd

    frame = pd.read_parquet(source)
    frame["_lume_run_id"], frame["_lume_source_path"] = "run_1", "b"
    frame.to_parquet(uri, storage_options=options)
