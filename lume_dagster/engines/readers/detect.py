"""Find out how a text file is written: its format, and for CSV its delimiter, quote and escape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from lume_dagster.engines.readers.dialect import EOL, Dialect, width
from lume_dagster.engines.readers.encoding import encoding_of
from lume_dagster.engines.readers.foreign import refuse_foreign, refuse_json
from lume_dagster.errors import BatchError, FlowError
from lume_dagster.flows.model import SourceFormat

SAMPLE = 256 * 1024
_SAMPLE_RECORDS = 200
_DELIMITERS = (",", ";", "\t", "|")
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".psv": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "excel", ".xlsm": "excel", ".xls": "excel",
}  # fmt: skip
_BINARY = {"parquet": "a Parquet file", "excel": "an Excel workbook"}
#: How a workbook begins: as a zip, which is not expanded, or as an old compound file.
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_PACKED = {".gz", ".zst", ".zstd", ".bz2", ".xz", ".zip"}


_ALL_IN_SINGLE_QUOTES = re.compile(rb"'[^'\r\n]*+'(?:[,;\t|]'[^'\r\n]*+')*+(?:[\r\n]|\Z)")


def format_of(uri: str, head: bytes, given: str | None) -> str:
    """csv, json, jsonl, parquet or excel: by what was said, by the file's name or its content."""
    found = _binary_of(head)
    if found is None:
        refuse_foreign(uri, head)
    if given is not None:
        if found is not None and given not in _BINARY:
            raise BatchError(
                f"{uri} is {_BINARY[found]}, and the flow says {given}.",
                hint=f"say source.format.type: {found}, or ask for a {given} file.",
            )
        named: str | None = "csv" if given == "tsv" else given
    elif found is not None:
        return found
    else:
        named = _SUFFIXES.get(_suffix(uri))
        if named in _BINARY and head:
            raise BatchError(
                f"{uri} is not {_BINARY[named]}.",
                hint="it may have been cut off; deliver it again.",
            )
    if named == "csv":
        refuse_json(uri, head)
    return named or _text_format(head, json=_suffix(uri) == ".json")


def _binary_of(head: bytes) -> str | None:
    if head.startswith(WORKBOOKS):
        return "excel"
    # A header may begin with the letters; a Parquet file goes on with what no text has.
    is_binary = any(byte < ord(" ") and byte not in b"\t\r\n" for byte in head[4:12])
    return "parquet" if head.startswith(b"PAR1") and is_binary else None


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
    # One whose delimiter is nowhere never splits a record, and one that does always fits better.
    fits = {each: _fit(sample, each, options) for each in candidates if _occurs(each, sample)}
    if not any(fit.several for fit in fits.values()):
        fits = {each: fits.get(each) or _fit(sample, each, options) for each in candidates}
    best = max(fits, key=fits.__getitem__)
    if options.delimiter is None and not fits[best].several:
        return _one_column(sample, best)
    return best


def _occurs(dialect: Dialect, sample: bytes) -> bool:
    return dialect.delimiter.encode() in sample


def _candidates(sample: bytes, uri: str, options: SourceFormat) -> Iterator[Dialect]:
    tab_first = options.type == "tsv" or _suffix(uri) in (".tsv", ".tab")
    delimiters: tuple[str, ...] = ("\t", ",", ";", "|") if tab_first else _DELIMITERS
    if options.delimiter is not None:
        delimiters = (_checked(options.delimiter, "delimiter"),)
    quotes: tuple[str, ...] = ('"', "'") if b'"' not in sample and b"'" in sample else ('"',)
    if _ALL_IN_SINGLE_QUOTES.match(sample):
        quotes = ("'", '"')
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


@dataclass(frozen=True, order=True, slots=True)
class _Fit:
    """How well a dialect fits a sample; more is better, in this order."""

    several: bool  # fields in a record
    as_named: bool  # as many as the flow names
    share: float  # of records that are as wide as the header, or as most are
    width: int


def _fit(sample: bytes, dialect: Dialect, options: SourceFormat) -> _Fit:
    widths = list(islice(_widths(sample, dialect), _SAMPLE_RECORDS))
    whole = [found for found in widths if found]
    if not whole:
        return _Fit(several=False, as_named=False, share=0.0, width=0)
    usual = widths[0] if options.header and widths[0] else Counter(whole).most_common(1)[0][0]
    return _Fit(
        several=usual > 1,
        as_named=options.columns is not None and usual == len(options.columns),
        share=round(widths.count(usual) / len(widths), 2),
        width=usual,
    )


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
