"""Look at one CSV file before it is read: encoding, dialect, header, and how many records it holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
from lume_dagster.engines.readers.scan import Scan, scan_file
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
        """Whether the fast reader may try: quotes pair up and every line ends alike."""
        scan = self.scan
        return not (scan.damaged or scan.leading_blank or scan.line_end == "mixed")

    @property
    def group(self) -> tuple[object, ...]:
        """Files that are equal in this can be read in one statement."""
        return (self.header.names, self.dialect, self.scan.line_end)


@dataclass(slots=True)
class Examiner:
    """Examines the files of a batch; files with the same first line are taken to be of one dialect."""

    options: SourceFormat
    settings: EngineSettings
    scratch: Path
    _known: dict[bytes, Dialect] = field(default_factory=dict)

    def examine(self, index: int, plain: PlainFile) -> CsvFile | None:
        """What is known of a file; None where it holds no record and no header."""
        encoding = encoding_of(head_of(plain.path), self.options.encoding)
        path = plain.path if encoding == UTF8 else self._transcode(index, plain.path, encoding)
        start = skipped(path, self.options.skip_lines)
        dialect = self._dialect(path, start, plain)
        scan = self._scan(path, dialect, start)
        other = None if self.options.encoding or encoding != UTF8 else single_byte_encoding(scan)
        if other is not None:
            encoding = other
            path = self._transcode(index, plain.path, encoding)
            start = skipped(path, self.options.skip_lines)
            scan = self._scan(path, dialect, start)
        if not scan.records and not scan.damaged:
            return None
        limit = self.settings.max_record_bytes
        uri = plain.source.uri
        header = read_header(path, uri, start, dialect, self.options, limit)
        return CsvFile(index, plain, path, encoding, dialect, header, scan, self.options)

    def _transcode(self, index: int, path: Path, encoding: str) -> Path:
        into = self.scratch / f"utf8-{index:06d}"
        with into.open("wb") as out:
            for chunk in transcoded(path, encoding):
                out.write(chunk)
        return into

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
            return replace(Scan(), damaged=True)
        return scan_file(
            path, quote=dialect.quote, escape=dialect.escape, start=start, limit=limit
        )


def _whole_lines(sample: bytes) -> int:
    return max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1 or len(sample)
