"""Read a damaged CSV file record by record: nothing is given up, and every line goes somewhere.

After a quote that is not closed, or text after a closing one, only that physical line is malformed,
and the next line begins a record. Memory is bounded by the longest record that is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lume_dagster.engines.readers.csv import ReadFile, bad_bytes
from lume_dagster.engines.readers.csv_file import CsvFile
from lume_dagster.engines.readers.dialect import EOL, Dialect, width
from lume_dagster.engines.readers.encoding import shown
from lume_dagster.engines.readers.malformed import MalformedSink
from lume_dagster.engines.settings import MIB

_CHUNK = 4 * MIB
_FLUSH_BYTES = 16 * MIB
_FLUSH_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Record:
    """The text of a record, and what is wrong with its quotes or its length."""

    text: bytes
    problem: str | None = None


def read_slowly(
    file: CsvFile, ids: dict[str, str], sink: MalformedSink, into: Path, limit: int
) -> ReadFile:
    """Stage one file into one part."""
    missing: list[int] = []
    number = 0
    with _PartWriter(into, list(ids.values()), [ids[name] for name in file.header.names]) as part:
        columns = len(file.header.names)
        for record in records(file.path, file.dialect, file.header.data, limit):
            number += 1
            values, problem = _values(record, file, columns)
            if problem is None:
                part.add(values, len(record.text))
            else:
                missing.append(number)
                sink.add(file.index, number, shown(record.text, file.encoding), problem)
    return ReadFile(file, number, np.array(missing, np.int64))


def _values(record: Record, file: CsvFile, columns: int) -> tuple[list[bytes | None], str | None]:
    if record.problem is not None:
        return [], record.problem
    values = width(file.dialect.fields(record.text), columns)
    problems = []
    if len(values) != columns:
        problems.append(f"expected {columns} columns, found {len(values)}")
    if not _is_text(record.text):
        problems.append(bad_bytes(record.text, file.encoding))
    return values, "; ".join(problems) or None


def _is_text(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Window:
    """The part of a file that is being looked at, and the place in it."""

    def __init__(self, path: Path, start: int) -> None:
        self._stream = path.open("rb")
        self._stream.seek(start)
        self.data = b""
        self.place = 0
        self.at_end = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    @property
    def left(self) -> int:
        """Bytes from the place to the end of the window."""
        return len(self.data) - self.place

    def more(self) -> None:
        """Read on, twice as far each time, so that a long record costs linear time."""
        chunk = self._stream.read(max(_CHUNK, self.left))
        self.at_end = not chunk
        self.data = self.data[self.place :] + chunk
        self.place = 0


def records(path: Path, dialect: Dialect, start: int, limit: int) -> Iterator[Record]:
    """The records of a file from byte ``start`` on; blank lines are none."""
    quote = dialect.quote.encode()
    with _Window(path, start) as window:
        while True:
            line = _line(window, limit)
            if line is None:
                if not window.left:
                    return
                yield _overlong(window, limit)
                continue
            end, after = line
            place = window.place
            if end == place:
                window.place = after
            elif not quote or window.data.find(quote, place, end) < 0:
                window.place = after
                yield _within(window.data[place:end], limit)
            else:
                found = _quoted(window, dialect, end, after, limit)
                if found is not None:
                    yield found


def _line(window: _Window, limit: int) -> tuple[int, int] | None:
    """Where the physical line ends and the next begins; None at the end, or if it is too long."""
    searched = 0
    while True:
        found = EOL.search(window.data, window.place + searched)
        if found and (window.at_end or found.end() < len(window.data)):
            return found.start(), found.end()
        if window.at_end:
            return (len(window.data), len(window.data)) if window.left else None
        if window.left > limit:
            return None
        searched = found.start() - window.place if found else window.left
        window.more()


def _quoted(window: _Window, dialect: Dialect, end: int, after: int, limit: int) -> Record | None:
    """The record at the place, whose first line has a quote; None to look again with more data."""
    place = window.place
    match = dialect.record.match(window.data, place)
    if match and (window.at_end or match.end() + 1 < len(window.data)):
        line_end = EOL.match(window.data, match.end())
        window.place = line_end.end() if line_end else match.end()
        return _within(match[0], limit)
    open_ended = match or dialect.unfinished.match(window.data, place)
    if open_ended and not window.at_end and window.left <= limit:
        window.more()
        return None
    window.place = after
    left_open = dialect.unfinished.match(window.data, place, end)
    problem = "a quote is not closed" if left_open else "text stands after a closing quote"
    return Record(window.data[place:end], problem)


def _within(text: bytes, limit: int) -> Record:
    if len(text) <= limit:
        return Record(text)
    return Record(text, f"the record has {len(text):,} bytes; the limit is {limit:,}")


def _overlong(window: _Window, limit: int) -> Record:
    """A line beyond the limit: its beginning is kept, the rest is passed over and measured."""
    text = window.data[window.place : window.place + limit]
    size = 0
    while True:
        found = EOL.search(window.data, window.place)
        if found and (window.at_end or found.end() < len(window.data)):
            size += found.start() - window.place
            window.place = found.end()
            break
        held = 0 if window.at_end or not window.data.endswith(b"\r") else 1
        size += window.left - held
        window.place = len(window.data) - held
        if window.at_end:
            break
        window.more()
    return Record(
        text, f"the line has {size:,} bytes; the limit is {limit:,}, and only so many are kept"
    )


class _PartWriter:
    """Writes rows of raw values to Parquet, some thousands at a time."""

    def __init__(self, path: Path, ids: list[str], own: list[str]) -> None:
        self._schema = pa.schema([(name, pa.string()) for name in ids])
        self._own = own
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", compression_level=1)
        self._rows: list[list[bytes | None]] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._flush()
        self._writer.close()

    def add(self, values: list[bytes | None], size: int) -> None:
        """One row, and its size."""
        self._rows.append(values)
        self._size += size
        if self._size > _FLUSH_BYTES or len(self._rows) >= _FLUSH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        filled = dict(zip(self._own, zip(*self._rows, strict=True), strict=True))
        nulls = pa.nulls(len(self._rows), pa.string())
        arrays = [
            pa.array(filled[name], pa.binary()).cast(pa.string()) if name in filled else nulls
            for name in self._schema.names
        ]
        self._writer.write_table(pa.table(arrays, schema=self._schema))
        self._rows, self._size = [], 0
