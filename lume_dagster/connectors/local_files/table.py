"""A table kept as folders of files: one folder a batch, with a manifest that says what it holds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lume_dagster.connectors.file_table.batches import HeldBatch, folder_parts, refuse_misfit
from lume_dagster.connectors.protocol import Delivery
from lume_dagster.errors import ConnectorError

MANIFEST = "_lume_batch.json"
#: Where locks and unfinished work lie, below the root and out of the sight of globs.
STATE = ".lume-target"


@dataclass(frozen=True, slots=True)
class LocalTable:
    """Where a table's folders, lock and unfinished work are."""

    root: Path
    parts: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder of batch folders."""
        return self.root.joinpath(*self.parts)

    @property
    def state(self) -> Path:
        """Where unfinished work lies."""
        return self.root / STATE / ".".join(self.parts)

    @property
    def lock(self) -> Path:
        """The file whose lock makes a delivery the only one."""
        return self.root / STATE / f"{'.'.join(self.parts)}.lock"

    def batches(self) -> list[HeldBatch]:
        """What the table holds, in name order."""
        manifests = sorted(self.folder.glob(f"*/{MANIFEST}"))
        return [_load(path) for path in manifests]

    def mapped_files(self, held: HeldBatch) -> list[Path]:
        """The files with a batch's mapped rows."""
        return sorted((self.folder / held.name / "mapped").glob("part-*"))

    def check(self, delivery: Delivery) -> None:
        """Refuse a delivery of another shape or format than what the table holds."""
        if not self.folder.resolve().is_relative_to(self.root):
            raise ConnectorError(f"{self.folder} is a link that leads out of {self.root}.")
        refuse_misfit(str(self.folder), self.batches(), delivery, "Local files")


def local_table(root: Path, table: str) -> LocalTable:
    """The folder of a table name: ``ops.flights`` is ``ops/flights`` below the root."""
    return LocalTable(root, folder_parts(table))


def save(held: HeldBatch, path: Path) -> None:
    """Write a batch's manifest."""
    path.write_text(json.dumps(asdict(held), ensure_ascii=False, indent=1), "utf-8")


def _load(path: Path) -> HeldBatch:
    try:
        return HeldBatch.of_json(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError, KeyError) as error:
        raise ConnectorError(
            f"{path} is not a manifest of a batch: {error}", hint="remove the folder it lies in"
        ) from error
