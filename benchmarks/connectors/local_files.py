"""Files of this machine: DuckDB's copy from Parquet to Parquet is the bare client."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.connector_frame import System, engine


@contextmanager
def _server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="lume-bench-") as folder:
        yield folder


def _connector(place: str) -> Any:
    from lume_dagster.connectors import LocalFilesConnector

    return LocalFilesConnector(root=place)


def _fill(place: str, batch: Path) -> None:
    shutil.copyfile(batch, Path(place, "facts.parquet"))


def _clear(place: str) -> None:
    shutil.rmtree(Path(place, "bench"), ignore_errors=True)


def _our_read(place: str, _: Path, out: Path) -> int:
    from lume_dagster.engines.readers.files import InputFile
    from lume_dagster.flows.model import SourceFormat

    store = _connector(place)
    found = [
        InputFile(store.fetch(o, out), o.uri, o.version)
        for o in store.list_objects("facts.parquet")
    ]
    return int(engine(out).stage_files(found, SourceFormat(), out / "staged").records)


def _copied(source: Path, into: Path) -> int:
    import duckdb

    with duckdb.connect() as connection:
        query = f"COPY (FROM '{source}') TO '{into}' (FORMAT parquet, COMPRESSION zstd)"
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _bare_read(place: str, _: Path, out: Path) -> int:
    return _copied(Path(place, "facts.parquet"), out / "all.parquet")


def _bare_write(place: str, batch: Path, _: Path) -> int:
    return _copied(batch, Path(place, "all.parquet"))


def _pandas(source: Path, into: Path) -> int:
    import pandas as pd

    frame = pd.read_parquet(source)
    frame.to_parquet(into)
    return len(frame)


SYSTEM = System(
    title="local Parquet files",
    server=_server,
    connector=_connector,
    fill=_fill,
    clear=_clear,
    our_read=_our_read,
    read={
        "DuckDB's COPY, by hand": _bare_read,
        "pandas read_parquet, to_parquet": lambda place, _, out: _pandas(
            Path(place, "facts.parquet"), out / "all.parquet"
        ),
    },
    write={
        "DuckDB's COPY, by hand": _bare_write,
        "pandas read_parquet, to_parquet": lambda place, batch, _: _pandas(
            batch, Path(place, "all.parquet")
        ),
    },
)
