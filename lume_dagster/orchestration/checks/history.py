"""The batches of a version that came through last: their rows and columns, asked for once a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.orchestration import metadata

_SPARE = 5  # batches that were run again are there twice


@dataclass(frozen=True, slots=True)
class Earlier:
    """A batch that was staged and let through."""

    source_path: str
    rows: int
    columns: Mapping[str, str] | None  # name to type; None where another batch says them


@dataclass(slots=True)
class History:
    """Earlier batches, the newest first: of other runs, and of this one as they pass.

    Attributes:
        instance: Who remembers.
        key: The source asset of the version.
        length: How many batches are compared with.
    """

    instance: dg.DagsterInstance
    key: dg.AssetKey
    length: int
    _known: dict[str, Earlier] | None = field(default=None, init=False)  # the oldest first

    def before(self, source_path: str) -> list[Earlier]:
        """Those that came before a batch, without its own earlier deliveries."""
        others = [e for e in reversed(self._all().values()) if e.source_path != source_path]
        return others[: self.length]

    def add(self, source_path: str, staged: StagedBatch) -> None:
        """A batch of this run has passed."""
        known = self._all()
        known.pop(source_path, None)
        known[source_path] = Earlier(source_path, staged.records, columns_of(staged))
        if len(known) > self.length + _SPARE:
            del known[next(iter(known))]

    def _all(self) -> dict[str, Earlier]:
        if self._known is None:
            self._known = self._ask()
        return self._known

    def _ask(self) -> dict[str, Earlier]:
        wanted = dg.AssetRecordsFilter(asset_key=self.key)
        page = self.instance.fetch_materializations(wanted, limit=self.length + _SPARE)
        found: dict[str, Earlier] = {}
        for record in page.records:  # the newest first
            made = record.asset_materialization
            if made is not None and made.partition is not None and metadata.ROWS in made.metadata:
                found.setdefault(made.partition, _earlier(made.partition, made.metadata))
        return dict(reversed(found.items()))


def columns_of(staged: StagedBatch) -> dict[str, str]:
    """The columns of a batch and their types."""
    return {c.name: c.type for c in staged.columns}


def _earlier(source_path: str, value: Mapping[str, dg.MetadataValue[Any]]) -> Earlier:
    rows = value[metadata.ROWS].value
    schema = value[metadata.SCHEMA].value if metadata.SCHEMA in value else None
    columns = (
        {c.name: c.type for c in schema.columns} if isinstance(schema, dg.TableSchema) else None
    )
    return Earlier(source_path, rows if isinstance(rows, int) else 0, columns)
