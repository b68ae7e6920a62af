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
from lume_dagster.engines.readers.header import Header, read_header, skipped
from lume_dagster.engines.readers.scan import NO_LIMIT, Scan, record_blocks, scan_file
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import SourceFormat


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file in UTF-8, and what is known of it."""

    index: int  # its place in the batch
    plain: PlainFile
    path: Path
    encoding: str
    dialect: Dialect
    header: Header
    scan: Scan
    options: SourceFormat
    skip_lines: int
    line_end: str  # as delivered

    @property
    def uri(self) -> str:
        """What people call the file."""
        return self.plain.source.uri

    @property
    def counted(self) -> int:
        """Records by the independent count."""
        return max(0, self.scan.records - self.options.header)

    @property
    def is_ordinary(self) -> bool:
        """Whether the fast reader may try: quotes pair up, and no record is too long."""
        return not self.scan.damaged

    def holds_nothing(self) -> bool:
        """Whether there are only line ends after the header."""
        with self.path.open("rb") as stream:
            stream.seek(self.header.data)
            while chunk := stream.read(SAMPLE):
                if chunk.strip(b"\r\n"):
                    return False
        return True

    @property
    def group(self) -> tuple[object, ...]:
        """Files that are equal in this can be read in one statement."""
        return (self.header.names, self.dialect, self.scan.line_end, self.skip_lines)


@dataclass(frozen=True, slots=True)
class _Text:
    """A file in UTF-8: where it begins after skipped lines, and what a pass over it found."""

    path: Path
    encoding: str
    dialect: Dialect
    start: int
    skip_lines: int
    scan: Scan


@dataclass(slots=True)
class Examiner:
    """Examines the files of a batch; those with the same first line are of one dialect."""

    options: SourceFormat
    settings: EngineSettings
    scratch: Path
    _known: dict[bytes, Dialect] = field(default_factory=dict)

    def examine(self, index: int, plain: PlainFile) -> CsvFile | None:
        """What is known of a file; None where it holds no record and no header."""
        text = self._text(index, plain, encoding_of(head_of(plain.path), self.options.encoding))
        found = None if self.options.encoding else single_byte_encoding(text.scan)
        if found is not None and text.encoding == UTF8:
            text = self._text(index, plain, found)
        if not text.scan.records and not text.scan.damaged:
            return None
        line_end = text.scan.line_end
        if not text.scan.damaged and (line_end == "mixed" or text.scan.leading_blank):
            text = self._unified(index, text)
        header = read_header(
            text.path,
            plain.source.uri,
            text.start,
            text.dialect,
            self.options,
            self.settings.max_record_bytes,
        )
        return CsvFile(
            index, plain, text.path, text.encoding, text.dialect, header, text.scan,
            self.options, text.skip_lines, line_end,
        )  # fmt: skip

    def _text(self, index: int, plain: PlainFile, encoding: str) -> _Text:
        path = plain.path
        if encoding != UTF8:
            path = self.scratch / f"utf8-{index:06d}"
            with path.open("wb") as out:
                out.writelines(transcoded(plain.path, encoding))
        start = skipped(path, self.options.skip_lines)
        dialect = self._dialect(path, start, plain)
        scan = self._scan(path, dialect, start)
        return _Text(path, encoding, dialect, start, self.options.skip_lines, scan)

    def _unified(self, index: int, text: _Text) -> _Text:
        """The same records, each ended by LF, without blank lines and what was to be skipped."""
        path = self.scratch / f"lines-{index:06d}"
        quote, escape = text.dialect.quote, text.dialect.escape
        with path.open("wb") as out:
            for block in record_blocks(
                text.path, quote=quote, escape=escape, start=text.start, limit=NO_LIMIT
            ):
                records = zip(block.starts.tolist(), block.ends.tolist(), strict=True)
                out.writelines(block.data[start:end] + b"\n" for start, end in records)
        scan = self._scan(path, text.dialect, 0)
        return _Text(path, text.encoding, text.dialect, 0, 0, scan)

    def _dialect(self, path: Path, start: int, plain: PlainFile) -> Dialect:
        with path.open("rb") as stream:
            stream.seek(start)
            sample = stream.read(SAMPLE)
        first = EOL.search(sample)
        line = sample[: first.start()] if first else sample
        if line not in self._known or not self.options.header:
            whole = sample if len(sample) < SAMPLE else sample[: _whole_lines(sample)]
            self._known[line] = dialect_of(whole, plain.source.uri, self.options)
        return self._known[line]

    def _scan(self, path: Path, dialect: Dialect, start: int) -> Scan:
        limit = self.settings.max_record_bytes
        if not (dialect.quote + dialect.escape).isascii():
            return Scan(damaged=True)
        return scan_file(path, quote=dialect.quote, escape=dialect.escape, start=start, limit=limit)


def _whole_lines(sample: bytes) -> int:
    return max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1 or len(sample)
