"""What is measured beside an object store's connector, for S3 and for Azure alike.

Reading copies a Parquet object into staging, writing makes one of a staged file; by hand the columns
that a target adds are added too. pandas goes through pyarrow's file systems, which are faster than
s3fs and adlfs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.connector_frame import System, Way, engine

_ROWS = 65_536
#: Opens pyarrow's file system for a place, and says which path its root is there.
Opened = Callable[[str], tuple[Any, str]]


def store_system(
    title: str, server: Any, connector: Callable[[str], Any], opened: Opened, **more: Any
) -> System:
    """The ways to read and write an object store."""

    def pandas_read(place: str, _: Path, out: Path) -> int:
        return _pandas_read(*opened(place), out)

    def pandas_write(place: str, batch: Path, _: Path) -> int:
        return _pandas_write(*opened(place), batch)

    streamed, copied = _bare_read(opened), _copy_read(connector)
    return System(
        title=title,
        server=server,
        connector=connector,
        fill=lambda place, batch: _fill(connector(place), batch),
        clear=lambda place: _clear(connector(place)),
        our_read=_our_read(connector),
        read={
            "pyarrow.fs, into Parquet": streamed,
            "obstore, byte by byte": copied,
            "pandas read_parquet, to_parquet": pandas_read,
        },
        write={
            "pyarrow.fs, from Parquet (one object)": _bare_write(opened),
            "obstore, of a Parquet file": _put_write(connector),
            "pandas read_parquet, to_parquet": pandas_write,
        },
        modules=("obstore", "pyarrow.fs"),
        **more,
    )


def config(place: str) -> dict[str, Any]:
    """What the connector is made with."""
    found: dict[str, Any] = json.loads(place)
    return found


def _fill(connector: Any, batch: Path) -> None:
    bucket, root = connector.place()
    bucket.upload(batch, f"{root}/facts.parquet")


def _clear(connector: Any) -> None:
    bucket, root = connector.place()
    bucket.delete([meta["path"] for meta in bucket.below(f"{root}/bench")])


def _our_read(connector: Callable[[str], Any]) -> Way:
    def read(place: str, _: Path, out: Path) -> int:
        from lume_dagster.engines.readers.files import InputFile
        from lume_dagster.flows.model import SourceFormat

        store = connector(place)
        found = [
            InputFile(store.fetch(o, out), o.uri, o.version)
            for o in store.list_objects("facts.parquet")
        ]
        return int(engine(out).stage_files(found, SourceFormat(), out / "staged").records)

    return read


def _bare_read(opened: Opened) -> Way:
    def read(place: str, _: Path, out: Path) -> int:
        import pyarrow.parquet as pq

        filesystem, root = opened(place)
        with (
            filesystem.open_input_file(f"{root}/facts.parquet") as source,
            pq.ParquetFile(source) as parquet,
            pq.ParquetWriter(
                out / "all.parquet", parquet.schema_arrow, compression="zstd"
            ) as writer,
        ):
            for batch in parquet.iter_batches(_ROWS):
                writer.write_batch(batch)
            return int(parquet.metadata.num_rows)

    return read


def _copy_read(connector: Callable[[str], Any]) -> Way:
    def read(place: str, _: Path, out: Path) -> int:
        import obstore
        import pyarrow.parquet as pq

        bucket, root = connector(place).place()
        into = out / "all.parquet"
        with into.open("wb") as file:
            for piece in obstore.get(bucket.store, f"{root}/facts.parquet").stream():
                file.write(piece)
        return int(pq.read_metadata(into).num_rows)

    return read


def _bare_write(opened: Opened) -> Way:
    def write(place: str, batch: Path, _: Path) -> int:
        filesystem, root = opened(place)
        with filesystem.open_output_stream(f"{root}/bench/all.parquet") as stream:
            return _rewritten(batch, stream)

    return write


def _put_write(connector: Callable[[str], Any]) -> Way:
    def write(place: str, batch: Path, out: Path) -> int:
        import obstore

        bucket, root = connector(place).place()
        rows = _rewritten(batch, out / "all.parquet")
        obstore.put(bucket.store, f"{root}/bench/all.parquet", out / "all.parquet")
        return rows

    return write


def _rewritten(batch: Path, into: Any) -> int:
    """The batch with the two columns that a target adds, as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(batch) as parquet:
        added = [pa.field("_lume_run_id", pa.string()), pa.field("_lume_source_path", pa.string())]
        schema = pa.schema([*parquet.schema_arrow, *added])
        with pq.ParquetWriter(into, schema, compression="zstd") as writer:
            for piece in parquet.iter_batches(_ROWS):
                texts = [pa.repeat(pa.scalar("run_1"), piece.num_rows)] * 2
                writer.write_batch(pa.record_batch([*piece.columns, *texts], schema=schema))
        return int(parquet.metadata.num_rows)


def _pandas_read(filesystem: Any, root: str, out: Path) -> int:
    import pandas as pd

    frame = pd.read_parquet(f"{root}/facts.parquet", filesystem=filesystem)
    frame.to_parquet(out / "all.parquet")
    return len(frame)


def _pandas_write(filesystem: Any, root: str, batch: Path) -> int:
    import pandas as pd

    frame = pd.read_parquet(batch)
    frame["_lume_run_id"], frame["_lume_source_path"] = "run_1", "march"
    frame.to_parquet(f"{root}/bench/all.parquet", filesystem=filesystem)
    return len(frame)
