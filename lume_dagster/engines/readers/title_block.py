"""Tell where the header of a CSV file seems to stand, when lines such as a title are above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from lume_dagster.engines.readers.detect import dialect_of
from lume_dagster.engines.readers.dialect import EOL, Dialect
from lume_dagster.flows.model import SourceFormat

_MOST_LINES = 30  # above a header
LOOKED_AT = 200  # records
_MOST_SHARE = 0.5  # of the columns that have a text in a line of the block
_LEAST_SHARE = 0.8  # of the records below that are as wide as the header


def header_line(sample: bytes, uri: str, options: SourceFormat) -> int | None:
    """The line, from 1, that reads like the header where the first one does not; None else.

    ``sample`` is whole lines from the one that was taken for the header on.
    """
    bodied = options.model_copy(update={"header": False})
    dialect = dialect_of(sample, uri, bodied)
    return header_among(list(islice(_records(sample, dialect), LOOKED_AT)))


def header_among(lines: Sequence[tuple[int, Sequence[bytes | None]]]) -> int | None:
    """Of lines with their numbers and values, the one that reads like the header of the rest.

    None where that is the first, or none does.
    """
    widths = Counter(len(values) for _, values in lines)
    if not widths:
        return None
    columns = max(widths, key=lambda width: (widths[width], width))
    for place, (line, values) in enumerate(lines[:_MOST_LINES]):
        filled = [value for value in values if value and value.strip()]
        if len(values) == columns and len(filled) == columns > 1:
            below = [len(values) for _, values in lines[place + 1 :]]
            fits = below.count(columns) >= max(1, _LEAST_SHARE * len(below))
            return line if place and fits and _are_names(filled) else None
        if len(filled) > max(1, _MOST_SHARE * columns):
            return None
    return None


def _records(sample: bytes, dialect: Dialect) -> Iterator[tuple[int, list[bytes | None]]]:
    """Each record that is not blank, and the line it begins at; up to one with wrong quotes."""
    position, line = 0, 1
    while position < len(sample):
        match = dialect.record.match(sample, position)
        if match is None:
            return
        if match.end() > position:
            yield line, dialect.fields(match[0])
        found = EOL.match(sample, match.end())
        end = found.end() if found else len(sample)
        line += sum(1 for _ in EOL.finditer(sample, position, end))
        position = end


def _are_names(values: Sequence[bytes]) -> bool:
    """Names differ from one another, and none is a number."""
    return len(set(values)) == len(values) and not any(
        value.strip(b" +-").replace(b".", b"").replace(b",", b"").isdigit() for value in values
    )
