"""A table kept as folders of files: one folder a batch, with a manifest that says what it holds."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lume_dagster.connectors.batch_segment import batch_segment
from lume_dagster.connectors.protocol import Delivery
from lume_dagster.connectors.sql.ddl import Found, refuse_other_shape, sql_type
from lume_dagster.errors import ConnectorError

MANIFEST = "_lume_batch.json"
#: Where locks and unfinished work lie, below the root and out of the sight of globs.
STATE = ".lume-target"

FILE_TYPES = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "decimal": "decimal({0},{1})",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "time": "time",
    "uuid": "uuid",
    "json": "json",
}
_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class BatchFolder:
    """What one folder of a table holds."""

    name: str
    flow: str
    version: int
    source_path: str
    run_id: str
    mode: str
    format: str
    columns: tuple[tuple[str, str], ...]
    mapped_rows: int
    rejects_rows: int

    def save(self, path: Path) -> None:
        """Write the manifest."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), "utf-8")

    def holds(self, delivery: Delivery) -> bool:
        """Whether the folder is of the same flow and batch."""
        return (self.flow, self.source_path) == (delivery.flow, delivery.source_path)

    def with_rows(self, *, mapped: int, rejects: int) -> BatchFolder:
        """The same folder with other counts."""
        return replace(self, mapped_rows=mapped, rejects_rows=rejects)


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

    def batches(self) -> list[BatchFolder]:
        """What the table holds, in name order."""
        manifests = sorted(self.folder.glob(f"*/{MANIFEST}"))
        return [_load(path) for path in manifests]

    def check(self, delivery: Delivery) -> None:
        """Refuse a delivery of another shape or format than what the table holds."""
        for column in delivery.columns:
            sql_type(column, FILE_TYPES)
        _refuse_rounded_keys(delivery)
        if not self.folder.resolve().is_relative_to(self.root):
            raise ConnectorError(f"{self.folder} is a link that leads out of {self.root}.")
        held = next(iter(self.batches()), None)
        if held is None:
            return
        if held.format != delivery.format:
            raise ConnectorError(
                f"The table {self.folder} holds {held.format} files, the flow writes "
                f"{delivery.format}.",
                hint="give the flow a table of its own, or move the folder away",
            )
        found = [Found(name, type_, nullable=True) for name, type_ in held.columns]
        refuse_other_shape(str(self.folder), delivery.columns, found, FILE_TYPES)


def _refuse_rounded_keys(delivery: Delivery) -> None:
    """JSON numbers are compared as doubles, which makes some decimals equal that are not."""
    decimals = {c.name for c in delivery.columns if c.type.startswith("decimal")}
    rounded = sorted(decimals.intersection(delivery.key))
    if delivery.mode == "merge" and delivery.format == "jsonl" and rounded:
        raise ConnectorError(
            f"JSON Lines cannot be merged by the decimal field {rounded[0]!r}.",
            hint="write Parquet, or merge by another key",
        )


def local_table(root: Path, table: str) -> LocalTable:
    """The folder of a table name: ``ops.flights`` is ``ops/flights`` below the root."""
    parts = tuple(table.split("."))
    if not all(_NAME.fullmatch(part) and part == part.strip() for part in parts):
        raise ConnectorError(
            f"{table!r} is not the name of a table.",
            hint="write names separated by dots; they become folders",
        )
    return LocalTable(root, parts)


def folder_name(delivery: Delivery) -> str:
    """The folder of a delivery; versions lie side by side only when the mode is append."""
    version = f".v{delivery.version}" if delivery.mode == "append" else ""
    return f"{batch_segment(delivery.source_path)}.{delivery.flow}{version}"


def described(delivery: Delivery, mapped_rows: int, rejects_rows: int) -> BatchFolder:
    """The manifest of a delivery."""
    columns = tuple((c.name, sql_type(c, FILE_TYPES)) for c in delivery.columns)
    return BatchFolder(
        name=folder_name(delivery),
        flow=delivery.flow,
        version=delivery.version,
        source_path=delivery.source_path,
        run_id=delivery.run_id,
        mode=delivery.mode,
        format=delivery.format,
        columns=columns,
        mapped_rows=mapped_rows,
        rejects_rows=rejects_rows,
    )


def _load(path: Path) -> BatchFolder:
    try:
        value = json.loads(path.read_text("utf-8"))
        columns = tuple((name, type_) for name, type_ in value.pop("columns"))
        return BatchFolder(**{**value, "columns": columns})
    except (ValueError, TypeError, KeyError) as error:
        raise ConnectorError(
            f"{path} is not a manifest of a batch: {error}", hint="remove the folder it lies in"
        ) from error
