"""Take the malformed records out of a CSV file, so that the parallel reader can read the rest.

Blocks whose quotes all stand where a quote may open or close are judged by vector operations; the
others, record by record. What is left is written with a LF after each record and no header.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from lume_dagster.engines.readers.csv_file import CsvFile
from lume_dagster.engines.readers.encoding import shown
from lume_dagster.engines.readers.header import Header
from lume_dagster.engines.readers.malformed import MalformedSink
from lume_dagster.engines.readers.records import problem_of, records
from lume_dagster.engines.readers.scan import (
    BOM,
    CHUNK,
    Block,
    DamagedQuotesError,
    is_utf8,
    record_blocks,
)


def can_sieve(file: CsvFile) -> bool:
    """Whether delimiter and quote are single bytes."""
    dialect = file.dialect
    marks = dialect.delimiter + dialect.quote + dialect.escape
    return len(dialect.delimiter) == 1 and marks.isascii()


def sieved(file: CsvFile, sink: MalformedSink, into: Path, limit: int) -> CsvFile:
    """The file without its malformed records, which go to the sink."""
    with into.open("wb") as out:
        sieve = _Sieve(file, sink, out, limit)
        sieve.run()
    return replace(
        file,
        path=into,
        header=Header(file.header.names, 0, 0),
        skip_lines=0,
        has_header=False,
        counted=sieve.number - len(sieve.dropped),
        longest=sieve.longest,
        is_ordinary=True,
        dropped=np.array(sieve.dropped, np.int64),
    )


@dataclass(slots=True)
class _Sieve:
    file: CsvFile
    sink: MalformedSink
    out: IO[bytes]
    limit: int
    number: int = 0  # records seen
    longest: int = 0
    dropped: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Go through the file: by blocks as long as they are sound, record by record between."""
        dialect = self.file.dialect
        place: int | None = self.file.header.data
        while place is not None:
            start, place = place, None
            blocks = record_blocks(
                self.file.path,
                quote=dialect.quote,
                escape=dialect.escape,
                start=start,
                limit=self.limit,
            )
            try:
                for block in blocks:
                    if not self._is_sound(block):
                        place = self._one_by_one(block.offset)
                        break
                    self._take(block)
                    start = block.offset + len(block.data)
            except DamagedQuotesError:
                place = self._one_by_one(start)

    def _is_sound(self, block: Block) -> bool:
        """Whether every quote stands beside a delimiter, a line end or another quote."""
        if len(block.starts) and int((block.ends - block.starts).max()) > self.limit:
            return False
        if block.quotes is None or not len(block.quotes):
            return True
        octets = np.frombuffer(block.data, np.uint8)
        dialect = self.file.dialect
        beside = (
            dialect.delimiter + "\r\n" + (dialect.quote if dialect.escape == dialect.quote else "")
        )
        fine = np.zeros(256, np.bool_)
        fine[list(beside.encode())] = True
        opening, closing = block.quotes[0::2], block.quotes[1::2]
        before = fine[octets[np.maximum(opening - 1, 0)]] | (opening == 0)
        after = fine[octets[np.minimum(closing + 1, len(octets) - 1)]]
        after |= closing == len(octets) - 1
        return bool(before.all() and after.all())

    def _one_by_one(self, start: int) -> int | None:
        """Judge the records of about one block; where the next begins, None at the end."""
        for record in records(self.file.path, self.file.dialect, start, self.limit):
            problem = record.problem
            if problem is None:
                problem = self._problem_of(record.text)
            self.number += 1
            if problem is None:
                self._keep(record.text)
            else:
                self._drop(self.number, record.text, problem)
            if record.next >= start + CHUNK:
                return record.next
        return None

    def _take(self, block: Block) -> None:
        """Judge a sound block."""
        if not len(block.starts):
            return
        doubts = np.flatnonzero(self._suspects(block)).tolist()
        if block.crlf or block.cr:
            self._copy_lines(block, set(self._malformed(block, doubts)))
        else:
            self._cut_out(block, self._malformed(block, doubts))
        self.longest = max(self.longest, int((block.ends - block.starts).max()))
        self.number += len(block.starts)

    def _malformed(self, block: Block, doubts: Sequence[int]) -> Iterator[int]:
        """Which of the doubtful records are malformed; they are dropped."""
        for index in doubts:
            text = block.data[block.starts[index] : block.ends[index]]
            problem = self._problem_of(text)
            if problem is not None:
                self._drop(self.number + index + 1, text, problem)
                yield index

    def _problem_of(self, text: bytes) -> str | None:
        file = self.file
        width = len(file.header.names)
        return problem_of(text, file.dialect, width, file.encoding, file.repeated)[1]

    def _cut_out(self, block: Block, malformed: Iterator[int]) -> None:
        """Write what stands between the malformed records of a block whose lines end in LF."""
        kept = 0
        for index in malformed:
            self.out.write(block.data[kept : int(block.starts[index])])
            kept = int(block.ends[index]) + 1
        self.out.write(block.data[kept:])
        if not block.data.endswith(b"\n"):
            self.out.write(b"\n")

    def _copy_lines(self, block: Block, malformed: set[int]) -> None:
        """Write each record that is not malformed with a LF."""
        spans = enumerate(zip(block.starts.tolist(), block.ends.tolist(), strict=True))
        kept = [block.data[start:end] for index, (start, end) in spans if index not in malformed]
        self.out.write(b"\n".join([*kept, b""]))

    def _suspects(self, block: Block) -> NDArray[np.bool_]:
        """Records that have not the right number of delimiters; all of a block with bad bytes."""
        if not is_utf8(block.data):
            return np.ones(len(block.starts), np.bool_)
        delimiter = ord(self.file.dialect.delimiter)
        places = np.flatnonzero(np.frombuffer(block.data, np.uint8) == delimiter)
        if block.quotes is not None:
            places = places[(np.searchsorted(block.quotes, places) & 1) == 0]
        counts = np.searchsorted(places, block.ends) - np.searchsorted(places, block.starts)
        suspects: NDArray[np.bool_] = counts != len(self.file.header.names) - 1
        if self.file.repeated is not None:
            size = len(self.file.repeated)
            suspects |= np.isin(block.ends - block.starts, (size, size + len(BOM)))
        return suspects

    def _keep(self, text: bytes) -> None:
        self.longest = max(self.longest, len(text))
        self.out.write(text + b"\n")

    def _drop(self, number: int, text: bytes, problem: str) -> None:
        self.dropped.append(number)
        self.sink.add(self.file.index, number, shown(text, self.file.encoding), problem)
