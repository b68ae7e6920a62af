"""Refuse what is no table at all: the login page or the error that was saved in place of a file."""

from __future__ import annotations

import json
import re

from lume_dagster.engines.readers.encoding import encoding_of
from lume_dagster.errors import BatchError

_CONVERT = "deliver its data as CSV, JSON Lines, Parquet or an Excel workbook"
_PACK = "deliver it as a zip file, or pack each file on its own with gzip"
_UNPACK = "deliver it as it is, or packed with gzip, zstd, bzip2, xz or zip"
#: Where such a file says so, how, and what it is.
_MARKS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"%PDF-", "a PDF document", _CONVERT),
    (0, b"{\\rtf", "a text of a word processor (RTF)", _CONVERT),
    (0, b"\x89PNG\r\n", "a picture (PNG)", _CONVERT),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", _CONVERT),
    (0, b"GIF8", "a picture (GIF)", _CONVERT),
    (0, b"SQLite format 3\x00", "a SQLite database", _CONVERT),
    (8, b"DUCK", "a DuckDB database", "read it with a DuckDBConnector"),
    (0, b"Obj\x01", "an Avro file", _CONVERT),
    (0, b"ORC", "an ORC file", _CONVERT),
    (0, b"PARE", "an encrypted Parquet file", "deliver it without encryption"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _PACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _PACK),
    (257, b"ustar", "a tar archive", _PACK),
    (0, b"\x04\x22\x4d\x18", "packed with LZ4", _UNPACK),
    (0, b"\xff\x06\x00\x00sNaPpY", "packed with Snappy", _UNPACK),
    (0, b"\x1f\x9d", "packed with compress (.Z)", _UNPACK),
)
#: Those that are sure by themselves; the others may begin a header, but for the zeros around.
_SURE = (b"%PDF-", b"{\\rtf", b"\x04\x22\x4d\x18", b"\x1f\x9d")
_LOOKED_AT = 512
_ANY_CASE = re.IGNORECASE | re.DOTALL
_REMARKS = r"\s*(?:<!--.*?-->\s*)*"
_PAGE = re.compile(_REMARKS + r"<(?:!doctype\s+html|html|head|body|table)\b", _ANY_CASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", _ANY_CASE)
_XML = re.compile(
    rf"\s*<\?xml\b.*?\?>{_REMARKS}(?:<!DOCTYPE[^>]*>{_REMARKS})?<([\w:.-]+)", _ANY_CASE
)
_JSON = re.compile(r'\s*(?:\[\s*)?\{\s*"(?:[^"\\]|\\.)*"\s*:')
_LONGEST_TITLE = 60
_MOST_KEYS = 5


def refuse_foreign(uri: str, head: bytes) -> None:
    """Refuse a file that begins as no table does, whatever it is called.

    Raises:
        BatchError: it is a web page, a document, a picture or an archive that is not opened.
    """
    for at, mark, what, hint in _MARKS:
        if head.startswith(mark, at) and (mark in _SURE or b"\x00" in head[:_LOOKED_AT]):
            raise BatchError(f"{uri} is {what}, and no table.", hint=hint)
    text = head.decode(encoding_of(head, None), "replace").lstrip("\ufeff")
    if _PAGE.match(text):
        title = _TITLE.search(text)
        called = f" ({_line(title[1])!r})" if title and title[1].strip() else ""
        raise BatchError(
            f"{uri} is a web page{called}, and no table.",
            hint="open it in a browser: it may be a login or an error in place of the file, or a"
            " table to be saved as CSV; deliver it again",
        )
    root = _XML.match(text)
    is_page = root is not None and root[1].lower() == "html"
    if root is not None:
        raise BatchError(
            f"{uri} is {'a web page' if is_page else f'an XML document (<{_line(root[1])}>)'},"
            " and no table.",
            hint="look into it: it may be an error in place of the file; where XML is meant, have"
            " it delivered as CSV, JSON or Parquet",
        )


def refuse_json(uri: str, head: bytes) -> None:
    """Refuse JSON where CSV was to come, by the flow or by the file's name.

    Raises:
        BatchError: the file begins as JSON does and no CSV file.
    """
    text = head.decode(encoding_of(head, None), "replace").lstrip("\ufeff")
    if not _JSON.match(text):
        return
    whole = _parsed(text)
    keys = f" with {_keys(whole)}" if isinstance(whole, dict) and whole else ""
    first = text.strip().split("\n", 1)
    kind = "jsonl" if len(first) > 1 and isinstance(_parsed(first[0]), dict) else "json"
    raise BatchError(
        f"{uri} is {'JSON Lines' if kind == 'jsonl' else f'a JSON document{keys}'}, and no CSV"
        " file.",
        hint="look into it: it may be an error in place of the file; where JSON is meant, say"
        f" source.format.type: {kind}",
    )


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _keys(found: dict[str, object]) -> str:
    shown = ", ".join(repr(_line(key)) for key in list(found)[:_MOST_KEYS])
    more = ", ..." if len(found) > _MOST_KEYS else ""
    return f"the key{'' if len(found) == 1 else 's'} {shown}{more}"


def _line(text: str) -> str:
    """Words out of somebody's file, on one line that a screen can bear."""
    plain = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return plain if len(plain) <= _LONGEST_TITLE else f"{plain[:_LONGEST_TITLE]}..."
