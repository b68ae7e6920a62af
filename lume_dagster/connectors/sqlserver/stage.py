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

from lume_dagster.connectors.protocol import Column, Delivery
from lume_dagster.connectors.sql.ddl import REJECT_COLUMNS, mapped_columns
from lume_dagster.connectors.sql.tables import Tables
from lume_dagster.connectors.sqlserver.session import Session
from lume_dagster.connectors.sqlserver.statement import DIALECT, quoted
from lume_dagster.connectors.sqlserver.types import stage_definition
from lume_dagster.errors import ConnectorError, TransientError

_PREFIX = "_lume_stage_"
_PARTS = {"mapped": "m", "rejects": "r"}
_LEFT = """
SELECT t.name FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE s.name = ? AND LEFT(t.name, ?) = ?
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The two tables of one delivery's attempt."""

    tables: Tables
    name: str

    @property
    def mapped(self) -> str:
        """The table of mapped rows, quoted."""
        return self._table("mapped")

    @property
    def rejects(self) -> str:
        """The table of rejects, quoted."""
        return self._table("rejects")

    def drop(self, session: Session) -> None:
        """Take both away."""
        for part in _PARTS:
            session.run(f"DROP TABLE IF EXISTS {self._table(part)}")

    def _table(self, part: str) -> str:
        return self.tables.sql(f"{self.name}_{_PARTS[part]}").sql(DIALECT)


@contextmanager
def staged(session: Session, delivery: Delivery, tables: Tables) -> Iterator[Stage]:
    """Empty stage tables, named by the run; gone after the block unless the connection is."""
    digest = hashlib.sha256(delivery.run_id.encode()).hexdigest()[:16]
    stage = Stage(tables, f"{_PREFIX}{digest}_{secrets.token_hex(6)}")
    _make_schema(session, tables.schema)
    session.lock(_owner(tables, stage.name), owner="session", patient=False)
    try:
        _create(session, stage.mapped, mapped_columns(delivery.columns))
        _create(session, stage.rejects, REJECT_COLUMNS)
        yield stage
    except BaseException:
        # Where this fails too, the connection is gone: the next delivery collects them.
        with suppress(ConnectorError):
            session.attempt(partial(stage.drop, session))
        raise


def collect_abandoned(session: Session, tables: Tables) -> None:
    """Drop the stages of deliveries that were killed."""
    found = session.rows(_LEFT, (tables.schema, len(_PREFIX), _PREFIX))
    names = sorted({name.rsplit("_", 1)[0] for (name,) in found})
    for name in names:
        owner = _owner(tables, name)
        if session.lock(owner, owner="session", patient=False):
            # What somebody is looking at stays for the next delivery.
            with suppress(TransientError):
                session.attempt(partial(Stage(tables, name).drop, session))
            session.unlock(owner)


def _make_schema(session: Session, schema: str) -> None:
    if session.rows("SELECT COUNT(*) FROM sys.schemas WHERE name = ?", (schema,))[0][0] == 0:
        with session.transaction():
            session.lock(f"schema {schema}")
            query = "SELECT COUNT(*) FROM sys.schemas WHERE name = ?"
            if session.rows(query, (schema,))[0][0] == 0:
                session.run(f"CREATE SCHEMA {quoted(schema)}")
            session.commit()


def _create(session: Session, table: str, columns: Sequence[Column]) -> None:
    definitions = ", ".join(stage_definition(column) for column in columns)
    session.run(f"CREATE TABLE {table} ({definitions})")


def _owner(tables: Tables, name: str) -> str:
    return f"stage {tables.schema}.{name}"
