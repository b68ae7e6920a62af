"""Files that a server sends: fetched whole or not at all, unpacked into one folder and no other."""

from __future__ import annotations

import re
import shutil
import struct
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lume_dagster.errors import ConnectorError, EngineError, TransientError

if TYPE_CHECKING:
    import requests

_PIECE = 1 << 20
#: ``metrics.json``, ``mapped/part-0000.csv``, and the same below the folder of a batch.
_NAME = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]*/){0,2}[A-Za-z0-9_-][A-Za-z0-9._-]*")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_LINK = 0o120000
_KIND = 0o170000


@contextmanager
def beside(final: Path) -> Iterator[Path]:
    """A name in the same folder to write to; it becomes the final one when the block ends well."""
    new = final.with_name(f".{final.name[:100]}.{uuid.uuid4().hex}.new")
    try:
        yield new
        new.replace(final)
    finally:
        new.unlink(missing_ok=True)


def keep(answer: requests.Response, file: Path) -> None:
    """Write the body of an answer to a file, piece by piece."""
    with file.open("wb") as out:
        for piece in answer.iter_content(_PIECE):
            out.write(piece)


def unpack(archive: Path, into: Path) -> tuple[Path, ...]:
    """Write the files of an archive below a folder; each is there whole or not at all.

    Raises:
        TransientError: it is not whole.
        ConnectorError: it holds what no output of a run does.
        EngineError: there is no room for it.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive.stat().st_size)
            _require_room(members, into)
            return tuple(_extract(opened, member, into) for member in members)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise TransientError(f"What the server sent is not whole: {error}.") from error
    except (NotImplementedError, RuntimeError, UnicodeDecodeError, struct.error) as error:
        raise _refused(f"it cannot be read ({error})") from error


def _checked(opened: zipfile.ZipFile, size: int) -> Sequence[zipfile.ZipInfo]:
    """Its files, none of which leads out of the folder or is said to be more than was sent."""
    members = [m for m in opened.infolist() if not m.filename.endswith("/")]
    for member in members:
        if why := _fault(member):
            raise _refused(f"{member.filename[:200]!r} {why}")
    names = {m.filename.casefold() for m in members}
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    if len(names) < len(members) or names & folders:
        raise _refused("two files in it have one name")
    if sum(m.compress_size for m in members) > size:
        raise _refused("its files overlap")
    return members


def _fault(member: zipfile.ZipInfo) -> str | None:
    if not _NAME.fullmatch(member.filename) or member.filename != member.orig_filename:
        return "is no name of a file of a run"
    if (member.external_attr >> 16) & _KIND == _LINK:
        return "is a link"
    if member.compress_type not in _METHODS or member.flag_bits & _ENCRYPTED:
        return "is packed in a way that no run packs"
    return None


def _refused(why: str) -> ConnectorError:
    return ConnectorError(
        f"What the server sent is refused: {why}.",
        hint="nothing was written; is LUME_API_URL the server you mean?",
    )


def _require_room(members: Sequence[zipfile.ZipInfo], into: Path) -> None:
    needed, free = sum(m.file_size for m in members), shutil.disk_usage(into).free
    if needed > free:
        raise EngineError(
            f"{into} has {free:,} bytes left, and the files take {needed:,}.",
            hint="free space there, or name another folder.",
        )


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> Path:
    """One file; no more is read of it than the archive said, and it must be what was packed."""
    final = into / member.filename
    final.parent.mkdir(parents=True, exist_ok=True)
    with beside(final) as new, opened.open(member) as packed, new.open("wb") as out:
        shutil.copyfileobj(packed, out, _PIECE)
    return final
