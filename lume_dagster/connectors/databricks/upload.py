"""Write a delivery's rows as the Parquet files that a warehouse reads, and send them to its volume.

Every column is there, in its final type, so that the warehouse only moves rows. Files are cut, for
the client holds a file it sends in memory whole.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.batch_files import (
    Encoder,
    bindings,
    last_of_each_key,
    select_mapped,
    select_rejects,
)
from lume_dagster.connectors.protocol import Delivery

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

_PREFIX, _DAY = "lume-databricks-", 86_400

#: Spark guesses how a file counts days before 1582 by who wrote it, and refuses where it does not
#: know: the files say that they count as Spark 3 does, which is how Arrow and DuckDB count.
_OPTIONS = (
    "FORMAT parquet, FILE_SIZE_BYTES '48MB', KV_METADATA {'org.apache.spark.version': '3.5.0'}"
)


def _as_text(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.cast(value, "VARCHAR", dialect="duckdb")


#: By the type of a column: those that Databricks keeps as text.
ENCODERS: Mapping[str, Encoder] = dict.fromkeys(("time", "uuid", "json", "record"), _as_text)


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for a delivery's files, the only one that the client may send from.

    Folders that killed deliveries left on this machine are removed after a day.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if time.time() - left.stat().st_mtime > _DAY:
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        yield Path(folder)


def mapped_files(
    scratch: duckdb.DuckDBPyConnection, delivery: Delivery, folder: Path
) -> tuple[list[Path], int]:
    """The files of the mapped rows and the number of rows; under ``merge`` one row a key."""
    query = select_mapped(scratch, delivery, ENCODERS)
    if delivery.mode == "merge":
        query = last_of_each_key(query, delivery.key)
    values = bindings(delivery, delivery.mapped)
    return _written(scratch, query, values, folder / "mapped")


def reject_files(
    scratch: duckdb.DuckDBPyConnection, delivery: Delivery, folder: Path
) -> tuple[list[Path], int]:
    """The files of the rejects and the number of rows."""
    query = select_rejects(scratch, delivery, ENCODERS)
    values = bindings(delivery, delivery.rejects)
    return _written(scratch, query, values, folder / "rejects")


def _written(
    scratch: duckdb.DuckDBPyConnection, query: exp.Select, values: dict[str, Any], into: Path
) -> tuple[list[Path], int]:
    from sqlglot import exp

    place = exp.Literal.string(str(into)).sql("duckdb")
    done = scratch.execute(f"COPY ({query.sql('duckdb')}) TO {place} ({_OPTIONS})", values)
    row = done.fetchone()
    return sorted(into.glob("*.parquet")), int(row[0]) if row else 0
