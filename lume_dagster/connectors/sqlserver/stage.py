"""Stage tables: where a batch lies in the database until it is moved in one transaction.

Bulk copy has a connection of its own, so it cannot be part of the transaction that moves the rows.
A session lock named like the stage says that its owner lives; the next delivery into the schema
drops the stages of those that do not.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from lume_dagster.connectors.batch_files import rows_in, unnamed
from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.sql.ddl import REJECT_COLUMNS, mapped_columns
from lume_dagster.connectors.sql.tables import Tables
from lume_dagster.connectors.sqlserver.session import Session
from lume_dagster.connectors.sqlserver.statement import DIALECT, quoted
from lume_dagster.connectors.sqlserver.types import stage_definition
from lume_dagster.errors import ConnectorError, TransientError

_PREFIX = "_lume_stage_"
_PARTS = {"mapped": "m", "rejects": "r"}
#: A row where the schema is there, with the stages in it where it has any.
_LEFT = """
SELECT t.name FROM sys.schemas AS s
LEFT JOIN sys.tables AS t ON t.schema_id = s.schema_id AND LEFT(t.name, ?) = ?
WHERE s.name = ?
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The tables of one delivery's attempt; the second only where it has rejects.

    They hold what differs from row to row: the run and the batch are bound when rows are moved.
    """

    tables: Tables
    name: str
    has_rejects: bool = True

    @property
    def mapped(self) -> str:
        """The table of mapped rows, quoted."""
        return self._table("mapped")

    @property
    def rejects(self) -> str:
        """The table of rejects, quoted."""
        return self._table("rejects")

    def dropped(self) -> list[tuple[str, tuple[()]]]:
        """The statements that take them away."""
        parts = _PARTS if self.has_rejects else ("mapped",)
        return [(f"DROP TABLE IF EXISTS {self._table(part)}", ()) for part in parts]

    def drop(self, session: Session) -> None:
        """Take them away."""
        session.run_all(self.dropped())

    def _table(self, part: str) -> str:
        return self.tables.sql(f"{self.name}_{_PARTS[part]}").sql(DIALECT)


@contextmanager
def staged(session: Session, delivery: Delivery, tables: Tables) -> Iterator[Stage]:
    """Empty stage tables, named by the run; gone after the block unless the connection is."""
    digest = hashlib.sha256(delivery.run_id.encode()).hexdigest()[:16]
    name = f"{_PREFIX}{digest}_{secrets.token_hex(6)}"
    stage = Stage(tables, name, has_rejects=rows_in(delivery.rejects) > 0)
    session.lock(_owner(tables, stage.name), owner="session", patient=False)
    try:
        made = [_create(stage.mapped, mapped_columns(delivery.columns))]
        made += [_create(stage.rejects, REJECT_COLUMNS)] if stage.has_rejects else []
        session.run_all(made)
        yield stage
    except BaseException:
        # Where this fails too, the connection is gone: the next delivery collects them.
        with suppress(ConnectorError):
            session.attempt(partial(stage.drop, session))
        raise


def clear_schema(session: Session, tables: Tables) -> None:
    """Make the schema if it is missing; drop the stages of deliveries that were killed."""
    found = session.rows(_LEFT, (len(_PREFIX), _PREFIX, tables.schema))
    if not found:
        _make_schema(session, tables.schema)
    names = sorted({name.rsplit("_", 1)[0] for (name,) in found if name})
    for name in names:
        owner = _owner(tables, name)
        if session.lock(owner, owner="session", patient=False):
            # What somebody is looking at stays for the next delivery.
            with suppress(TransientError):
                session.attempt(partial(Stage(tables, name).drop, session))
            session.unlock(owner)


def _make_schema(session: Session, schema: str) -> None:
    with session.transaction():
        session.lock(f"schema {schema}")
        query = "SELECT COUNT(*) FROM sys.schemas WHERE name = ?"
        if session.rows(query, (schema,))[0][0] == 0:
            session.run(f"CREATE SCHEMA {quoted(schema)}")
        session.commit()


def _create(table: str, columns: Sequence[Column]) -> tuple[str, tuple[()]]:
    definitions = ", ".join(stage_definition(column) for column in unnamed(columns))
    return f"CREATE TABLE {table} ({definitions})", ()


def _owner(tables: Tables, name: str) -> str:
    return f"stage {tables.schema}.{name}"
