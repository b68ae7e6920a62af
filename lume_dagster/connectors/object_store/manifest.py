"""The manifest of a table in an object store: which objects are its rows and rejects now.

It is one object beside the data, and the only one that is ever changed. Data objects are written
once, under names that were never used before. Whoever reads the manifest and then the objects it
names sees all batches whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from lume_dagster.connectors.file_table.batches import HeldBatch
from lume_dagster.errors import ConnectorError

MANIFEST = "_lume_table.json"
#: What deliveries write below a table's folder; nothing else there is ever removed.
DATA_FILE = re.compile(r"[^/]+/(mapped|rejects|kept)/part-\d{4}-[0-9a-f]{12}\.(parquet|csv|jsonl)")
_VERSION = 1


@dataclass(frozen=True, slots=True)
class DataFile:
    """An object with rows; ``path`` is relative to the table's folder."""

    path: str
    rows: int
    bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch of the table, the attempt that delivered it, and the objects that hold it."""

    held: HeldBatch
    attempt: str
    mapped: tuple[DataFile, ...]
    rejects: tuple[DataFile, ...]

    def only(self, held: HeldBatch, mapped: Sequence[DataFile]) -> StoredBatch:
        """The batch with other rows; its rejects stay unless ``held`` no longer counts them."""
        lost = self.held.rejects_rows and not held.rejects_rows
        rejects = () if lost else self.rejects
        return replace(self, held=held, mapped=tuple(mapped), rejects=rejects)

    def files(self) -> Iterator[DataFile]:
        """All of its objects."""
        yield from self.mapped
        yield from self.rejects


@dataclass(frozen=True, slots=True)
class Manifest:
    """All batches of a table, and the paths that the last change left to be removed."""

    changes: int = 0
    batches: tuple[StoredBatch, ...] = ()
    removed: tuple[str, ...] = ()

    def held(self) -> list[HeldBatch]:
        """What the table holds."""
        return [batch.held for batch in self.batches]

    def attempt(self, name: str) -> str | None:
        """The attempt that delivered a batch."""
        return next((b.attempt for b in self.batches if b.held.name == name), None)

    def paths(self) -> set[str]:
        """All objects of the table."""
        return {file.path for batch in self.batches for file in batch.files()}

    def changed(self, batches: Sequence[StoredBatch], leftovers: set[str]) -> Manifest:
        """The next manifest; what it no longer names is to be removed, and so are leftovers."""
        new = Manifest(self.changes + 1, tuple(sorted(batches, key=lambda b: b.held.name)))
        return replace(new, removed=tuple(sorted((self.paths() | leftovers) - new.paths())))

    def to_bytes(self) -> bytes:
        """As JSON, with what all batches share written once."""
        first = next(iter(self.held()), None)
        value = {
            "lume_table": _VERSION,
            "changes": self.changes,
            "format": first.format if first else None,
            "columns": first.columns if first else [],
            "batches": [_plain(batch) for batch in self.batches],
            "removed": self.removed,
        }
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def parse_manifest(content: bytes, uri: str) -> Manifest:
    """The manifest that an object holds.

    Raises:
        ConnectorError: it holds something else, or that of a newer release.
    """
    try:
        value = json.loads(content)
        if value["lume_table"] != _VERSION:
            raise ConnectorError(
                f"{uri} is the manifest of a table of version {value['lume_table']}, "
                f"which this release does not know.",
                hint="use the release that wrote it, or a newer one",
            )
        shared = {"columns": value["columns"], "format": value["format"]}
        batches = tuple(_batch({**shared, **batch}) for batch in value["batches"])
        return Manifest(int(value["changes"]), batches, tuple(map(str, value["removed"])))
    except (ValueError, TypeError, KeyError) as error:
        raise ConnectorError(
            f"{uri} is not the manifest of a table: {error}",
            hint="give the flow a table of its own, or move the object away",
        ) from error


def _plain(batch: StoredBatch) -> dict[str, object]:
    value = asdict(batch)
    held = value.pop("held")
    return {**{k: v for k, v in held.items() if k not in {"columns", "format"}}, **value}


def _batch(value: dict[str, object]) -> StoredBatch:
    files = {kind: _files(value.pop(kind)) for kind in ("mapped", "rejects")}
    attempt = str(value.pop("attempt"))
    return StoredBatch(HeldBatch.of_json(value), attempt, files["mapped"], files["rejects"])


def _files(value: object) -> tuple[DataFile, ...]:
    if not isinstance(value, list):
        raise TypeError("mapped and rejects must be lists of objects")
    return tuple(DataFile(**file) for file in value)
