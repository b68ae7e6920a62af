"""Look at an Excel workbook before it is read: whether it is whole, and not too large to be.

The reader holds a sheet in memory, as a rectangle from its first cell to its last. A small file may
unpack to any size, and two cells span a sheet, so both are measured first, in a stream.
"""

from __future__ import annotations

import errno
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lume_dagster.engines.readers.workbook_formulas import Uncomputed
from lume_dagster.engines.settings import MIB, EngineSettings
from lume_dagster.errors import BatchError

_CHUNK = 4 * MIB
_OVERLAP = 32  # longer than a reference
_LOCAL_HEADER, _NAME_LENGTH = 30, 26
_REFERENCE = re.compile(rb' r="([A-Z]{1,3})(\d{1,7})"')
#: References of more letters, or digits, than are given.
_WIDER = {n: re.compile(rb' r="[A-Z]{%d}' % (n + 1)) for n in (1, 2)}
_LONGER = {n: re.compile(rb' r="[A-Z]{1,3}\d{%d}' % (n + 1)) for n in range(1, 7)}
#: How far a sheet may reach whose references have so many letters, so many digits.
_COLUMNS: Mapping[int, int] = {1: 26, 2: 702, 3: 16_384}
_ROWS: Mapping[int, int] = {digits: min(10**digits, 1_048_576) for digits in range(1, 8)}


def refuse_oversize(path: Path, uri: str, settings: EngineSettings) -> Mapping[str, str]:
    """Refuse a workbook that does not fit into memory, or is damaged.

    Returns:
        Of each member that is a sheet with formulas without a value the first such cell.

    Raises:
        BatchError: with the limit that it passes.
    """
    uncomputed: dict[str, Uncomputed] = {}
    if not zipfile.is_zipfile(path):
        _refuse_bytes(path.stat().st_size, uri, settings)
        return {}
    with (
        damage_told(uri),
        zipfile.ZipFile(path) as archive,
        path.open("rb") as file,
    ):
        size = 0
        for info in archive.infolist():
            seen = uncomputed[info.filename] = Uncomputed()
            size = _measure(file, info, uri, size, settings, seen)
    return {name: seen.cell for name, seen in uncomputed.items() if seen.cell is not None}


@contextmanager
def damage_told(uri: str) -> Iterator[None]:
    """Whatever is wrong with the archive that a workbook is, as a BatchError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # a place before its start
            raise
        raise BatchError(
            f"{uri} is a damaged Excel workbook: {error}.",
            hint="it may have been cut off while it was copied; deliver it again.",
        ) from error


def _measure(
    file: IO[bytes],
    info: zipfile.ZipInfo,
    uri: str,
    before: int,
    settings: EngineSettings,
    formulas: Uncomputed,
) -> int:
    """How large the members are up to this one; refuses it where it is a sheet that is too wide."""
    size, bound = before, _Bound()
    is_sheet = info.filename.startswith("xl/worksheets/")
    for text in _unpacked(file, info, uri):
        size += len(text)
        _refuse_bytes(size, uri, settings)
        if is_sheet:
            bound.look(text)
            formulas.look(text)
    if is_sheet and bound.cells > settings.max_sheet_cells:
        cells = _cells(_unpacked(file, info, uri))
        if cells > settings.max_sheet_cells:
            raise BatchError(
                f"{info.filename} of {uri} spans {cells:,} cells, from its first to its last.",
                hint=f"at most {settings.max_sheet_cells:,} are read: delete what stands far from"
                " the table, or export it as CSV or Parquet.",
            )
    return size


def _refuse_bytes(size: int, uri: str, settings: EngineSettings) -> None:
    if size > settings.max_workbook_bytes:
        raise BatchError(
            f"The workbook {uri} unpacks to more than {settings.max_workbook_bytes:,} bytes.",
            hint="export its sheet as CSV or Parquet, or raise max_workbook_bytes.",
        )


def _unpacked(file: IO[bytes], info: zipfile.ZipInfo, uri: str) -> Iterator[bytes]:
    """What a member really unpacks to, whatever size its header gives."""
    if info.flag_bits & 0x1:
        raise BatchError(f"{uri} is encrypted.", hint="deliver it without a password.")
    if info.compress_type == zipfile.ZIP_STORED:
        yield from _packed(file, info)
    elif info.compress_type == zipfile.ZIP_DEFLATED:
        unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        for piece in _packed(file, info):
            pending = piece
            while pending:
                yield unpack.decompress(pending, _CHUNK)
                pending = unpack.unconsumed_tail
    else:
        raise zipfile.BadZipFile(f"{info.filename} is packed in an unknown way")


def _packed(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member as they lie in the archive."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER:
        raise EOFError("it ends too early")
    name = int.from_bytes(header[_NAME_LENGTH : _NAME_LENGTH + 2], "little")
    file.seek(name + int.from_bytes(header[_NAME_LENGTH + 2 :], "little"), 1)
    left = info.compress_size
    while left:
        piece = file.read(min(_CHUNK, left))
        if not piece:
            raise EOFError("it ends too early")
        left -= len(piece)
        yield piece


class _Bound:
    """How far a sheet reaches at most, by the longest of its references."""

    def __init__(self) -> None:
        self._letters = self._digits = 1
        self._tail = b""

    def look(self, piece: bytes) -> None:
        """Take a piece of the sheet into account."""
        text = self._tail + piece
        self._tail = text[-_OVERLAP:]
        while self._letters in _WIDER and _WIDER[self._letters].search(text):
            self._letters += 1
        while self._digits in _LONGER and _LONGER[self._digits].search(text):
            self._digits += 1

    @property
    def cells(self) -> int:
        """Rows times columns."""
        return _COLUMNS[self._letters] * _ROWS[self._digits]


def _cells(pieces: Iterator[bytes]) -> int:
    """Rows times columns up to the last of each."""
    columns: set[int] = set()
    last: int = 0
    tail = b""
    for piece in pieces:
        text = tail + piece
        tail = text[-_OVERLAP:]
        found = _REFERENCE.findall(text)
        columns.update({_number(letters) for letters, _ in found})
        last = max([last, *(int(row) for _, row in found)])
    cells: int = last * max(columns, default=0)
    return cells


def _number(letters: bytes) -> int:
    """The number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
