"""Cut a CSV file into records one by one: nothing is given up, and every byte goes somewhere.

After a quote that is not closed, or text after a closing one, only that physical line is malformed,
and the next line begins a record. Memory is bounded by the longest record that is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from lume_dagster.engines.readers.dialect import EOL, Dialect, width
from lume_dagster.engines.readers.malformed import HEADER_AGAIN
from lume_dagster.engines.readers.scan import BOM
from lume_dagster.engines.settings import MIB
from lume_dagster.errors import counted

_CHUNK = 4 * MIB


@dataclass(frozen=True, slots=True)
class Record:
    """The text of a record, where the next begins, and what is wrong with its quotes or length."""

    text: bytes
    next: int  # bytes from the beginning of the file
    problem: str | None = None


class _Window:
    """The part of a file that is being looked at, and the place in it."""

    def __init__(self, path: Path, start: int) -> None:
        self._stream = path.open("rb")
        self._stream.seek(start)
        self._offset = start
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

    @property
    def here(self) -> int:
        """The place, in bytes from the beginning of the file."""
        return self._offset + self.place

    def more(self) -> None:
        """Read on, twice as far each time, so that a long record costs linear time."""
        chunk = self._stream.read(max(_CHUNK, self.left))
        self.at_end = not chunk
        self.data = self.data[self.place :] + chunk
        self._offset += self.place
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
                yield _within(window.data[place:end], window.here, limit)
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
        return _within(match[0], window.here, limit)
    open_ended = match or dialect.unfinished.match(window.data, place)
    if open_ended and not window.at_end and window.left <= limit:
        window.more()
        return None
    window.place = after
    left_open = dialect.unfinished.match(window.data, place, end)
    problem = "a quote is not closed" if left_open else "text stands after a closing quote"
    return Record(window.data[place:end], window.here, problem)


def _within(text: bytes, following: int, limit: int) -> Record:
    if len(text) <= limit:
        return Record(text, following)
    problem = f"the record has {len(text):,} bytes; the limit is {limit:,}"
    return Record(text, following, problem)


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
    problem = f"the line has {size:,} bytes; the limit is {limit:,}, and only so many are kept"
    return Record(text, window.here, problem)


def problem_of(
    text: bytes, dialect: Dialect, columns: int, encoding: str, repeated: bytes | None = None
) -> tuple[Sequence[bytes | None], str | None]:
    """The values of a record whose quotes are right, and what is wrong with it otherwise.

    ``repeated`` is the header, where files were joined with theirs.
    """
    values = width(dialect.fields(text), columns)
    if repeated is not None and text.removeprefix(BOM) == repeated:
        return values, HEADER_AGAIN
    problems = []
    if len(values) != columns:
        problems.append(f"expected {counted(columns, 'column')}, found {len(values)}")
    if not is_text(text):
        problems.append(_bad_byte(text, encoding))
    return values, "; ".join(problems) or None


def is_text(data: bytes) -> bool:
    """Whether a record is UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _bad_byte(text: bytes, encoding: str) -> str:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            byte = text[error.start]
            return f"byte 0x{byte:02X} at position {error.start + 1} is not {encoding}"
    return f"the text is damaged: it is not {encoding}"
