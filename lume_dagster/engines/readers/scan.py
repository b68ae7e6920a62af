"""Find the records of a CSV file by vector operations on its bytes: count them, fetch some.

This is the second opinion that law 1 rests on: it shares no code with the reader that fills the
staging folder. It takes every quote as opening or closing, so it is right for well-formed files
only; where the two opinions differ, the slow reader decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lume_dagster.engines.settings import MIB

Positions: TypeAlias = "NDArray[np.int64]"

CHUNK = MIB // 2  # what is made of it stays in the cache of a core
_LF, _CR = 10, 13
_ASCII_END = 0x80
_C1_END = 0x9F  # from 80 to 9F Latin-1 has control characters, Windows-1252 letters


@dataclass(frozen=True, slots=True)
class Block:
    """A run of whole lines: the bytes, where they lie in the file, and the records in them."""

    data: bytes
    offset: int
    quotes: Positions | None  # of quotes that open or close, relative to data; None where are none
    starts: Positions  # of records, relative to data; blank lines are no records
    ends: Positions  # without the line end
    blanks: int
    lf: int  # records and blank lines that end so
    crlf: int
    cr: int


@dataclass(slots=True)
class Scan:
    """What one pass over a file found."""

    records: int = 0  # the header included
    blanks: int = 0
    longest: int = 0
    lf: int = 0
    crlf: int = 0
    cr: int = 0
    leading_blank: bool = False
    damaged: bool = False  # the quotes do not pair up, or a record is over the limit
    ascii: bool = True
    damaged_bytes: int = 0  # not UTF-8
    multibyte: int = 0  # UTF-8 characters beyond ASCII, counted only in blocks with damage
    high: set[int] = field(default_factory=set)  # bytes from 80 to 9F in blocks with damage
    line: bytes | None = None  # one to look for among the others: the header
    again: bool = False  # it stands there once more

    @property
    def line_end(self) -> str:
        """The line ends found: lf, crlf, cr, mixed, or none."""
        kinds = [kind for kind in ("lf", "crlf", "cr") if getattr(self, kind)]
        return "mixed" if len(kinds) > 1 else (kinds or ["none"])[0]

    def add(self, block: Block) -> None:
        """Take a block into account."""
        if self.line is not None and not self.again:
            self.again = stands_in(block.data, self.line, at_start=self.records > 0)
        if (
            self.records == 0
            and block.blanks
            and (not len(block.starts) or block.starts[0] > _bom(block))
        ):
            self.leading_blank = True
        self.records += len(block.starts)
        self.blanks += block.blanks
        self.lf += block.lf
        self.crlf += block.crlf
        self.cr += block.cr
        if len(block.starts):
            self.longest = max(self.longest, int((block.ends - block.starts).max()))
        self._check_encoding(block.data)

    def _check_encoding(self, data: bytes) -> None:
        if data.isascii():
            return
        self.ascii = False
        if is_utf8(data):
            return
        kept = data.decode("utf-8", "ignore")
        valid = np.frombuffer(kept.encode("utf-8"), np.uint8)
        self.damaged_bytes += len(data) - len(valid)
        self.multibyte += len(kept) - int(np.count_nonzero(valid < _ASCII_END))
        self.high |= set(data.translate(None, _ALL_BUT_C1))


NOT_WORTH_ARROW = 64 << 10  # bytes: decoded in a tenth of a millisecond; importing it takes sixty
_ALL_BUT_C1 = bytes(code for code in range(256) if not _ASCII_END <= code <= _C1_END)
BOM = b"\xef\xbb\xbf"


def _bom(block: Block) -> int:
    return len(BOM) if block.offset == 0 and block.data.startswith(BOM) else 0


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are valid UTF-8; Arrow checks ten times faster than a decoder decodes."""
    return _decodes(data) if len(data) <= NOT_WORTH_ARROW else _is_valid(data)


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_valid(data: bytes) -> bool:
    import pyarrow as pa

    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    text = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(data))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def stands_in(data: bytes, line: bytes, *, at_start: bool) -> bool:
    """Whether a line, or one with a byte order mark before it, stands in whole lines of a file.

    ``at_start`` says whether it counts at the very beginning.
    """
    starts = (line,) if data.isascii() else (line, BOM + line)
    breaks = (b"\n", b"\r") if b"\r" in data else (b"\n",)
    for start in starts:
        if at_start and data.startswith(start) and data[len(start) : len(start) + 1] in _ENDS:
            return True
        for end in breaks:
            at = data.find(end + start)
            while at >= 0:
                after = at + 1 + len(start)
                if data[after : after + 1] in _ENDS:
                    return True
                at = data.find(end + start, after)
    return False


_ENDS = (b"", b"\n", b"\r")


class DamagedQuotesError(Exception):
    """The quotes of a file do not pair up, or a record grew over the limit."""


def scan_file(
    path: Path, *, quote: str, escape: str, start: int, limit: int, line: bytes | None = None
) -> Scan:
    """Count the records of a UTF-8 file from byte ``start`` on, and look at its bytes.

    ``line`` is looked for where it is not the first.
    """
    scan = Scan(line=line)
    try:
        for block in record_blocks(path, quote=quote, escape=escape, start=start, limit=limit):
            scan.add(block)
    except DamagedQuotesError:
        scan.damaged = True
    if scan.longest > limit:
        scan.damaged = True
    return scan


def record_blocks(
    path: Path, *, quote: str, escape: str, start: int = 0, limit: int
) -> Iterator[Block]:
    """The file as blocks of whole records; memory is a few times the longest record."""
    with path.open("rb", buffering=0) as stream:
        stream.seek(start)
        offset, carry = start, b""
        while chunk := _read(stream, max(CHUNK, len(carry))):
            data = carry + chunk if carry else chunk
            block, used = _block(data, offset, quote, escape, at_end=False)
            yield block
            offset, carry = offset + used, data[used:]
            if len(carry) > limit + CHUNK:
                raise DamagedQuotesError
        if carry:
            yield _block(carry, offset, quote, escape, at_end=True)[0]


def _read(stream: RawIOBase, size: int) -> bytes:
    return stream.read(size) or b""


def _block(data: bytes, offset: int, quote: str, escape: str, *, at_end: bool) -> tuple[Block, int]:
    breaks, after_cr, bare = _line_ends(data, at_end=at_end)
    quotes = _quotes(data, quote, escape)
    if quotes is not None:
        if at_end and len(quotes) % 2:
            raise DamagedQuotesError
        outside = (np.searchsorted(quotes, breaks) & 1) == 0
        breaks, after_cr, bare = breaks[outside], after_cr[outside], bare[outside]
    used = int(breaks[-1]) + 1 if len(breaks) else 0
    crlf, cr = int(np.count_nonzero(after_cr)), int(np.count_nonzero(bare))
    lf = len(breaks) - crlf - cr
    ends = breaks - after_cr
    if at_end and used < len(data):
        ends, breaks = np.append(ends, len(data)), np.append(breaks, len(data))
        used = len(data)
    starts = np.empty_like(breaks)
    starts[1:] = breaks[:-1] + 1
    starts[:1] = len(BOM) if offset == 0 and data.startswith(BOM) else 0
    filled = ends > starts
    blanks = len(breaks) - int(np.count_nonzero(filled))
    if blanks:
        starts, ends = starts[filled], ends[filled]
    if quotes is not None:
        quotes = quotes[: np.searchsorted(quotes, used)]
    return Block(data[:used], offset, quotes, starts, ends, blanks, lf, crlf, cr), used


def _line_ends(
    data: bytes, *, at_end: bool
) -> tuple[Positions, NDArray[np.bool_], NDArray[np.bool_]]:
    """Positions of line ends; which of them are the LF of a CRLF; which are a CR alone."""
    octets = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(octets == _LF)
    if b"\r" not in data:
        none = np.zeros(len(breaks), np.bool_)
        return breaks, none, none
    after_cr = (octets[breaks - 1] == _CR) & (breaks > 0)
    returns = np.flatnonzero(octets == _CR)
    if len(returns) == np.count_nonzero(after_cr):
        return breaks, after_cr, np.zeros(len(breaks), np.bool_)
    if not at_end and returns[-1] == len(octets) - 1:
        returns = returns[:-1]  # its LF may be the first byte of the next chunk
    alone = returns[octets[np.minimum(returns + 1, len(octets) - 1)] != _LF]
    merged = np.concatenate([breaks, alone])
    order = np.argsort(merged, kind="stable")
    flags = np.concatenate([after_cr, np.zeros(len(alone), np.bool_)])[order]
    bare = np.concatenate([np.zeros(len(breaks), np.bool_), np.ones(len(alone), np.bool_)])[order]
    return merged[order], flags, bare


def _quotes(data: bytes, quote: str, escape: str) -> Positions | None:
    """Where quotes stand that are not escaped; a doubled one counts twice, which is as good."""
    mark = quote.encode()
    if not mark or mark not in data:
        return None
    if escape != quote:
        slash = escape.encode()
        data = data.replace(slash + slash, b"..").replace(slash + mark, b"..")
    return np.flatnonzero(np.frombuffer(data, np.uint8) == mark[0])
