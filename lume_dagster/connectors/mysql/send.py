"""Send a batch's rows into a table by LOAD DATA LOCAL, or by INSERTs where that is forbidden."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.mysql.lines import FORMAT, Batch, bounds_of, text_of
from lume_dagster.connectors.mysql.session import Session, said
from lume_dagster.connectors.mysql.shape import DIALECT, quoted
from lume_dagster.connectors.mysql.wire import Written, load_local, run_written
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

_LOG = logging.getLogger(__name__)

#: How servers say that LOAD DATA LOCAL is switched off.
_FORBIDDEN = {1148, 2068, 3948, 4166}
_TOLD: set[str] = set()
_STATEMENT_BYTES = 1 << 20


def send(session: Session, batch: Batch, table: exp.Table) -> int:
    """Add the rows to the table, all of them as they are; returns how many."""
    import pymysql

    if not session.local_infile:
        return _insert(session, batch, table)
    try:
        return _load_data(session, batch, table)
    except pymysql.Error as error:
        number, words = said(error)
        if number not in _FORBIDDEN:
            raise
        _tell(session, words)
    return _insert(session, batch, table)


def _tell(session: Session, words: str) -> None:
    """Say it once for each server."""
    if session.login.where not in _TOLD:
        _TOLD.add(session.login.where)
        _LOG.warning(
            "MySQL at %s forbids LOAD DATA LOCAL (%s); rows are sent by INSERT, which is slower. "
            "SET GLOBAL local_infile = 1 allows it.",
            session.login.where,
            words,
        )


def _load_data(session: Session, batch: Batch, table: exp.Table) -> int:
    rows = 0

    def pieces() -> Iterator[memoryview]:
        nonlocal rows
        for lines in batch.lines():
            rows += len(lines)
            yield text_of(lines)

    statement = (
        f"LOAD DATA LOCAL INFILE 'lume' INTO TABLE {table.sql(DIALECT)} "
        f"CHARACTER SET utf8mb4 {FORMAT} ({_names(batch)})"
    )
    _refuse_changes(session, table, load_local(session.connection, statement, pieces()), rows)
    return rows


def _insert(session: Session, batch: Batch, table: exp.Table) -> int:
    head = f"INSERT INTO {table.sql(DIALECT)} ({_names(batch)}) VALUES ".encode()
    rows = 0
    for tuples in batch.tuples():
        for part in _parts(tuples):
            written = run_written(session.connection, head + bytes(text_of(part))[:-1])
            _refuse_changes(session, table, written, len(part))
        rows += len(tuples)
    return rows


def _parts(tuples: pa.Array) -> Iterator[pa.Array]:
    """Slices that make a statement of about a megabyte each, a row at least."""
    import numpy as np

    bounds, start = bounds_of(tuples), 0
    while start < len(tuples):
        past = int(np.searchsorted(bounds, bounds[start] + _STATEMENT_BYTES, "right")) - 1
        stop = min(max(past, start + 1), len(tuples))
        yield tuples[start:stop]
        start = stop


def _names(batch: Batch) -> str:
    return ", ".join(quoted(column.name) for column in batch.columns)


def _refuse_changes(session: Session, table: exp.Table, written: Written, rows: int) -> None:
    """LOCAL makes warnings of errors and leaves out rows: neither may be."""
    if written == Written(rows, 0):
        return
    found: list[tuple[Any, ...]] = session.rows("SHOW WARNINGS LIMIT 3")
    words = "; ".join(f"{text} ({number})" for _, number, text in found)
    raise ConnectorError(
        f"The table {table.name} would hold something else than the batch: of {rows} rows "
        f"{written.rows} would be written, with {written.warnings} warnings. {words}".rstrip(),
        hint="nothing was written; change the mapping, or the table",
    )
