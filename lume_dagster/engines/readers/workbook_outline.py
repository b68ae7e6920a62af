"""What sheets a workbook has: their order, where they lie, and which of them people see."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

_BOOK, _LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_WITHOUT_CELLS = frozenset({"chartsheet", "dialogsheet"})
_SHEET = re.compile(r"<(?:\w+:)?sheet\s([^>]*)>")
_LINK = re.compile(r"<(?:\w+:)?Relationship\s([^>]*)>")
_ATTRIBUTE = re.compile(r"""(?:\w+:)?(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """A sheet as the workbook lists it."""

    name: str
    member: str  # of the archive
    kind: str  # worksheet, chartsheet, ...
    is_hidden: bool

    @property
    def has_cells(self) -> bool:
        """Whether it can have rows: a chart has none."""
        return self.kind not in _WITHOUT_CELLS


def outline(path: Path) -> tuple[SheetEntry, ...]:
    """The sheets in their order; none where the file does not say, as an old .xls."""
    if not zipfile.is_zipfile(path):
        return ()
    with zipfile.ZipFile(path) as archive:
        if not {_BOOK, _LINKS} <= set(archive.namelist()):
            return ()
        book, links = (archive.read(name).decode("utf-8", "replace") for name in (_BOOK, _LINKS))
    parts = {part.get("Id", ""): part for part in _elements(_LINK, links)}
    sheets = _elements(_SHEET, book)
    return tuple(_entry(s, parts[s.get("id", "")]) for s in sheets if s.get("id", "") in parts)


def _elements(form: re.Pattern[str], text: str) -> Iterator[dict[str, str]]:
    """The attributes of each element of a form."""
    for element in form.finditer(text):
        given = _ATTRIBUTE.findall(element[1])
        yield {name: unescape(double or single) for name, double, single in given}


def _entry(sheet: dict[str, str], part: dict[str, str]) -> SheetEntry:
    member = posixpath.normpath(posixpath.join("/xl", part.get("Target", ""))).lstrip("/")
    kind = part.get("Type", "").rpartition("/")[2]
    is_hidden = sheet.get("state", "visible") != "visible"
    return SheetEntry(sheet.get("name", ""), member, kind, is_hidden)
