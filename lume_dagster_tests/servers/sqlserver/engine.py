"""DuckDB under the transactions of SQL Server, as far as one session sees them.

A transaction begins in DuckDB with its first change: until then each statement sees what is
committed, as under READ COMMITTED. Any error in it rolls it back, as under XACT_ABORT ON. Where SQL
Server would let a statement wait for another's row lock, DuckDB fails: error 1205.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from lume_dagster_tests.servers.sqlserver import catalog
from lume_dagster_tests.servers.sqlserver.declared import Declared
from lume_dagster_tests.servers.sqlserver.faults import SqlError, from_duckdb
from lume_dagster_tests.servers.sqlserver.translate import Statement, columns_of, create_table

_ROWS = 2_000


@dataclass(frozen=True)
class Rows:
    """A result: Arrow batches, and how each column was declared where that is known."""

    reader: pa.RecordBatchReader
    declared: Sequence[Declared | None]


class Engine:
    """A session's own connection to DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.depth = 0  # @@TRANCOUNT
        self._writing = False
        self.aborted = False  # whether a transaction was rolled back that the client did not end

    def use(self, database: str) -> None:
        """Make a database the current one; error 4060 where there is none."""
        known = self.connection.execute(
            "SELECT database_name FROM duckdb_databases() WHERE lower(database_name) = lower($1)",
            [database],
        ).fetchone()
        if known is None:
            words = f'Cannot open database "{database}" requested by the login. The login failed.'
            raise SqlError(4060, words, 11)
        self.connection.execute(f'USE "{known[0]}".dbo')

    def begin(self) -> None:
        """One transaction deeper."""
        self.depth += 1

    def commit(self) -> None:
        """One less; the last one makes the changes visible."""
        if self.depth == 1 and self._writing:
            with self._duckdb():
                self.connection.execute("COMMIT")
            self._writing = False
        self.depth = max(self.depth - 1, 0)

    def rollback(self) -> None:
        """Undo all of it."""
        if self._writing:
            self.connection.execute("ROLLBACK")
        self._writing, self.depth = False, 0

    def query(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        """The rows of a SELECT."""
        with self._duckdb():
            relation = self.connection.sql(statement.sql, params=dict(values))
            declared = self._declared(statement, relation.columns, relation.types)
            return Rows(relation.to_arrow_reader(_ROWS), declared)

    @contextmanager
    def changes(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection, to change something: all that is done in the block, or nothing."""
        alone = self.depth == 0
        if alone:
            self.begin()
        if not self._writing:
            self.connection.execute("BEGIN")
            self._writing = True
        with self._duckdb():
            yield self.connection
        if alone:
            self.commit()

    def change(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """Run a statement that changes something; returns how many rows."""
        tree = statement.tree
        with self.changes() as connection:
            if isinstance(tree, exp.Create) and tree.kind == "TABLE" and not tree.expression:
                self._create_table(tree)
                return 0
            if isinstance(tree, exp.Drop) and tree.kind == "TABLE":
                for schema, table in statement.tables:
                    catalog.forget(connection, schema, table)
            row = connection.execute(statement.sql, dict(values)).fetchone()
            return int(row[0]) if row and statement.counts else 0

    def declared_in(self, schema: str, table: str) -> dict[str, Declared]:
        """How the columns of a table were declared."""
        return catalog.declared_columns(self.connection, schema, table)

    def _create_table(self, tree: exp.Create) -> None:
        table = tree.find(exp.Table)
        self.connection.execute(create_table(tree))
        for name, declared, _ in columns_of(tree):
            catalog.declare(self.connection, table.db or "dbo", table.name, name, declared)

    def _declared(
        self, statement: Statement, names: Sequence[str], types: Sequence[Any]
    ) -> list[Declared | None]:
        found: dict[str, Declared] = {}
        for schema, table in statement.tables:
            if schema != "sys":
                found.update(self.declared_in(schema, table))
        uuid = Declared("uniqueidentifier", 36, 16)
        return [
            uuid if str(type_) == "UUID" else found.get(name.lower())
            for name, type_ in zip(names, types, strict=True)
        ]

    @contextmanager
    def _duckdb(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            self._abort()
            raise from_duckdb(error) from error
        except BaseException:
            self._abort()
            raise

    def _abort(self) -> None:
        """A failed change takes its transaction with it; a failed query does not."""
        if self._writing:
            self.rollback()
            self.aborted = True
