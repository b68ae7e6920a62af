"""Turn delivered files into plain ones: expand gzip, zstd, bzip2, xz and zip within limits."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Self, cast

from lume_dagster.engines.settings import MIB, EngineSettings
from lume_dagster.errors import BatchError

_CHUNK = 4 * MIB
_SHOWN = 5
_MAX_NESTING = 3  # a .csv.gz in a .zip is common, anything deeper is somebody's joke


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file as a connector delivered it: where it lies here, and what it is called there."""

    path: Path
    uri: str
    version: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """The files of a batch, and the folder it is to be staged in."""

    files: Sequence[InputFile]
    into: Path


@dataclass(frozen=True, slots=True)
class PlainFile:
    """An input file that needs no more unpacking."""

    source: InputFile  # uri is that of the member where the file came from an archive
    path: Path
    bytes: int  # as delivered
    compression: str  # "none", "gzip", "zip+gzip", ...
    left_out: tuple[str, ...] = ()  # of the first file: files of the batch that are no data


class _Budget:
    """What may still be written to scratch, so that a small file cannot fill the disk."""

    def __init__(self, settings: EngineSettings) -> None:
        self.limit = settings.max_expanded_bytes
        self.left = settings.max_expanded_bytes
        self.members = settings.max_archive_members

    def spend(self, size: int, uri: str) -> None:
        self.left -= size
        if self.left < 0:
            raise BatchError(
                f"The compressed files of this batch expand to more than {self.limit:,} bytes;"
                f" the limit was passed in {uri}.",
                hint="raise max_expanded_bytes if the files are what they should be.",
            )

    def count_member(self, uri: str) -> None:
        self.members -= 1
        if self.members < 0:
            raise BatchError(f"The archive {uri} has too many members.")


def _open_zstd(path: Path) -> IO[bytes]:
    import pyarrow as pa

    return cast("IO[bytes]", pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"))


class _EachStream:
    """All the streams of a bzip2 or xz file; Python's own readers drop what follows and is none."""

    def __init__(
        self, path: Path, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
    ) -> None:
        self._file = path.open("rb")
        self._new = new
        self._one = new()
        self._given = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """The next bytes, nothing at the end."""
        while True:
            if self._one.eof and not self._next_stream():
                return b""
            if self._one.needs_input and not self._given:
                self._given = self._file.read(_CHUNK)
                if not self._given:
                    raise EOFError("it ends within its compressed data")
            given, self._given = self._given, b""
            if data := self._one.decompress(given, size):
                return data

    def _next_stream(self) -> bool:
        """Go on to what follows a stream; zeros may be there to fill up a block."""
        rest = self._one.unused_data.lstrip(b"\0")
        while not rest:
            chunk = self._file.read(_CHUNK)
            if not chunk:
                return False
            rest = chunk.lstrip(b"\0")
        self._one, self._given = self._new(), rest
        return True


def _open_bzip2(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", _EachStream(path, bz2.BZ2Decompressor))


def _open_xz(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", _EachStream(path, lzma.LZMADecompressor))


def _open_gzip(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb"))


#: First bytes of a compressed file, what it is called, how it is opened.
_CODECS: tuple[tuple[bytes, str, Callable[[Path], IO[bytes]]], ...] = (
    (b"\x1f\x8b", "gzip", _open_gzip),
    (b"\x28\xb5\x2f\xfd", "zstd", _open_zstd),
    (b"BZh", "bzip2", _open_bzip2),
    (b"\xfd7zXZ\x00", "xz", _open_xz),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGE = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
)


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so may be compressed or an archive."""
    return head.startswith((*_ZIP, *(first for first, _, _ in _CODECS)))


def plain_files(
    files: Sequence[InputFile],
    settings: EngineSettings,
    scratch: Path,
    members: str | None = None,
) -> list[PlainFile]:
    """Every file of the batch, expanded into ``scratch`` where it was compressed.

    What systems leave beside files, and of archives what ``members`` does not match, is left out.
    """
    wanted = _Wanted(members)
    budget = _Budget(settings)
    names = (scratch / f"plain-{number:06d}" for number in range(10**6))
    plain: list[PlainFile] = []
    for file in files:
        if len(files) > 1 and is_litter(file.uri):
            wanted.left_out.append(file.uri)
            continue
        opened = PlainFile(file, file.path, _size(file), "none")
        plain.extend(_expand(opened, budget, names, wanted, nesting=0))
    if not plain and wanted.left_out and members is not None:
        raise BatchError(
            f"No member of {files[0].uri} matches source.format.members {members!r};"
            f" it holds {', '.join(map(_member_of, wanted.left_out[:_SHOWN]))}.",
            hint="mend the pattern, such as *.csv",
        )
    if plain and wanted.left_out:
        plain[0] = replace(plain[0], left_out=tuple(wanted.left_out))
    return plain


@dataclass(slots=True)
class _Wanted:
    """Which members of archives are read, and what was left out so far."""

    members: str | None
    left_out: list[str] = field(default_factory=list)

    def takes(self, uri: str, name: str) -> bool:
        """Whether a member is data; one that is not is noted."""
        plain = name.rpartition("/")[2]
        matched = self.members is None or any(fnmatchcase(n, self.members) for n in (plain, name))
        if is_litter(name) or not matched:
            self.left_out.append(f"{uri}!{name}")
            return False
        return True


#: What operating systems leave in folders and archives without being asked.
_LITTER = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"})


def is_litter(name: str) -> bool:
    """Whether a file of this path is one that an operating system made for itself."""
    parts = name.casefold().split("/")
    return parts[-1].startswith("._") or parts[-1] in _LITTER or "__macosx" in parts


def _member_of(uri: str) -> str:
    return uri.rpartition("!")[2]


def _size(file: InputFile) -> int:
    try:
        with file.path.open("rb"):
            return file.path.stat().st_size
    except OSError as error:
        raise BatchError(f"{file.uri} cannot be read: {error.strerror or error}.") from error


def _expand(
    file: PlainFile, budget: _Budget, names: Iterator[Path], wanted: _Wanted, nesting: int
) -> Iterator[PlainFile]:
    with file.path.open("rb") as stream:
        magic = stream.read(8)
    if magic.startswith(_ZIP) and not _is_workbook(file):
        _refuse_nesting(file, nesting)
        for member in _members(file, budget, names, wanted):
            yield from _expand(member, budget, names, wanted, nesting + 1)
        return
    for first, name, opener in _CODECS:
        if magic.startswith(first) and not _is_text(file):
            _refuse_nesting(file, nesting)
            inner = _decompressed(file, name, opener, budget, next(names))
            yield from _expand(inner, budget, names, wanted, nesting + 1)
            return
    yield file


def _is_workbook(file: PlainFile) -> bool:
    """Whether a zip is an Excel workbook, whose reader unpacks it for itself."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            return {"[Content_Types].xml", "xl/workbook.xml"} <= set(archive.namelist())
    except _DAMAGE:
        return False


def _is_text(file: PlainFile) -> bool:
    """Whether a file that begins with BZh is a text that happens to."""
    with file.path.open("rb") as stream:
        head = stream.read(10)
    return head.startswith(b"BZh") and not (head[3:4].isdigit() and head[4:] == b"1AY&SY")


def _refuse_nesting(file: PlainFile, nesting: int) -> None:
    if nesting >= _MAX_NESTING:
        raise BatchError(f"{file.source.uri} is compressed more than {_MAX_NESTING} times.")


def _decompressed(
    file: PlainFile,
    name: str,
    opener: Callable[[Path], IO[bytes]],
    budget: _Budget,
    into: Path,
) -> PlainFile:
    try:
        with opener(file.path) as stream:
            _copy(stream, into, budget, file.source.uri)
    except _DAMAGE as error:
        _reraise_local(error, into)
        raise BatchError(
            f"{file.source.uri} is a damaged {name} file: {error}.",
            hint="it may have been cut off while it was copied; deliver it again.",
        ) from error
    return replace(file, path=into, compression=_chain(file.compression, name))


def _members(
    file: PlainFile, budget: _Budget, names: Iterator[Path], wanted: _Wanted
) -> Iterator[PlainFile]:
    uri = file.source.uri
    try:
        with zipfile.ZipFile(file.path) as archive:
            infos = [
                i for i in archive.infolist() if not i.is_dir() and wanted.takes(uri, i.filename)
            ]
            _refuse_document(archive, uri)
            for info in sorted(infos, key=lambda info: info.filename):
                budget.count_member(uri)
                yield _member(file, archive, info, budget, next(names))
    except _DAMAGE as error:
        _reraise_local(error, file.path)
        raise BatchError(f"{uri} is a damaged or unsupported zip file: {error}.") from error


def _member(
    file: PlainFile, archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget, into: Path
) -> PlainFile:
    uri = f"{file.source.uri}!{info.filename}"
    if info.flag_bits & 0x1:
        raise BatchError(f"{uri} is encrypted.", hint="deliver the archive without a password.")
    with archive.open(info) as stream:
        _copy(stream, into, budget, uri)
    return PlainFile(
        source=replace(file.source, uri=uri),
        path=into,
        bytes=info.compress_size,
        compression=_chain(file.compression, "zip"),
    )


#: How members begin by which a zip file is known to be a document, and what it is then.
_DOCUMENTS = (
    ("[Content_Types].xml", "an Office document"),
    ("xl/", "an Office document"),  # a workbook with damage: what it lists is no table
    ("docProps/", "an Office document"),
    ("META-INF/manifest.xml", "an OpenDocument file"),
    ("Index/Document.iwa", "a document of Numbers or Pages"),
)


def _refuse_document(archive: zipfile.ZipFile, uri: str) -> None:
    for begin, what in _DOCUMENTS:
        if any(name.startswith(begin) for name in archive.namelist()):
            raise BatchError(
                f"{uri} is {what}, and not an Excel workbook (.xlsx, .xlsm or .xls).",
                hint="deliver it again if it should be one; or save it as .xlsx, CSV or Parquet.",
            )


def _copy(stream: IO[bytes], into: Path, budget: _Budget, uri: str) -> None:
    with into.open("wb") as out:
        while chunk := stream.read(_CHUNK):
            budget.spend(len(chunk), uri)
            out.write(chunk)


def _reraise_local(error: BaseException, where: Path) -> None:
    """An OSError about this machine's disk is no fault of the delivered file."""
    full = shutil.disk_usage(where.parent).free < _CHUNK
    if isinstance(error, OSError) and (full or error.errno in _LOCAL_ERRNOS):
        raise error


_LOCAL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)


def _chain(before: str, name: str) -> str:
    return name if before == "none" else f"{before}+{name}"
