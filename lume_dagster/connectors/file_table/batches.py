"""What a table of files holds of each batch, and what a delivery leaves of the earlier ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lume_dagster.connectors.batch_segment import batch_segment
from lume_dagster.connectors.file_table.formats import FORMATS
from lume_dagster.connectors.protocol import Delivery
from lume_dagster.connectors.sql.ddl import (
    Found,
    digits_of_fraction,
    refuse_other_shape,
    sql_type,
)
from lume_dagster.connectors.sql.ledger import MAPPED_SCOPE
from lume_dagster.errors import ConnectorError, did_you_mean

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
_MOST_DIGITS = 38
_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class HeldBatch:
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

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> HeldBatch:
        """From a manifest's JSON; what does not fit is a TypeError, KeyError or ValueError."""
        columns = tuple((str(name), str(type_)) for name, type_ in value["columns"])
        return cls(**{**value, "columns": columns})

    def holds(self, delivery: Delivery) -> bool:
        """Whether the folder is of the same flow and batch."""
        return (self.flow, self.source_path) == (delivery.flow, delivery.source_path)

    def with_rows(self, *, mapped: int, rejects: int) -> HeldBatch:
        """The same folder with other counts."""
        return replace(self, mapped_rows=mapped, rejects_rows=rejects)


@dataclass(frozen=True, slots=True)
class Loss:
    """What a delivery takes away from a batch that is there already."""

    mapped: bool
    rejects: bool

    def empties(self, held: HeldBatch) -> bool:
        """Whether nothing is left, so that the batch goes altogether."""
        left = self.left(held)
        return (self.mapped or self.rejects) and not (left.mapped_rows or left.rejects_rows)

    def left(self, held: HeldBatch) -> HeldBatch:
        """What is left of the batch."""
        return held.with_rows(
            mapped=0 if self.mapped else held.mapped_rows,
            rejects=0 if self.rejects else held.rejects_rows,
        )


def loss(held: HeldBatch, delivery: Delivery) -> Loss:
    """What a delivery takes from a batch by its scope; what ``merge`` takes, its keys say."""
    scope = MAPPED_SCOPE[delivery.mode]
    mapped = scope is not None and all(
        getattr(held, name) == getattr(delivery, name) for name in scope
    )
    return Loss(mapped, rejects=held.holds(delivery))


def refuse_misfit(where: str, held: Iterable[HeldBatch], delivery: Delivery, what: str) -> None:
    """Refuse a delivery of another shape or format than what the table at ``where`` holds.

    ``what`` names the connector in the sentence about a format that is unknown.
    """
    if delivery.format not in FORMATS:
        raise ConnectorError(
            f"{what} cannot be written as {delivery.format!r}.",
            hint=did_you_mean(delivery.format, FORMATS),
        )
    for column in delivery.columns:
        sql_type(column, FILE_TYPES)
    _refuse_rounded_keys(delivery)
    _refuse_long_fractions(delivery)
    first = next(iter(held), None)
    if first is None:
        return
    if first.format != delivery.format:
        raise ConnectorError(
            f"The table {where} holds {first.format} files, the flow writes {delivery.format}.",
            hint="give the flow a table of its own, or move the folder away",
        )
    found = [Found(name, type_, nullable=True) for name, type_ in first.columns]
    refuse_other_shape(where, delivery.columns, found, FILE_TYPES)


def _refuse_rounded_keys(delivery: Delivery) -> None:
    """JSON numbers are compared as doubles, which makes some decimals equal that are not."""
    decimals = {c.name for c in delivery.columns if c.type.startswith("decimal")}
    rounded = sorted(decimals.intersection(delivery.key))
    if delivery.mode == "merge" and delivery.format == "jsonl" and rounded:
        raise ConnectorError(
            f"JSON Lines cannot be merged by the decimal field {rounded[0]!r}.",
            hint="write Parquet, or merge by another key",
        )


def _refuse_long_fractions(delivery: Delivery) -> None:
    """The engine has no digit left for the zero that JSON wants before the point."""
    long = [c.name for c in delivery.columns if digits_of_fraction(c) == _MOST_DIGITS]
    if delivery.format == "jsonl" and long:
        raise ConnectorError(
            f"JSON Lines cannot keep the field {long[0]!r}: all of its {_MOST_DIGITS} digits are "
            "behind the point.",
            hint="write Parquet, or declare a digit less",
        )


def folder_parts(table: str) -> tuple[str, ...]:
    """The folders of a table name: ``ops.flights`` is ``ops``, then ``flights``."""
    parts = tuple(table.split("."))
    if not all(_NAME.fullmatch(part) and part == part.strip() for part in parts):
        raise ConnectorError(
            f"{table!r} is not the name of a table.",
            hint="write names separated by dots; they become folders",
        )
    return parts


def folder_name(delivery: Delivery) -> str:
    """The folder of a delivery; versions lie side by side only when the mode is append."""
    version = f".v{delivery.version}" if delivery.mode == "append" else ""
    return f"{batch_segment(delivery.source_path)}.{delivery.flow}{version}"


def described(delivery: Delivery, mapped_rows: int, rejects_rows: int) -> HeldBatch:
    """What a delivery brings."""
    columns = tuple((c.name, sql_type(c, FILE_TYPES)) for c in delivery.columns)
    return HeldBatch(
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
