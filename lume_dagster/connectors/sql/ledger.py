"""Which batches a table holds, and which rows a delivery replaces: alike on every database.

The ledger ``_lume_batches`` stands beside the tables it speaks of and is written in the transaction
that moves the rows, so it is never wrong. It is small, and says without a look at the rows whether
anything must be deleted. Statements are sqlglot expressions with ``$1 ...`` in place of values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.protocol import Column, Delivery, WriteMode
from lume_dagster.connectors.sql.ddl import RUN_ID, SOURCE_PATH

if TYPE_CHECKING:
    from sqlglot import exp

LEDGER_COLUMNS = (
    Column("target_table", "string", nullable=False),
    Column("flow", "string", nullable=False),
    Column("version", "integer", nullable=False),
    Column("source_path", "string", nullable=False),
    Column("run_id", "string", nullable=False),
    Column("mode", "string", nullable=False),
    Column("mapped_rows", "integer", nullable=False),
    Column("rejects_rows", "integer", nullable=False),
    Column("delivered_at", "timestamp", nullable=False, description="UTC"),
)

#: The ledger columns that name the mapped rows a mode replaces. None: by key, not by batch.
MAPPED_SCOPE: Mapping[WriteMode, tuple[str, ...] | None] = {
    "replace_batch": ("flow", "source_path"),
    "append": ("flow", "source_path", "version"),
    "merge": None,
    "replace": (),
}
REJECTS_SCOPE = ("flow", "source_path")

Statement = tuple["exp.Expr", tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A delivery of this batch that the table may still hold rows of."""

    run_id: str
    version: int
    mapped_rows: int
    rejects_rows: int


def earlier_deliveries(ledger: exp.Table, table: str, delivery: Delivery) -> Statement:
    """The query for the earlier deliveries of a batch."""
    from sqlglot import exp

    names = ("run_id", "version", "mapped_rows", "rejects_rows")
    where, values = _where(table, delivery, REJECTS_SCOPE)
    return exp.select(*(_column(n) for n in names)).from_(ledger).where(where), values


def stale_mapped(delivery: Delivery, earlier: Sequence[Earlier]) -> list[str]:
    """The run ids whose mapped rows this delivery replaces by batch."""
    scope = MAPPED_SCOPE[delivery.mode]
    if not scope:
        return []
    versions = {delivery.version} if "version" in scope else {e.version for e in earlier}
    return sorted({e.run_id for e in earlier if e.mapped_rows and e.version in versions})


def stale_rejects(earlier: Sequence[Earlier]) -> list[str]:
    """The run ids whose rejects this delivery replaces."""
    return sorted({e.run_id for e in earlier if e.rejects_rows})


def delete_run(table: exp.Table, delivery: Delivery, run_id: str) -> Statement:
    """The statement that takes one earlier delivery's rows out of a table."""
    from sqlglot import exp

    where = exp.and_(_column(RUN_ID).eq(_value(1)), _column(SOURCE_PATH).eq(_value(2)))
    return exp.delete(table.copy(), where=where), (run_id, delivery.source_path)


def enter(
    ledger: exp.Table,
    table: str,
    delivery: Delivery,
    counts: tuple[int, int],
    *,
    anew: bool = False,
) -> list[Statement]:
    """The statements that make the ledger say what the table now holds.

    Args:
        ledger: The table of the ledger.
        table: How it calls the table that was written to.
        delivery: What was delivered.
        counts: How many mapped rows and rejects.
        anew: Whether the ledger knows nothing of the batch, so that there is nothing to forget.
    """
    line = _enter(ledger, table, delivery, counts)
    return (
        [line]
        if anew and delivery.mode != "replace"
        else [*_forgotten(ledger, table, delivery), line]
    )


def _forgotten(ledger: exp.Table, table: str, delivery: Delivery) -> Iterator[Statement]:
    """The statements by which the ledger forgets what the delivery replaces."""
    from sqlglot import exp

    mapped_scope = MAPPED_SCOPE[delivery.mode]
    yield _forget(ledger, "rejects_rows", _where(table, delivery, REJECTS_SCOPE))
    if mapped_scope is not None:
        yield _forget(ledger, "mapped_rows", _where(table, delivery, mapped_scope))
    where, values = _where(table, delivery, mapped_scope if mapped_scope == () else REJECTS_SCOPE)
    empty = [_column(n).eq(exp.Literal.number(0)) for n in ("mapped_rows", "rejects_rows")]
    yield exp.delete(ledger.copy(), where=exp.and_(where, *empty)), values


def _enter(ledger: exp.Table, table: str, delivery: Delivery, counts: tuple[int, int]) -> Statement:
    from sqlglot import exp

    row = (
        *(table, delivery.flow, delivery.version, delivery.source_path, delivery.run_id),
        *(delivery.mode, *counts),
        datetime.now(UTC).replace(tzinfo=None),
    )
    names = [exp.to_identifier(c.name, quoted=True) for c in LEDGER_COLUMNS]
    line = exp.values([tuple(_value(i) for i in range(1, len(row) + 1))])
    return exp.Insert(this=exp.Schema(this=ledger.copy(), expressions=names), expression=line), row


def _forget(
    ledger: exp.Table, column: str, where: tuple[exp.Condition, tuple[Any, ...]]
) -> Statement:
    from sqlglot import exp

    change = _column(column).eq(exp.Literal.number(0))
    return exp.Update(
        this=ledger.copy(), expressions=[change], where=exp.Where(this=where[0])
    ), where[1]


def _where(
    table: str, delivery: Delivery, scope: Sequence[str]
) -> tuple[exp.Condition, tuple[Any, ...]]:
    from sqlglot import exp

    names = ("target_table", *scope)
    tests = [_column(name).eq(_value(i)) for i, name in enumerate(names, 1)]
    return exp.and_(*tests), (table, *(getattr(delivery, name) for name in scope))


def _column(name: str) -> exp.Column:
    from sqlglot import exp

    return exp.column(name, quoted=True)


def _value(position: int) -> exp.Parameter:
    from sqlglot import exp

    return exp.Parameter(this=exp.Literal.number(position))
