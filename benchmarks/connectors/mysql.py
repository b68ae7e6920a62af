"""What MySQL is read and written with by hand: the bare clients that win, and the way of pandas.

``bare_read``     connectorx over its binary protocol, all of the rows in memory at once
``bare_write``    PyMySQL's LOAD DATA LOCAL of a file that pyarrow made, into a table without an index
``pandas_read``   ``pandas.read_sql``
``pandas_write``  ``DataFrame.to_sql(method="multi")``
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0"))
_LOAD = (
    "LOAD DATA LOCAL INFILE %s INTO TABLE {table} CHARACTER SET utf8mb4 "
    "FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\'"
)


def bare_read(url: str, query: str) -> int:
    """The rows of a query, with a literal where the flow binds a value."""
    import connectorx

    rows = 0
    for batch in connectorx.read_sql(url, query, return_type="arrow_stream", batch_size=16_384):
        rows += batch.num_rows
    return rows


def bare_write(url: str, table: str, files: list[Path]) -> int:
    """Parquet as the text of LOAD DATA, in a file."""
    import pyarrow.parquet as pq

    rows = 0
    with tempfile.NamedTemporaryFile(suffix=".tsv") as text, closing(_connect(url)) as connection:
        for file in files:
            for batch in pq.ParquetFile(file).iter_batches(16_384):
                text.write(_lines(batch))
                rows += batch.num_rows
        text.flush()
        with connection.cursor() as cursor:
            cursor.execute(_LOAD.format(table=table), (text.name,))
        connection.commit()
    return rows


def _lines(batch: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in batch.columns:
        values = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        text = values.cast(pa.string())
        if pa.types.is_string(column.type):
            for sign, written in _ESCAPES:
                text = pc.replace_substring(text, sign, written)
        columns.append(text.fill_null("\\N"))
    lines = pc.binary_join_element_wise(*columns, "\t")
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)]), lines), "\n")
    return bytes(joined[0].as_buffer()) + b"\n"


def pandas_read(url: str, query: str) -> int:
    """A DataFrame of the whole result."""
    import warnings

    import pandas as pd

    with closing(_connect(url)) as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have SQLAlchemy
        return len(pd.read_sql(query, connection))


def pandas_write(url: str, table: str, files: list[Path]) -> int:
    """INSERTs of a thousand rows, the fastest that ``to_sql`` has; its own work is not counted."""
    import pyarrow.parquet as pq

    rows = 0
    with closing(_connect(url)) as connection, connection.cursor() as cursor:
        for file in files:
            frame = pq.read_table(file).to_pandas()
            marks = ", ".join(["%s"] * len(frame.columns))
            values = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
            rows += len(frame)
        connection.commit()
    return rows


def _connect(url: str) -> Any:
    import pymysql

    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        database=parts.path.strip("/"),
        charset="utf8mb4",
        local_infile=True,
        ssl_disabled=True,
    )
