"""INSERT BULK: rows that stream in, checked and loaded in pieces, in one transaction."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lume_dagster_tests.servers.sqlserver.engine import Engine
from lume_dagster_tests.servers.sqlserver.faults import SqlError
from lume_dagster_tests.servers.sqlserver.types_in import ReadValue, read_short_text, read_type

_ROW, _ROW_WITH_NULLS, _DONE = 0xD1, 0xD2, 0xFD
_PIECE = 10_000
_ENOUGH = 1 << 20

_INSERT_BULK = re.compile(
    r"INSERT\s+BULK\s+(?P<table>.+?)\s*\((?P<columns>.*)\)", re.IGNORECASE | re.DOTALL
)
_NAME = re.compile(r"\[((?:[^\]]|\]\])+)\]|(\w+)")


@dataclass(frozen=True)
class Load:
    """Where the rows of the next bulk message go."""

    schema: str
    table: str

    @property
    def sql(self) -> str:
        """The table's name for DuckDB."""
        quoted = (part.replace('"', '""') for part in (self.schema, self.table))
        return ".".join(f'"{part}"' for part in quoted)


def read_name(text: str) -> Load:
    """Schema and table of a name as clients write it: ``[ops].[orders]``."""
    parts = [(a or b).replace("]]", "]") for a, b in _NAME.findall(text)]
    return Load(parts[-2] if len(parts) > 1 else "dbo", parts[-1])


def read_insert_bulk(text: str) -> Load | None:
    """The table of an INSERT BULK statement."""
    match = _INSERT_BULK.match(text)
    return read_name(match["table"]) if match else None


def load(engine: Engine, target: Load | None, parts: Iterable[bytes]) -> int:
    """Load the rows of a bulk message; returns how many."""
    if target is None:
        raise SqlError(4804, "Bulk rows without INSERT BULK.")
    pieces = _pieces(iter(parts))
    names = next(pieces)
    loaded = 0
    with engine.changes() as connection:
        described = connection.execute(f"DESCRIBE {target.sql}").fetchall()
        types = {row[0].lower(): row[1] for row in described}
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        casts = ", ".join(f"c{i}::{types[name.lower()]}" for i, name in enumerate(names))
        for piece in pieces:
            table = pa.table({f"c{i}": values for i, values in enumerate(piece)})
            connection.register("piece", table)
            connection.execute(f"INSERT INTO {target.sql} ({columns}) SELECT {casts} FROM piece")
            connection.unregister("piece")
            loaded += table.num_rows
    return loaded


def _pieces(parts: Iterator[bytes]) -> Iterator[list[Any]]:
    """The names of the columns, then lists of values, a list a column."""
    data, over = _more(b"", parts)
    columns, at = _columns(data)
    yield [name for name, _ in columns]
    readers = [read for _, read in columns]
    rows: list[list[Any]] = []
    while True:
        at, ended = _rows(data, at, readers, rows)
        full = len(rows) >= _PIECE
        if rows and (ended or full):
            yield [list(column) for column in zip(*rows, strict=True)]
            rows = []
        if ended:
            return
        if full:
            continue
        if over:
            raise SqlError(4804, "The bulk rows end before their end.")
        data, over = _more(data[at:], parts)
        at = 0


def _more(left: bytes, parts: Iterator[bytes]) -> tuple[bytes, bool]:
    """What was left and a megabyte more; and whether there is nothing after it."""
    taken, size = [left], 0
    for part in parts:
        taken.append(part)
        size += len(part)
        if size >= _ENOUGH:
            return b"".join(taken), False
    return b"".join(taken), True


def _columns(data: bytes) -> tuple[list[tuple[str, ReadValue]], int]:
    """The COLMETADATA token: names and readers."""
    if data[0] != 0x81:
        raise SqlError(4804, f"Bulk rows cannot begin with 0x{data[0]:02x}.")
    count, at = struct.unpack_from("<H", data, 1)[0], 3
    columns = []
    for _ in range(count):
        read, at = read_type(data, at + 6)
        name, at = read_short_text(data, at)
        columns.append((name, read))
    return columns, at


def _rows(
    data: bytes, at: int, readers: list[ReadValue], rows: list[list[Any]]
) -> tuple[int, bool]:
    """Read rows into ``rows`` while there are whole ones; where it stopped, and whether at the end."""
    end = len(data)
    while at < end:
        token = data[at]
        if token == _DONE:
            return end, True
        try:
            row, after = _row(token, data, at + 1, readers)
        except (IndexError, struct.error):
            return at, False
        rows.append(row)
        at = after
        if len(rows) >= _PIECE:
            return at, False
    return at, False


def _row(token: int, data: bytes, at: int, readers: list[ReadValue]) -> tuple[list[Any], int]:
    if token not in {_ROW, _ROW_WITH_NULLS}:
        raise SqlError(4804, f"Bulk rows cannot hold 0x{token:02x}.")
    nulls = b""
    if token == _ROW_WITH_NULLS:
        size = (len(readers) + 7) // 8
        nulls, at = data[at : at + size], at + size
    row = []
    for number, read in enumerate(readers):
        if nulls and nulls[number >> 3] >> (number & 7) & 1:
            row.append(None)
            continue
        value, at = read(data, at)
        row.append(value)
    return row, at
