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
    return sorted({e.run_id for e in earlier if e.mapped_rows and _replaces(delivery, e)})


def _replaces(delivery: Delivery, earlier: Earlier) -> bool:
    """Whether a delivery replaces an earlier one's mapped rows by batch."""
    scope = MAPPED_SCOPE[delivery.mode]
    if not scope:
        return False
    return "version" not in scope or earlier.version == delivery.version


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
    earlier: Sequence[Earlier],
) -> list[Statement]:
    """The statements that make the ledger say what the table now holds.

    Each is a round trip, so only those that change something are there: mostly one or two.

    Args:
        ledger: The table of the ledger.
        table: How it calls the table that was written to.
        delivery: What was delivered.
        counts: How many mapped rows and rejects.
        earlier: All that the ledger knows of the batch.
    """
    forgotten = _all_forgotten if delivery.mode == "replace" else _batch_forgotten
    line = _enter(ledger, table, delivery, counts)
    return [*forgotten(ledger, table, delivery, earlier), line]


def _batch_forgotten(
    ledger: exp.Table, table: str, delivery: Delivery, earlier: Sequence[Earlier]
) -> Iterator[Statement]:
    """How the ledger forgets what the delivery replaces of its batch.

    The rejects of all its lines are replaced. A line whose mapped rows are replaced too, or that
    has none, goes; one that still has some stays without its rejects.
    """
    kept = [line for line in earlier if not _replaces(delivery, line)]
    if len(kept) < len(earlier):
        yield _gone(ledger, _where(table, delivery, MAPPED_SCOPE[delivery.mode] or ()))
    if not all(line.mapped_rows for line in kept):
        where, values = _where(table, delivery, REJECTS_SCOPE)
        yield _gone(ledger, (where.and_(_is_zero("mapped_rows")), values))
    if any(line.mapped_rows and line.rejects_rows for line in kept):
        yield _zeroed(ledger, "rejects_rows", _where(table, delivery, REJECTS_SCOPE))


def _all_forgotten(
    ledger: exp.Table, table: str, delivery: Delivery, _: Sequence[Earlier]
) -> Iterator[Statement]:
    """How it forgets all mapped rows of the table; of other batches it keeps the rejects."""
    from sqlglot import exp

    whole, *batch = _tests(REJECTS_SCOPE)
    going = exp.or_(_is_zero("rejects_rows"), exp.and_(*batch))
    values = (table, delivery.flow, delivery.source_path)
    yield _gone(ledger, (exp.and_(whole, going), values))
    yield _zeroed(ledger, "mapped_rows", _where(table, delivery, ()))


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


def _gone(ledger: exp.Table, where: tuple[exp.Condition, tuple[Any, ...]]) -> Statement:
    from sqlglot import exp

    return exp.delete(ledger.copy(), where=where[0]), where[1]


def _zeroed(
    ledger: exp.Table, column: str, where: tuple[exp.Condition, tuple[Any, ...]]
) -> Statement:
    from sqlglot import exp

    change = _column(column).eq(exp.Literal.number(0))
    return exp.Update(
        this=ledger.copy(), expressions=[change], where=exp.Where(this=where[0])
    ), where[1]


def _is_zero(column: str) -> exp.Condition:
    from sqlglot import exp

    return _column(column).eq(exp.Literal.number(0))


def _where(
    table: str, delivery: Delivery, scope: Sequence[str]
) -> tuple[exp.Condition, tuple[Any, ...]]:
    from sqlglot import exp

    values = (table, *(getattr(delivery, name) for name in scope))
    return exp.and_(*_tests(scope)), values


def _tests(scope: Sequence[str]) -> list[exp.Condition]:
    """That a line is of a table and a scope; values are numbered, and each stands once."""
    return [_column(name).eq(_value(i)) for i, name in enumerate(("target_table", *scope), 1)]


def _column(name: str) -> exp.Column:
    from sqlglot import exp

    return exp.column(name, quoted=True)


def _value(position: int) -> exp.Parameter:
    from sqlglot import exp

    return exp.Parameter(this=exp.Literal.number(position))
