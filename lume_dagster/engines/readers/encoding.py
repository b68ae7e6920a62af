"""Find out in which encoding a text was written, and write it again in UTF-8."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from lume_dagster.engines.readers.scan import BOM, Scan
from lume_dagster.engines.settings import MIB

UTF8 = "utf-8"
LATIN_1, WINDOWS_1252 = "latin-1", "cp1252"
_CHUNK = 4 * MIB
#: Longest first: the UTF-32 mark begins with the UTF-16 one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (BOM, UTF8),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Bytes that mean nothing in Windows-1252.
_NOT_1252 = frozenset({0x81, 0x8D, 0x8F, 0x90, 0x9D})


def encoding_of(head: bytes, given: str | None) -> str:
    """The encoding by what was said, by its mark, or by the zeros of UTF-16; else UTF-8."""
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if given is not None:
        named = _codec_name(given)
        return marked if marked and marked.startswith(named) else named
    return marked or _unmarked_utf16(head) or UTF8


def _codec_name(given: str) -> str:
    name = codecs.lookup(given).name
    return UTF8 if name in ("ascii", "utf-8-sig") else name


def _unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 without a mark: in Western text every other byte is zero."""
    half = len(head) // 2
    if not half:
        return None
    even, odd = head[0 : 2 * half : 2].count(0), head[1 : 2 * half : 2].count(0)
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.1 * half:
        return "utf-16-be"
    return None


def single_byte_encoding(scan: Scan) -> str | None:
    """Windows-1252 or Latin-1 where a text is rather that than UTF-8 with a few damaged bytes."""
    if scan.damaged_bytes <= scan.multibyte:
        return None
    return LATIN_1 if scan.high & _NOT_1252 else WINDOWS_1252


def transcoded(path: Path, encoding: str) -> Iterator[bytes]:
    """The text in UTF-8, without its mark.

    What cannot be decoded becomes bytes that are not UTF-8, so that its record is then found
    to be malformed, and nothing is replaced in silence.
    """
    if encoding == UTF8:
        yield from _bytes(path)
        return
    decoder = codecs.getincrementaldecoder(_decoder_name(encoding))(errors="lume_damaged")
    with path.open("rb") as stream:
        _skip_mark(stream.read(4), encoding, stream.seek)
        while chunk := stream.read(_CHUNK):
            yield _encode(decoder.decode(chunk))
        yield _encode(decoder.decode(b"", final=True))


def _bytes(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        if stream.read(len(BOM)) != BOM:
            stream.seek(0)
        while chunk := stream.read(_CHUNK):
            yield chunk


def _decoder_name(encoding: str) -> str:
    return {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)


def _skip_mark(head: bytes, encoding: str, seek: Callable[[int], int]) -> None:
    marks = [mark for mark, name in _MARKS if name == _decoder_name(encoding)]
    seek(next((len(mark) for mark in marks if head.startswith(mark)), 0))


def _encode(text: str) -> bytes:
    return text.encode(UTF8, "surrogatepass")


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    """Undecodable bytes become lone surrogates, which are not UTF-8 when they are encoded."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    damaged = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in damaged), error.end


codecs.register_error("lume_damaged", _mark_damage)


def shown(text: bytes, encoding: str) -> str:
    r"""A record for people: bytes that are no text appear as ``\xfc``."""
    if encoding != UTF8:
        text = _LONE.sub(lambda found: b"\\x%02x" % _damaged_byte(found[0]), text)
    return text.decode(UTF8, "backslashreplace")


_LONE = re.compile(rb"\xed[\xb0-\xb3][\x80-\xbf]")


def _damaged_byte(encoded: bytes) -> int:
    return ord(encoded.decode(UTF8, "surrogatepass")) - 0xDC00
