"""Look at a CSV file before it is read: encoding, dialect, header, number of records."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lume_dagster.engines.readers.detect import SAMPLE, dialect_of, head_of
from lume_dagster.engines.readers.dialect import EOL, Dialect
from lume_dagster.engines.readers.encoding import (
    UTF8,
    encoding_of,
    single_byte_encoding,
    transcoded,
)
from lume_dagster.engines.readers.files import PlainFile
from lume_dagster.engines.readers.header import (
    Header,
    is_named,
    read_header,
    skipped,
    told_delimiter,
)
from lume_dagster.engines.readers.scan import Positions, Scan, scan_file
from lume_dagster.engines.readers.title_block import header_line
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import SourceFormat


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file in UTF-8, and what is known of it."""

    index: int  # its place in the batch
    plain: PlainFile
    path: Path
    encoding: str
    line_end: str  # as delivered
    dialect: Dialect
    header: Header
    skip_lines: int
    has_header: bool
    counted: int  # records that the fast reader must find, by an independent count
    longest: int  # bytes of a record
    is_ordinary: bool  # quotes pair up, lines end alike: the fast reader may try
    dropped: Positions | None = None  # malformed records that were sieved out; None before
    repeated: bytes | None = None  # the header, where the file seems to hold it once more
    header_line: int | None = None  # where the header seems to stand, if not where it was taken

    @property
    def group(self) -> tuple[object, ...]:
        """Files that are equal in this can be read in one statement."""
        sieved = self.dropped is not None
        line_end = "lf" if sieved else self.line_end
        return (self.header.names, self.dialect, line_end, self.skip_lines, self.has_header)

    def holds_nothing(self) -> bool:
        """Whether there are only line ends after the header."""
        with self.path.open("rb") as stream:
            stream.seek(self.header.data)
            while chunk := stream.read(SAMPLE):
                if chunk.strip(b"\r\n"):
                    return False
        return True


@dataclass(frozen=True, slots=True)
class _Text:
    """A file in UTF-8: how it is written, as its first bytes show, and where it begins."""

    path: Path
    encoding: str
    dialect: Dialect
    start: int  # after skipped lines
    skip_lines: int
    line: bytes | None  # the header as it is written


@dataclass(slots=True)
class Examiner:
    """Examines the files of a batch; those with the same first line are of one dialect."""

    options: SourceFormat
    settings: EngineSettings
    scratch: Path
    _known: dict[tuple[bytes, str | None], Dialect] = field(default_factory=dict)

    def examine(self, index: int, plain: PlainFile) -> CsvFile | None:
        """What is known of a file; None where it holds no record and no header."""
        text = self._text(index, plain, encoding_of(head_of(plain.path), self.options.encoding))
        scan = self._scan(text)
        found = None if self.options.encoding else single_byte_encoding(scan)
        if found is not None and text.encoding == UTF8:
            text = self._text(index, plain, found)
            scan = self._scan(text)
        if not scan.records and not scan.damaged:
            return None
        return self._file(index, plain, text, scan)

    def expect(self, index: int, plain: PlainFile) -> CsvFile | None:
        """What is known of a file by its first bytes alone: uncounted, and as if it were in order.

        None where more must be done than to read it.

        Raises:
            BatchError: its header cannot be read.
        """
        if encoding_of(head_of(plain.path), self.options.encoding) != UTF8:
            return None
        return self._file(index, plain, self._text(index, plain, UTF8), Scan())

    def _file(self, index: int, plain: PlainFile, text: _Text, scan: Scan) -> CsvFile:
        options, limit = self.options, self.settings.max_record_bytes
        uri = plain.source.uri
        header = read_header(text.path, uri, text.start, text.dialect, options, limit)
        return CsvFile(
            index=index,
            plain=plain,
            path=text.path,
            encoding=text.encoding,
            line_end=scan.line_end,
            dialect=text.dialect,
            header=header,
            skip_lines=text.skip_lines,
            has_header=options.header,
            counted=max(0, scan.records - options.header),
            longest=scan.longest,
            is_ordinary=not (
                scan.damaged or scan.leading_blank or scan.line_end == "mixed" or scan.again
            ),
            repeated=scan.line if scan.again or scan.damaged else None,
            header_line=self._header_line(text, plain, header),
        )

    def _header_line(self, text: _Text, plain: PlainFile, header: Header) -> int | None:
        """Looked for where what was taken for the header has one name, lacks some, or is narrow."""
        names = header.names
        if not self.options.header:
            return None
        with text.path.open("rb") as stream:
            stream.seek(text.start)
            sample = stream.read(SAMPLE)
        whole = sample if len(sample) < SAMPLE else sample[: _whole_lines(sample)]
        width = _width_at_the_end(whole, text.dialect)
        if 1 < len(names) == width and all(map(is_named, names)):
            return None
        found = header_line(whole, plain.source.uri, self.options)
        return None if found is None else found + text.skip_lines

    def _text(self, index: int, plain: PlainFile, encoding: str) -> _Text:
        path = plain.path
        if encoding != UTF8:
            path = self.scratch / f"utf8-{index:06d}"
            with path.open("wb") as out:
                out.writelines(transcoded(plain.path, encoding))
        start, options, passed = skipped(path, self.options.skip_lines), self.options, 0
        told = told_delimiter(path, start)
        if told is not None and options.delimiter in (None, told[0]):
            start, passed = told[1], 1
            options = options.model_copy(update={"delimiter": told[0]})
        dialect = self._dialect(path, start, plain, options)
        line = _header_of(path, start, dialect) if options.header else None
        return _Text(path, encoding, dialect, start, options.skip_lines + passed, line)

    def _dialect(self, path: Path, start: int, plain: PlainFile, options: SourceFormat) -> Dialect:
        with path.open("rb") as stream:
            stream.seek(start)
            sample = stream.read(SAMPLE)
        first = EOL.search(sample)
        line = sample[: first.start()] if first else sample
        known = line, options.delimiter
        if known not in self._known or not options.header:
            whole = sample if len(sample) < SAMPLE else sample[: _whole_lines(sample)]
            self._known[known] = dialect_of(whole, plain.source.uri, options)
        return self._known[known]

    def _scan(self, text: _Text) -> Scan:
        limit = self.settings.max_record_bytes
        quote, escape = text.dialect.quote, text.dialect.escape
        if not (quote + escape).isascii():
            return Scan(damaged=True, line=text.line)
        return scan_file(
            text.path, quote=quote, escape=escape, start=text.start, limit=limit, line=text.line
        )


def _header_of(path: Path, start: int, dialect: Dialect) -> bytes | None:
    """The header as it is written, on one line; None where there is but one column.

    That a value is what its column is called may be; that all of a row are, means another header.
    """
    with path.open("rb") as stream:
        stream.seek(start)
        head = stream.read(SAMPLE).lstrip(b"\r\n")
    end = EOL.search(head)
    line = head[: end.start()] if end else b""
    record = dialect.record.match(head)
    return line if record and record[0] == line and len(dialect.fields(line)) > 1 else None


def _whole_lines(sample: bytes) -> int:
    return max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1 or len(sample)


def _width_at_the_end(sample: bytes, dialect: Dialect) -> int | None:
    """How many fields the last line has, which costs less to know than those of all lines."""
    ended = sample.rstrip(b"\r\n")
    last = ended[max(ended.rfind(b"\n"), ended.rfind(b"\r")) + 1 :]
    return len(dialect.fields(last)) if dialect.record.fullmatch(last) else None
