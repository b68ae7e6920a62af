"""A DuckDB database file as source and as target: the warehouse that needs no server."""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lume_dagster.connectors.batch_files import Settings, first_line
from lume_dagster.connectors.duckdb_file.load import load, refuse_unfit
from lume_dagster.connectors.duckdb_file.load_many import load_many
from lume_dagster.connectors.patience import attempts, waiting
from lume_dagster.connectors.protocol import Checkpoint, Delivery, Reading, Receipt
from lume_dagster.connectors.resource import ConnectorResource
from lume_dagster.connectors.sql.bound_query import as_text, bind_source_path
from lume_dagster.connectors.sql.read_back import read_back
from lume_dagster.connectors.sql.tables import Tables, parse_table
from lume_dagster.errors import ConnectorError, EngineError, FlowError, TransientError, counted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH_ROWS = 16_384
_JSON_KEYS = "SELECT unnest(from_json(:source_path, '[\"VARCHAR\"]'))"
#: One delivery at a time to a file in this process; between processes DuckDB's own lock does it.
_TURNS: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class DuckDBConnector(ConnectorResource):
    """A DuckDB database file.

    DuckDB lets one process at a time write to a file; a delivery waits ``lock_timeout_seconds`` for
    its turn. A source query reads in parallel with other readers, and can reach no other file.
    """

    kind: ClassVar[str] = "duckdb"

    path: str
    default_schema: str = "main"
    memory_limit: str = "2GB"
    threads: int | None = None
    lock_timeout_seconds: float = 60.0

    def check(self, delivery: Delivery) -> None:
        """Refuse a table of another shape, or a path that cannot be written."""
        tables = self._tables(delivery.table)
        self._refuse_unwritable()
        if not self._file.exists():
            refuse_unfit(None, delivery, tables)
            return
        with self._turn(), self._writing() as connection:
            refuse_unfit(connection, delivery, tables)

    def deliver(self, delivery: Delivery, checkpoint: Checkpoint = lambda _: None) -> Receipt:
        """Move a batch into its tables in one transaction."""
        with self._delivering(delivery) as (connection, tables):
            checkpoint("connected")
            return load(connection, delivery, tables, checkpoint, self.text("memory_limit"))

    def deliver_many(
        self, deliveries: Sequence[Delivery], checkpoint: Checkpoint = lambda _: None
    ) -> list[Receipt]:
        """Move many batches into their tables in one transaction."""
        with self._delivering(deliveries[0]) as (connection, tables):
            checkpoint("connected")
            return load_many(connection, deliveries, tables, checkpoint)

    @contextmanager
    def _delivering(self, delivery: Delivery) -> Iterator[tuple[duckdb.DuckDBPyConnection, Tables]]:
        tables = self._tables(delivery.table)
        self._refuse_unwritable()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._turn(), self._writing() as connection:
            yield connection, _in_catalog(tables, connection)

    @contextmanager
    def read(self, query: str, source_path: str) -> Iterator[pa.RecordBatchReader]:
        """The rows of a query, streamed; the file is opened read-only."""
        import pyarrow as pa

        bound = bind_source_path(query, "$source_path", "duckdb")
        self._refuse_missing()
        with self._reading() as connection:
            _refuse_statements(connection, bound)
            with _read_errors(self._file):
                rows = connection.sql(bound, params={"source_path": as_text(source_path)})
                reader = rows.to_arrow_reader(_BATCH_ROWS)
            batches = _translated(reader, self._file)
            try:
                yield pa.RecordBatchReader.from_batches(reader.schema, batches)
            finally:
                batches.close()
                reader.close()

    @contextmanager
    def read_table(self, reading: Reading) -> Iterator[pa.RecordBatchReader]:
        """The mapped rows of a table, streamed."""
        self._refuse_missing()
        with self._reading() as connection:
            tables = _in_catalog(self._tables(reading.table), connection)
        name = tables.qualified.lower()
        query, keys = read_back(tables, reading, "duckdb", _JSON_KEYS, ledger_name=name)
        with self.read(query, keys) as reader:
            yield reader

    def test(self) -> Iterator[str]:
        """Open the file, say what was found and whether it can be written."""
        writable = self._unwritable() is None
        if not self._file.exists():
            self._refuse_unwritable()
            yield f"{self._file} is not there yet; it can be made."
            return
        with self._turn(), self._writing() if writable else self._reading() as connection:
            found = connection.execute(
                "SELECT count(*) FROM duckdb_tables() WHERE NOT internal"
            ).fetchone()
            yield f"{self._file} opens and holds {counted(found[0] if found else 0, 'table')}."
        if writable:
            yield f"{self._file} can be written."
        else:
            yield f"{self._file} cannot be written by this user: it can only be a source."

    @property
    def _file(self) -> Path:
        return Path(self.text("path")).expanduser().absolute()

    def _tables(self, table: str) -> Tables:
        schema = self.text("default_schema")
        return parse_table(table, database=self._file.stem, schema=schema)

    def _refuse_missing(self) -> None:
        if not self._file.is_file():
            raise ConnectorError(f"There is no DuckDB database at {self._file}.")

    def _refuse_unwritable(self) -> None:
        if self._file.is_dir():
            raise ConnectorError(
                f"{self._file} is a folder.", hint="name the database file: warehouse.duckdb"
            )
        nearest = self._unwritable()
        if nearest is not None:
            raise ConnectorError(
                f"{nearest} cannot be written by this user, so {self._file} cannot be a target.",
                hint="give this user the right to write there, or choose another path",
            )

    def _unwritable(self) -> Path | None:
        """What would have to be written to and cannot: the file, or the folder to make it in."""
        nearest = next(p for p in [self._file, *self._file.parents] if p.exists())
        return None if os.access(nearest, os.W_OK) else nearest

    @contextmanager
    def _turn(self) -> Iterator[None]:
        lock = _TURNS[str(self._file)]
        if not lock.acquire(timeout=self.lock_timeout_seconds):
            raise _busy(self._file, "another delivery of this process", self.lock_timeout_seconds)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that may write; settings come after, so that others can share the file."""
        with _open(self._file, {}, self.lock_timeout_seconds) as connection:
            connection.execute("SET memory_limit = $1", [self.text("memory_limit")])
            if self.threads is not None:
                connection.execute("SET threads = $1", [self.threads])
            connection.execute("SET preserve_insertion_order = false")
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection that can reach no other file and no network."""
        settings: Settings = {
            "enable_external_access": "false",
            "memory_limit": self.text("memory_limit"),
        }
        settings["temp_directory"] = f"{self._file}.tmp"
        if self.threads is not None:
            settings["threads"] = str(self.threads)
        wait = self.lock_timeout_seconds
        with _open(self._file, settings, wait, read_only=True) as connection:
            yield connection


def _in_catalog(tables: Tables, connection: duckdb.DuckDBPyConnection) -> Tables:
    """The tables with the name DuckDB gives the file, which a schema may have too."""
    found = connection.execute("SELECT current_database()").fetchone()
    return replace(tables, catalog=str(found[0]) if found else None)


@contextmanager
def _open(
    file: Path, settings: Settings, wait: float, *, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the file, as soon as nobody else holds it."""
    import duckdb

    held = "nobody"

    def tell() -> None:
        waiting(f"{file}, which {held} holds", wait)

    for _ in attempts(wait, tell):
        try:
            connection = duckdb.connect(str(file), read_only=read_only, config=settings)
        except duckdb.ConnectionException:
            held = "another connection of this process"
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise _unreadable(file, error) from error
            held = _holder(error)
        except duckdb.Error as error:
            raise _unreadable(file, error) from error
        else:
            with connection:
                yield connection
            return
    raise _busy(file, held, wait)


#: How DuckDB names who holds a file: the program, and the number of its process.
_HELD_BY = re.compile(r"lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")


def _holder(error: Exception) -> str:
    found = _HELD_BY.search(str(error))
    if found is None:
        return "another process"
    return f"another process ({Path(found['program']).name}, PID {found['pid']})"


def _busy(file: Path, holder: str, wait: float) -> TransientError:
    return TransientError(
        f"{file} is held by {holder}; it was not free within {wait:g} seconds.",
        hint="DuckDB lets one process write at a time: close the other one, "
        "or raise lock_timeout_seconds",
    )


def _unreadable(file: Path, error: Exception) -> ConnectorError:
    return ConnectorError(
        f"{file} cannot be opened as a DuckDB database: {first_line(error)}",
        hint="check the path, the rights on it, and which version of DuckDB wrote it",
    )


def _refuse_statements(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    import duckdb

    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        raise FlowError(f"The source query cannot be read: {error}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise FlowError("The source query must be one SELECT statement.")


@contextmanager
def _read_errors(file: Path) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise EngineError(f"The source query on {file} ran out of memory: {error}") from error
    except duckdb.Error as error:
        raise ConnectorError(
            f"The source query failed on {file}: {error}",
            hint="run it in a DuckDB shell with a value in place of :source_path",
        ) from error


def _translated(reader: pa.RecordBatchReader, file: Path) -> Generator[pa.RecordBatch, None, None]:
    with _read_errors(file):
        yield from reader
