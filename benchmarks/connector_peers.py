"""The same two jobs with dlt (its Arrow path) and sling, each in an environment of its own.

<their python> -m benchmarks.connector_peers <dlt|sling> <read|write> <place> <batch> <out>
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.outcome import report

_PACKAGES = ("dlt[duckdb,postgres]==1.31.0", "sling==1.4.11", "sling-linux-amd64==1.4.11")
_MORE = ("pyarrow", "connectorx", "sqlalchemy", "adbc-driver-postgresql")
TOOLS = ("dlt", "sling")
_SCHEMA, _TABLE = "bench", "facts"


def environment(folder: Path) -> list[str]:
    """The command by which a Python that has both runs this; empty where they cannot be had."""
    python = folder / "bin" / "python"
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "uv", "venv", "-q", folder], check=False)
        install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python]
        if (
            made.returncode
            or subprocess.run([*install, *_PACKAGES, *_MORE], check=False).returncode
        ):
            return []
    return [str(python), "-m", "benchmarks.connector_peers"]


def _dlt_write(place: str, batch: Path, out: Path) -> None:
    import dlt
    import pyarrow as pa
    import pyarrow.parquet as pq

    def rows() -> Iterator[Any]:
        for piece in pq.ParquetFile(batch).iter_batches(65_536):
            yield pa.Table.from_batches([piece])

    kinds = dlt.destinations.postgres if "://" in place else dlt.destinations.duckdb
    pipe = dlt.pipeline(
        "bench", pipelines_dir=str(out), destination=kinds(place), dataset_name=_SCHEMA
    )
    pipe.run(dlt.resource(rows, name=_TABLE, write_disposition="append"))


def _dlt_read(place: str, _: Path, out: Path) -> None:
    import dlt
    from dlt.sources.sql_database import sql_table

    url = place.replace("postgresql:", "postgresql+psycopg2:", 1)
    rows = sql_table(
        url, table=_TABLE, backend="connectorx", reflection_level="full_with_precision"
    )
    files = dlt.destinations.filesystem(str(out / "all"))
    pipe = dlt.pipeline("bench", pipelines_dir=str(out), destination=files, dataset_name=_SCHEMA)
    pipe.run(rows, loader_file_format="parquet")


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


def _sling_write(place: str, batch: Path, _: Path) -> None:
    _sling("", f"file://{batch}", _end(place), f"{_SCHEMA}.{_TABLE}")


def _sling_read(place: str, _: Path, out: Path) -> None:
    schema = "public" if "://" in place else "main"
    _sling(_end(place), f"{schema}.{_TABLE}", "", f"file://{out}/all.parquet")


_WAYS: Mapping[tuple[str, str], Any] = {
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
    import pyarrow.parquet as pq

    if given.tool == "dlt":
        import dlt.sources.sql_database  # noqa: F401 - before the clock starts
    begun = time.perf_counter()
    try:
        _WAYS[given.tool, given.direction](given.place, given.batch, given.out)
    except Exception as error:
        print(" ".join(str(error).split())[-300:])
        raise SystemExit(1) from error
    seconds = time.perf_counter() - begun
    rows = pq.read_metadata(given.batch).num_rows
    if given.direction == "read":
        rows = sum(
            pq.read_metadata(file).num_rows for file in given.out.rglob(f"*{_ends(given.tool)}")
        )
    report(mapped=rows, seconds={given.direction: seconds})


def _ends(tool: str) -> str:
    """How the file with the rows is called; dlt keeps books in others."""
    return "all.parquet" if tool == "sling" else ".parquet"


if __name__ == "__main__":
    main()
