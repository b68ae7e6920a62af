"""One delivery on its way to a table in an object store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.connectors.file_table.formats import part_name
from lume_dagster.connectors.object_store.manifest import DataFile
from lume_dagster.connectors.object_store.table import ObjectTable
from lume_dagster.connectors.protocol import Delivery

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a delivery works with; its name is in all objects that it writes."""

    table: ObjectTable
    delivery: Delivery
    work: Path
    scratch: duckdb.DuckDBPyConnection
    name: str

    def path(self, folder: str, kind: str, number: int) -> str:
        """A path, relative to the table's folder, that was never used before."""
        return f"{folder}/{kind}/{part_name(number, self.delivery.format, self.name)}"

    def upload(self, file: Path, path: str, rows: int) -> DataFile:
        """Bring a file to a path of the table."""
        e_tag = self.table.bucket.upload(file, self.table.key(path))
        return DataFile(path, rows, file.stat().st_size, e_tag)
