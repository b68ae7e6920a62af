"""Read like CSV files in parallel, and check the result against an independent count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lume_dagster.engines.readers.csv_file import CsvFile
from lume_dagster.engines.readers.dialect import width
from lume_dagster.engines.readers.encoding import shown
from lume_dagster.engines.readers.malformed import MalformedSink
from lume_dagster.engines.readers.scan import NO_LIMIT, DamagedQuotesError, record_blocks
from lume_dagster.engines.settings import MIB

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]

#: Fast to write, half the size of snappy, and as fast to read.
PARQUET = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1"
_LINE = 2 * MIB
_BUFFER = 32 * MIB
#: What the fast reader may say of a record without any doubt about where the record ends.
_CLEAR = frozenset({"MISSING COLUMNS", "TOO MANY COLUMNS", "INVALID ENCODING"})


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file of a part: how many records it held, and which of them are malformed (from 1)."""

    file: CsvFile
    records: int
    missing: Positions


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of reading files in one statement; those in ``doubtful`` must be read again."""

    read: tuple[ReadFile, ...] = ()
    doubtful: tuple[CsvFile, ...] = ()


@dataclass(slots=True)
class FastReader:
    """Reads groups of like files into one part each, or says which of them it cannot vouch for."""

    connection: duckdb.DuckDBPyConnection
    ids: dict[str, str]  # column name -> c0, c1, ... of the whole batch
    sink: MalformedSink
    _statements: int = field(default=0)

    def read(self, files: Sequence[CsvFile], into: Path) -> Attempt:
        """Read like files into a part; the part is complete only if no file is doubtful."""
        import duckdb

        self._statements += 1
        names = f"errors_{self._statements}", f"scans_{self._statements}"
        try:
            parsed = self._copy(files, into, *names)
            rejects = self._rejects(*names)
        except (duckdb.InvalidInputException, duckdb.ConversionException):
            return Attempt(doubtful=tuple(files))
        finally:
            for name in names:
                self.connection.execute(f"DROP TABLE IF EXISTS {name}")
        return self._judge(files, parsed, rejects)

    def _copy(self, files: Sequence[CsvFile], into: Path, errors: str, scans: str) -> int:
        first = files[0]
        own = [self.ids[name] for name in first.header.names]
        columns = ", ".join(f"{name}: 'VARCHAR'" for name in own)
        select = ", ".join(
            name if name in own else f"NULL::VARCHAR AS {name}" for name in self.ids.values()
        )
        longest = max(file.scan.longest for file in files) + 16
        # An unquoted empty value in a file of one column is a blank line, which is no record.
        where = f"WHERE {own[0]} IS NOT NULL" if len(own) == 1 else ""
        query = f"""
            COPY (SELECT {select} FROM read_csv(
                $files, auto_detect = false, columns = {{{columns}}}, header = $header,
                skip = $skip, delim = $delim, quote = $quote, escape = $escape,
                compression = 'none', allow_quoted_nulls = false, max_line_size = $line,
                buffer_size = $buffer, store_rejects = true, rejects_limit = 0,
                rejects_table = '{errors}', rejects_scan = '{scans}') {where})
            TO $into ({PARQUET})"""
        found = self.connection.execute(
            query,
            {
                "files": [str(file.path) for file in files],
                "header": first.options.header,
                "skip": first.skip_lines,
                "delim": first.dialect.delimiter,
                "quote": first.dialect.quote,
                "escape": first.dialect.escape,
                "line": max(_LINE, longest),
                "buffer": max(_BUFFER, 2 * longest),
                "into": str(into),
            },
        ).fetchone()
        return int(found[0]) if found else 0

    def _rejects(self, errors: str, scans: str) -> dict[str, dict[int, frozenset[str]]]:
        """What the reader refused, by file and by the byte at which the record begins."""
        found = self.connection.execute(
            f"SELECT s.file_path, e.line_byte_position - 1, list(DISTINCT e.error_type::VARCHAR)"
            f" FROM {errors} e JOIN {scans} s USING (scan_id, file_id) GROUP BY ALL"
        ).fetchall()
        rejects: dict[str, dict[int, frozenset[str]]] = {}
        for path, position, kinds in found:
            rejects.setdefault(path, {})[position] = frozenset(kinds)
        return rejects

    def _judge(
        self,
        files: Sequence[CsvFile],
        parsed: int,
        rejects: dict[str, dict[int, frozenset[str]]],
    ) -> Attempt:
        doubtful = [
            file
            for file in files
            if any(kinds - _CLEAR for kinds in rejects.get(str(file.path), {}).values())
        ]
        refused = sum(len(places) for places in rejects.values())
        if not doubtful and parsed + refused != sum(file.counted for file in files):
            doubtful = list(files)
        if doubtful:
            return Attempt(doubtful=tuple(doubtful))
        read: list[ReadFile] = []
        for file in files:
            places = rejects.get(str(file.path), {})
            try:
                found = list(located(file, places)) if places else []
            except DamagedQuotesError:
                return Attempt(doubtful=(file,))
            if len(found) != len(places):
                return Attempt(doubtful=(file,))
            for record, text, kinds in found:
                readable = shown(text, file.encoding)
                self.sink.add(file.index, record, readable, complaint(file, text, kinds))
            numbers = np.array([record for record, _, _ in found], np.int64)
            read.append(ReadFile(file, file.counted, numbers))
        return Attempt(read=tuple(read))


def located(
    file: CsvFile, places: dict[int, frozenset[str]]
) -> Iterator[tuple[int, bytes, frozenset[str]]]:
    """The number and text of the records that begin at these bytes, in the order of the file."""
    wanted = np.array(sorted(places), np.int64)
    before = 0 if file.options.header else 1
    start = file.header.start
    for block in record_blocks(
        file.path, quote=file.dialect.quote, escape=file.dialect.escape, start=start, limit=NO_LIMIT
    ):
        here = wanted[(wanted >= block.offset) & (wanted < block.offset + len(block.data))]
        for place in here.tolist():
            # The reader counts the blank line, or the LF of a CRLF, to the record that follows.
            begin = place - block.offset
            while block.data[begin : begin + 1] in (b"\r", b"\n"):
                begin += 1
            index = int(np.searchsorted(block.starts, begin))
            if index < len(block.starts) and block.starts[index] == begin:
                text = block.data[begin : int(block.ends[index])]
                yield before + index, text, places[place]
        before += len(block.starts)


def complaint(file: CsvFile, text: bytes, kinds: frozenset[str]) -> str:
    """What is wrong with a record, for people."""
    said: list[str] = []
    expected = len(file.header.names)
    found = len(width(file.dialect.fields(text), expected))
    if found != expected:
        said.append(f"expected {expected} columns, found {found}")
    if "INVALID ENCODING" in kinds or not said:
        said.append(bad_bytes(text, file.encoding))
    return "; ".join(said)


def bad_bytes(text: bytes, encoding: str) -> str:
    """Which byte of a record is not text."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        value = text[error.start]
        return f"byte 0x{value:02X} at position {error.start + 1} is not {encoding}"
    return f"the record is not valid {encoding}"
