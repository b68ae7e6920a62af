"""Find out how a text file is written: its format, and for CSV its delimiter, quote and escape."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from lume_dagster.engines.readers.dialect import EOL, Dialect, width
from lume_dagster.engines.readers.encoding import encoding_of
from lume_dagster.errors import BatchError, FlowError
from lume_dagster.flows.model import SourceFormat

SAMPLE = 256 * 1024
_SAMPLE_RECORDS = 200
_DELIMITERS = (",", ";", "\t", "|")
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".psv": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_PACKED = {".gz", ".zst", ".zstd", ".bz2", ".xz", ".zip"}


def format_of(uri: str, head: bytes, given: str | None) -> str:
    """csv, json, jsonl or parquet: by what was said, by the file's name, or by its content."""
    if given is not None:
        return "csv" if given == "tsv" else given
    if head.startswith(b"PAR1"):
        return "parquet"
    named = _SUFFIXES.get(_suffix(uri))
    if named == "parquet" and head:
        raise BatchError(
            f"{uri} is not a Parquet file.", hint="it may have been cut off; deliver it again."
        )
    return named or _text_format(head, json=_suffix(uri) == ".json")


def _suffix(uri: str) -> str:
    path = PurePosixPath(uri.rsplit("!", 1)[-1].split("?", 1)[0])
    while path.suffix.lower() in _PACKED:
        path = path.with_suffix("")
    return path.suffix.lower()


def _text_format(head: bytes, *, json: bool) -> str:
    text = head.decode(encoding_of(head, None), "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{") and re.match(r"\{.*\}[ \t]*(\r?\n|\Z)", text):
        return "jsonl"
    if text.startswith(("{", "[")) and (json or re.match(r'[\[{]\s*(["\[{\]}]|\Z)', text)):
        return "json"
    return "jsonl" if json else "csv"


def dialect_of(sample: bytes, uri: str, options: SourceFormat) -> Dialect:
    """The dialect in which the sample's records have most often the width of the first one."""
    candidates = list(_candidates(sample, uri, options))
    if len(candidates) == 1:
        return candidates[0]
    scored = [(_score(sample, each, options), -rank, each) for rank, each in enumerate(candidates)]
    (fits, _, _), _, best = max(scored, key=lambda item: item[:2])
    if not fits and options.delimiter is None:
        return _one_column(sample, best)
    return best


def _candidates(sample: bytes, uri: str, options: SourceFormat) -> Iterator[Dialect]:
    tab_first = options.type == "tsv" or _suffix(uri) in (".tsv", ".tab")
    delimiters: tuple[str, ...] = ("\t", ",", ";", "|") if tab_first else _DELIMITERS
    if options.delimiter is not None:
        delimiters = (_checked(options.delimiter, "delimiter"),)
    quotes = ('"', "'") if b'"' not in sample and b"'" in sample else ('"',)
    if options.quote is not None:
        quotes = (_checked(options.quote, "quote"),)
    for quote in quotes:
        for escape in _escapes(sample, quote, options):
            for delimiter in delimiters:
                if delimiter != quote:
                    yield Dialect(delimiter, quote, escape)


def _escapes(sample: bytes, quote: str, options: SourceFormat) -> Sequence[str]:
    if not quote:
        return ("",)
    if options.escape is not None:
        return (_checked(options.escape, "escape") or quote,)
    return (quote, "\\") if b"\\" + quote.encode() in sample else (quote,)


def _checked(text: str, what: str) -> str:
    limit = 4 if what == "delimiter" else 1
    if (
        len(text.encode()) > limit
        or "\n" in text
        or "\r" in text
        or not (text or what != "delimiter")
    ):
        raise FlowError(
            f"The {what} {text!r} cannot be used.",
            hint="a delimiter is 1 to 4 bytes, a quote or an escape one ASCII character.",
        )
    return text


def _score(sample: bytes, dialect: Dialect, options: SourceFormat) -> tuple[bool, float, int]:
    """Whether the first record has several fields; the share of records as wide; the width."""
    widths = list(islice(_widths(sample, dialect), _SAMPLE_RECORDS))
    if not widths:
        return (False, 0.0, 0)
    first = len(options.columns) if options.columns else widths[0]
    share = sum(1 for found in widths if found == first) / len(widths)
    return (first > 1 and widths.count(first) > 0, round(share, 2), first)


def _widths(sample: bytes, dialect: Dialect) -> Iterator[int]:
    """The number of fields of each record, 0 for a line whose quotes are wrong."""
    position = 0
    expected: int | None = None
    while position < len(sample):
        match = dialect.record.match(sample, position)
        if match is not None:
            if match.end() > position:
                values = dialect.fields(match[0])
                expected = expected or len(values)
                yield len(width(values, expected))
            end = match.end()
        else:
            yield 0
            end = position
        line_end = EOL.search(sample, end)
        position = line_end.end() if line_end else len(sample)


def _one_column(sample: bytes, found: Dialect) -> Dialect:
    """A file of one column: a delimiter that does not occur, so that each line is one value."""
    unused = (each for each in ("\x1f", "\x1e", "\x1d", "\x01") if each.encode() not in sample)
    return Dialect(next(unused, "\x1f"), found.quote, found.escape)


def head_of(path: Path, size: int = SAMPLE) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as stream:
        return stream.read(size)
