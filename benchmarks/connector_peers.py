"""The same two jobs with dlt (its Arrow path) and sling, each in an environment of its own.

<their python> -m benchmarks.connector_peers <dlt|sling> <read|write> <place> <batch> <out>
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.outcome import report

_PACKAGES = (
    *("dlt[duckdb,postgres,sqlalchemy]==1.31.0", "sling==1.4.11", "sling-linux-amd64==1.4.11"),
    *("pyarrow", "connectorx", "sqlalchemy", "adbc-driver-postgresql", "pymysql"),
)
TOOLS = ("dlt", "sling")
_SCHEMA, _TABLE = "bench", "facts"
_FEW = 20_000


def environment(cache: Path) -> list[str]:
    """The command by which a Python that has both runs this; empty where they cannot be had."""
    folder = cache / f"peers-{sha256(' '.join(_PACKAGES).encode()).hexdigest()[:8]}"
    python = folder / "bin" / "python"
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "uv", "venv", "-q", folder], check=False)
        install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python]
        if made.returncode or subprocess.run([*install, *_PACKAGES], check=False).returncode:
            shutil.rmtree(folder, ignore_errors=True)
            return []
    return [str(python), "-m", "benchmarks.connector_peers"]


#: By how a place begins; any other is a DuckDB file.
_DESTINATIONS = (("postgresql:", "postgres"), ("mysql:", "sqlalchemy"))


def _sqlalchemy(place: str) -> str:
    """The place as SQLAlchemy writes it, with its driver."""
    given = place.replace("postgresql:", "postgresql+psycopg2:", 1)
    return given.replace("mysql:", "mysql+pymysql:", 1)


def _dlt_write(place: str, batch: Path, out: Path) -> int:
    import dlt
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = next((kind for start, kind in _DESTINATIONS if place.startswith(start)), "duckdb")
    few = kind == "sqlalchemy"  # row by row: fewer are enough

    def rows() -> Iterator[Any]:
        for piece in pq.ParquetFile(batch).iter_batches(_FEW if few else 65_536):
            yield pa.Table.from_batches([piece])
            if few:
                return

    made = getattr(dlt.destinations, kind)(_sqlalchemy(place) if kind == "sqlalchemy" else place)
    pipe = dlt.pipeline("bench", pipelines_dir=str(out), destination=made, dataset_name=_SCHEMA)
    resource = dlt.resource(rows, name=_TABLE, write_disposition="append")
    # Parquet is what it loads fastest: into PostgreSQL by ADBC.
    pipe.run(resource, loader_file_format="parquet")
    whole = int(pq.read_metadata(batch).num_rows)
    return min(whole, _FEW) if few else whole


def _dlt_read(place: str, _: Path, out: Path) -> int:
    import dlt
    from dlt.sources.sql_database import sql_table

    rows = sql_table(
        _sqlalchemy(place),
        table=_TABLE,
        backend="connectorx",
        reflection_level="full_with_precision",
        backend_kwargs={"conn": place},
    )
    files = dlt.destinations.filesystem(str(out / "all"))
    pipe = dlt.pipeline("bench", pipelines_dir=str(out), destination=files, dataset_name=_SCHEMA)
    pipe.run(rows, loader_file_format="parquet")
    return _rows_in((out / "all").rglob(f"{_TABLE}/*.parquet"))


def _rows_in(files: Iterable[Path]) -> int:
    import pyarrow.parquet as pq

    return sum(int(pq.read_metadata(file).num_rows) for file in files)


def _sling(source: str, stream: str, target: str, name: str) -> None:
    package = importlib.metadata.distribution("sling-linux-amd64")
    program = str(package.locate_file("sling_linux_amd64/bin/sling-linux-amd64"))
    ways = ["--src-stream", stream, "--tgt-object", name, "--mode", "full-refresh"]
    ends = [
        *(("--src-conn", source) if source else ()),
        *(("--tgt-conn", target) if target else ()),
    ]
    quiet = {**os.environ, "SLING_DISABLE_TELEMETRY": "TRUE"}
    done = subprocess.run(
        [program, "run", *ends, *ways], env=quiet, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stdout[-1000:] + done.stderr[-1000:])


def _end(place: str) -> str:
    return f"{place}?sslmode=disable" if "://" in place else f"duckdb://{place}"


def _sling_write(place: str, batch: Path, _: Path) -> int:
    _sling("", f"file://{batch}", _end(place), f"{_SCHEMA}.{_TABLE}")
    return _rows_in([batch])


def _sling_read(place: str, _: Path, out: Path) -> int:
    schema = "public" if "://" in place else "main"
    _sling(_end(place), f"{schema}.{_TABLE}", "", f"file://{out}/all.parquet")
    return _rows_in([out / "all.parquet"])


_WAYS: Mapping[tuple[str, str], Callable[[str, Path, Path], int]] = {
    ("dlt", "read"): _dlt_read,
    ("dlt", "write"): _dlt_write,
    ("sling", "read"): _sling_read,
    ("sling", "write"): _sling_write,
}


def main() -> None:
    """Do it, and count the rows that arrived."""
    arguments = argparse.ArgumentParser(prog="benchmarks.connector_peers", description=__doc__)
    arguments.add_argument("tool", choices=TOOLS)
    arguments.add_argument("direction", choices=("read", "write"))
    arguments.add_argument("place")
    arguments.add_argument("batch", type=Path)
    arguments.add_argument("out", type=Path)
    given = arguments.parse_args()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import pyarrow.parquet  # noqa: F401 - before the clock starts

    if given.tool == "dlt":
        import dlt.sources.sql_database  # noqa: F401 - before the clock starts
    begun = time.perf_counter()
    try:
        rows = _WAYS[given.tool, given.direction](given.place, given.batch, given.out)
    except Exception as error:
        print(" ".join(str(error).split())[-300:])
        raise SystemExit(1) from error
    seconds = time.perf_counter() - begun
    report(mapped=rows, seconds={given.direction: seconds})


if __name__ == "__main__":
    main()
