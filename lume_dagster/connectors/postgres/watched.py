"""Tables whose owner changes what is written: hold them to what a delivery meant them to have.

A trigger may leave out a row that comes, and a trigger or a rule may keep one that should go;
neither COPY nor DELETE tells. So where a table has one, its rows are counted before the commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lume_dagster.connectors.postgres.session import rows
from lume_dagster.connectors.sql.ddl import RUN_ID, SOURCE_PATH
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

#: Which of two tables have code of somebody else's that sees a row before the table, or a part of
#: it, has it or loses it.
_WATCHED = """
SELECT asked.number
FROM (VALUES (0, $1::regclass::oid), (1, $2::regclass::oid)) AS asked (number, id)
WHERE EXISTS (
  SELECT FROM pg_catalog.pg_class c
  WHERE c.oid IN (SELECT asked.id UNION SELECT relid FROM pg_partition_tree(asked.id)
                  UNION SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = asked.id)
  AND (EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
       OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = c.oid)))
"""
_OWN = f'"{RUN_ID}" = $1 AND "{SOURCE_PATH}" = $2'


@dataclass(frozen=True, slots=True)
class Change:
    """What a delivery meant to do to a table."""

    table: str  # quoted
    location: str  # for people
    sent: int
    run_id: str
    source_path: str
    replaced: Sequence[str] = ()  # the runs whose rows of the batch were to go
    same_keys: str | None = None  # the other rows that were to go: FROM and WHERE, the table is old
    alone: bool = False  # all other rows were to go


def refuse_other_rows(connection: Connection, mapped: Change, rejects: Change) -> None:
    """Refuse tables that would hold something else than they were meant to."""
    changes = (mapped, rejects)
    for (number,) in rows(connection, _WATCHED, tuple(change.table for change in changes)):
        _refuse(connection, changes[number])


def _refuse(connection: Connection, change: Change) -> None:
    own = (change.run_id, change.source_path)
    held = rows(connection, f"SELECT count(*) FROM {change.table} WHERE {_OWN}", own)[0][0]
    if held != change.sent:
        raise _refused(change, f"of {change.sent} rows of the batch the table would hold {held}")
    left = sum(rows(connection, query, values)[0][0] for query, values in _gone(change))
    if left:
        raise _refused(change, f"{left} rows that the batch replaces would stay")


def _gone(change: Change) -> Iterator[tuple[str, tuple[str, ...]]]:
    """How many rows are still there that were to go."""
    table, own = change.table, (change.run_id, change.source_path)
    for run_id in change.replaced:
        if run_id != change.run_id:
            yield f"SELECT count(*) FROM {table} WHERE {_OWN}", (run_id, change.source_path)
    if change.alone:
        yield f"SELECT count(*) FROM {table} WHERE NOT ({_OWN})", own
    if change.same_keys is not None:
        others = f'NOT (old."{RUN_ID}" = $1 AND old."{SOURCE_PATH}" = $2)'
        yield f"SELECT count(*) {change.same_keys} AND {others}", own


def _refused(change: Change, what: str) -> ConnectorError:
    return ConnectorError(
        f"A trigger or a rule of the table {change.location} changes what is written: {what}.",
        hint="nothing was written; name a table without it in the flow's target",
    )
