"""A Plan: all SQL that turns one staged batch into mapped rows and rejects, as data.

The SQL speaks of what the engine provides under fixed names: the view ``staged`` (the columns of
the batch and ``_lume_row``), one table per seed, and the tables ``bad`` (the ``_lume_row`` of every
row that is not mapped), ``repeated`` and ``duplicates`` (what the queries of those names give). It
holds no text of the user's but what was parsed and generated again.

``staged`` may hold several batches: then ``_lume_row`` tells them apart (``chain.BATCH_BITS``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Severity = Literal["reject", "warn", "fail"]
TestKind = Literal["conversion", "lookup", "schema", "key", "rule"]


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of the batch: the name a flow uses, the column in ``staged``, its DuckDB type."""

    name: str
    id: str
    type: str


class TypeOracle(Protocol):
    """Something that knows what a SELECT gives, and whether it gives anything: the engine."""

    def describe(self, select: str) -> tuple[str, ...]:
        """The DuckDB types of the columns; PlanError with the engine's words if there are none."""
        ...

    def compute(self, select: str) -> None:
        """Compute a SELECT that reads no table; PlanError with the engine's words if it fails."""
        ...


@dataclass(frozen=True, slots=True)
class RowTest:
    """One thing that can be wrong with a row, and what happens to the row then."""

    id: str  # departed_at.type:INVALID_DATE_FORMAT, delay_minutes.minimum, rule:known_tail_number
    kind: TestKind
    field: str  # path of the target field, or the rule's name
    code: str
    severity: Severity
    message: str
    schema_path: str | None = None  # #/properties/delay_minutes/minimum


@dataclass(frozen=True, slots=True)
class SeedTable:
    """A seed that is looked up: the table the engine loads it as, and what is read of it."""

    seed: str
    table: str
    key: str
    columns: tuple[str, ...]  # by the seed's own names; in the table k, s0, s1, ...


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of the mapped rows."""

    name: str
    type: str  # in the words of connectors.protocol.Column
    nullable: bool
    description: str | None
    sources: tuple[str, ...]  # source columns it is made from, by name
    seeds: tuple[tuple[str, str], ...]  # (seed, column) it is looked up in


@dataclass(frozen=True, slots=True)
class BatchMeasure:
    """A figure of the mapped rows that a batch check needs: repeated rows, or NULLs."""

    id: str  # unique:flight_id, null_rate:email
    sql: str  # an aggregate over the view ``mapped``


@dataclass(frozen=True, slots=True)
class Plan:
    """How one flow version maps batches with these columns."""

    columns: tuple[MappedColumn, ...]
    key: tuple[str, ...]
    seeds: tuple[SeedTable, ...]
    tests: tuple[RowTest, ...]
    mapped: str  # SELECT _lume_row, <fields> of rows that break no reject test
    rejects: str  # SELECT _lume_row, original, errors of the rows in ``bad``
    #: One row: how many rows break each warn test, in order of ``tests``; its batch comes last.
    side_tests: str | None
    repeated_keys: str | None  # SELECT h: hashes of the keys that occur more than once
    duplicates: str | None  # SELECT _lume_row of good rows whose key an earlier good row has
    measures: tuple[BatchMeasure, ...]
    #: Whether something that may fail stands more than once in the queries: the engine may not
    #: compute it ahead, outside of the TRY around it.
    tries_twice: bool = False
