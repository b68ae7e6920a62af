"""Read the header of a CSV file: where it ends, and what its columns are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lume_dagster.engines.readers.dialect import EOL, Dialect
from lume_dagster.engines.readers.scan import BOM
from lume_dagster.errors import BatchError, counted
from lume_dagster.flows.model import SourceFormat

_NAMELESS = "column_"


@dataclass(frozen=True, slots=True)
class Header:
    """The column names, and the bytes at which the header and the data begin."""

    names: tuple[str, ...]
    start: int
    data: int


def skipped(path: Path, lines: int) -> int:
    """The byte at which the file begins without its mark and so many physical lines."""
    with path.open("rb") as stream:
        if stream.read(len(BOM)) != BOM:
            stream.seek(0)
        if not lines:
            return stream.tell()
        position, pending = stream.tell(), b""
        while chunk := stream.read(64 * 1024):
            pending += chunk
            for match in EOL.finditer(pending):
                if match.end() == len(pending) and match[0] == b"\r":
                    break
                lines -= 1
                if not lines:
                    return position + match.end()
            last = _last_line_end(pending)
            position, pending = position + last, pending[last:]
        return position + len(pending)


#: A first line by which Excel is told the delimiter; it is no header.
_SEP = re.compile(rb'"?sep=([!-~\t ])"?[\t;,|]*(?:\r\n|\n|\r)', re.IGNORECASE)


def told_delimiter(path: Path, start: int) -> tuple[str, int] | None:
    """The delimiter that a line ``sep=;`` tells, and the byte after that line."""
    with path.open("rb") as stream:
        stream.seek(start)
        found = _SEP.match(stream.read(64))
    return (found[1].decode(), start + found.end()) if found else None


def _last_line_end(data: bytes) -> int:
    body = data[:-1] if data.endswith(b"\r") else data
    return max(body.rfind(b"\n"), body.rfind(b"\r")) + 1


def read_header(
    path: Path, uri: str, start: int, dialect: Dialect, options: SourceFormat, limit: int
) -> Header:
    """The header of a file; where it has none, names made up from its first record."""
    with path.open("rb") as stream:
        stream.seek(start)
        head = stream.read(256 * 1024)
        first = dialect.record.match(head, _filled(head))
        if first is None or first.end() == len(head):
            head += stream.read(limit)
            first = dialect.record.match(head, _filled(head))
    if not options.header:
        width = len(dialect.fields(first[0])) if first else 1
        names = options.columns or tuple(f"{_NAMELESS}{place + 1}" for place in range(width))
        return Header(names, start, start)
    if first is None:
        raise BatchError(
            f"The header of {uri} has a quote that is not closed, or text after a closing quote.",
            hint="mend the first line, or say which quote and delimiter the file uses.",
        )
    end = EOL.match(head, first.end())
    data = start + (end.end() if end else first.end())
    return Header(_names(first[0], uri, dialect, options), start, data)


def _filled(head: bytes) -> int:
    """Where the first line that is not blank begins."""
    return len(head) - len(head.lstrip(b"\r\n"))


def _names(record: bytes, uri: str, dialect: Dialect, options: SourceFormat) -> tuple[str, ...]:
    found = [(value or b"").decode("utf-8", "backslashreplace") for value in dialect.fields(record)]
    if options.columns is None:
        return column_names(found)
    if len(options.columns) != len(found):
        raise BatchError(
            f"{uri} has {counted(len(found), 'column')}; the flow names {len(options.columns)}.",
            hint="mend source.format.columns, or leave it out to use the file's header.",
        )
    return options.columns


def column_names(found: Sequence[str]) -> tuple[str, ...]:
    """Names without padding; an empty one becomes ``column_3``, one that was there ``name_2``.

    Names that differ only in case are different columns.
    """
    trimmed = [name.strip() or f"{_NAMELESS}{place}" for place, name in enumerate(found, 1)]
    taken: set[str] = set()
    names: list[str] = []
    for name in trimmed:
        number, unique = 1, name
        while unique in taken or (number > 1 and unique in trimmed):
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        names.append(unique)
    return tuple(names)


def is_named(name: str) -> bool:
    """Whether the file gave the name; the others are made up of places."""
    return not (name.startswith(_NAMELESS) and name.removeprefix(_NAMELESS).isdigit())
