"""Load mapped rows and rejects into PostgreSQL by hand.

``bare``     adbc_ingest into tables that nobody reads: the floor, neither atomic nor repeatable
``staged``   adbc_ingest into staging tables, then one transaction that replaces the batch
``reset``    an empty schema, before each contender
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.outcome import report

_SOURCE = "'invoices.csv'"
_ADDED = f"'run_1' AS _lume_run_id, {_SOURCE} AS _lume_source_path"
_BATCH = 16_384


def _stream(con: Any, folder: Path, name: str) -> Any:
    path = str(folder / name / "part-0000.parquet").replace("'", "''")
    errors = "* REPLACE (CAST(to_json(errors) AS VARCHAR) AS errors)" if name == "rejects" else "*"
    query = f"SELECT {errors}, {_ADDED} FROM read_parquet('{path}')"
    return con.sql(query).to_arrow_reader(_BATCH)


def _ingest(postgres: Any, folder: Path, suffix: str) -> dict[str, int]:
    import duckdb

    counts = {}
    with duckdb.connect() as con, postgres.cursor() as cursor:
        con.execute("SET memory_limit = '1GB'")
        for name in ("mapped", "rejects"):
            reader = _stream(con, folder, name)
            counts[name] = cursor.adbc_ingest(f"invoices_{name}{suffix}", reader, mode="create")
    postgres.commit()
    return counts


def bare(postgres: Any, folder: Path) -> dict[str, int]:
    """Straight into the tables."""
    return _ingest(postgres, folder, "")


def staged(postgres: Any, folder: Path) -> dict[str, int]:
    """Beside the tables first, then over in one transaction."""
    counts = _ingest(postgres, folder, "_staged")
    with postgres.cursor() as cursor:
        for name in counts:
            table, beside = f"invoices_{name}", f"invoices_{name}_staged"
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} (LIKE {beside})")
            if name == "rejects":
                cursor.execute(f"ALTER TABLE {table} ALTER errors TYPE jsonb USING errors::jsonb")
            cursor.execute(
                f"CREATE INDEX IF NOT EXISTS {table}_batch ON {table} USING brin (_lume_source_path)"
            )
            cursor.execute(f"DELETE FROM {table} WHERE _lume_source_path = {_SOURCE}")
            columns = _columns(cursor, table)
            values = columns.replace("errors", "errors::jsonb") if name == "rejects" else columns
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {beside}")
            cursor.execute(f"DROP TABLE {beside}")
    postgres.commit()
    return counts


def _columns(cursor: Any, table: str) -> str:
    cursor.execute(
        "SELECT column_name::text FROM information_schema.columns "
        f"WHERE table_name = '{table}' ORDER BY ordinal_position"
    )
    return ", ".join(name for (name,) in cursor.fetchall())


def reset(postgres: Any, _: Path) -> dict[str, int]:
    """Nothing of the one before."""
    with postgres.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    postgres.commit()
    return {}


WAYS: dict[str, Callable[[Any, Path], dict[str, int]]] = {
    "bare": bare,
    "staged": staged,
    "reset": reset,
}


def main() -> None:
    """Load, and say on the last line what came out."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("way", choices=WAYS)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--uri", required=True)
    given = arguments.parse_args()
    from adbc_driver_postgresql import dbapi

    begun = time.perf_counter()
    with dbapi.connect(given.uri) as postgres:
        counts = WAYS[given.way](postgres, given.folder)
    seconds = time.perf_counter() - begun
    report(
        mapped=counts.get("mapped", 0), rejected=counts.get("rejects", 0), seconds={"load": seconds}
    )


if __name__ == "__main__":
    main()
