"""Files given to a run by hand, kept as a batch whose name is a hash of their content.

Layout of ``<data>/uploads/<hash>``: upload.json, files/0000-orders.csv ..., seeds/airports.csv.
The document is written last; a folder without it is garbage of a start that was cut off.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lume_dagster.connectors.protocol import SourceObject
from lume_dagster.errors import BatchError, InvalidRequestError, did_you_mean
from lume_dagster.flows.model import FlowVersion
from lume_dagster.runs.output import read_document, write_document

PREFIX = "upload:"
_DOCUMENT = "upload.json"
_CHUNK = 1 << 20
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{32}}")
_LONGEST = 240  # bytes of a name on disk, which has a number before it


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """One file of an upload: here (``stored``), or where its connector finds it (no ``stored``)."""

    uri: str
    version: str
    size: int
    stored: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A file of this machine; its digest, where nobody will change it any more."""

    path: Path
    name: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A batch of files, and the seed files that stand in for the flow's own in this batch."""

    folder: Path
    files: tuple[UploadedFile, ...]
    seeds: tuple[str, ...] = ()

    @property
    def source_path(self) -> str:
        """The name of the batch."""
        return f"{PREFIX}{self.folder.name}"


def is_upload(source_path: str) -> bool:
    """Whether a batch was made of files given by hand."""
    return source_path.startswith(PREFIX)


def is_name(source_path: str) -> bool:
    """Whether it can be the name of such a batch, and not a way out of its folder."""
    return _NAME.fullmatch(source_path) is not None


def upload_folder(uploads: Path, source_path: str) -> Path:
    """Where the files of such a batch lie."""
    return uploads / source_path.removeprefix(PREFIX)


def load_upload(uploads: Path, source_path: str) -> Upload:
    """The upload that a ``source_path`` names; BatchError where it is no longer there."""
    folder = upload_folder(uploads, source_path)
    value = read_document(folder / _DOCUMENT)
    if value is None:
        raise BatchError(
            f"The uploaded files of batch {source_path} are not in {uploads}.",
            hint="start the run again with its input_files.",
        )
    files = tuple(UploadedFile(**f) for f in value["files"])
    return Upload(folder, files, tuple(value["seeds"]))


def store_upload(
    uploads: Path,
    local: Sequence[Path | Given],
    *,
    remote: Sequence[SourceObject] = (),
    seeds: Sequence[Path | Given] = (),
) -> Upload:
    """Copy the files aside and name the batch by what they hold; the same files, the same batch.

    Raises:
        InvalidRequestError: no file, a file that is not there, or two seed files of one name.
    """
    files, tables = [*map(_given, local)], [*map(_given, seeds)]
    require_files([given.path for given in (*files, *tables)])
    if not files and not remote:
        raise InvalidRequestError("input_files is empty.", hint="name at least one file.")
    if len({given.name for given in tables}) != len(tables):
        raise InvalidRequestError(
            "Two seed files have the same name.", hint="a seed file replaces the one of its name."
        )
    uploads.mkdir(parents=True, exist_ok=True)
    new = uploads / f".{uuid.uuid4().hex}.new"
    try:
        return _name_by_content(new, _fill(new, files, remote, tables))
    finally:
        shutil.rmtree(new, ignore_errors=True)


def with_seeds(version: FlowVersion, upload: Upload) -> FlowVersion:
    """The version with the upload's seed files in place of its own files of the same name.

    Raises:
        InvalidRequestError: a seed file that none of the flow's seeds is called.
    """
    seeds = dict(version.flow.seeds)
    by_name = {Path(s.path).name: name for name, s in seeds.items()}
    for file in upload.seeds:
        if file not in by_name:
            raise InvalidRequestError(
                f"Flow {version.name} has no seed file {file!r}.", hint=did_you_mean(file, by_name)
            )
        path = upload.folder / "seeds" / file
        seeds[by_name[file]] = seeds[by_name[file]].model_copy(update={"path": str(path)})
    if not upload.seeds:
        return version
    digest = hashlib.sha256(f"{version.digest}\0{upload.source_path}".encode()).hexdigest()
    flow = version.flow.model_copy(update={"seeds": seeds})
    return version.model_copy(update={"flow": flow, "digest": digest})


def files_of(upload: Upload) -> list[Given]:
    """The files of an upload that lie here, to be taken into another one."""
    return [
        Given(upload.folder / file.stored, file.uri, file.version)
        for file in upload.files
        if file.stored is not None
    ]


def _given(file: Path | Given) -> Given:
    return file if isinstance(file, Given) else Given(file, file.name)


def require_files(paths: Sequence[Path]) -> None:
    """Look whether all are there; InvalidRequestError for the first that is not."""
    for path in paths:
        if not path.is_file():
            raise InvalidRequestError(
                f"There is no file {path}.", hint="give paths of files, not of folders."
            )


def _fill(
    new: Path, local: Sequence[Given], remote: Sequence[SourceObject], seeds: Sequence[Given]
) -> Upload:
    (new / "files").mkdir(parents=True)
    (new / "seeds").mkdir()
    files = [UploadedFile(o.uri, o.version, o.size) for o in remote]
    for number, given in enumerate(local):
        stored = f"files/{number:04d}-{_on_disk(given.name)}"
        digest = _put(given, new / stored)
        files.append(UploadedFile(given.name, digest, (new / stored).stat().st_size, stored))
    for given in seeds:
        _put(given, new / "seeds" / given.name)
    return Upload(new, tuple(files), tuple(sorted(given.name for given in seeds)))


def _on_disk(name: str) -> str:
    """The end of a name that is too long, with the ending that says what the file is."""
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST:
        return name
    return encoded[-_LONGEST:].decode("utf-8", "ignore")


def _name_by_content(new: Path, filled: Upload) -> Upload:
    digest = hashlib.sha256()
    for file in filled.files:
        digest.update(f"{file.uri}\0{file.version}\0".encode())
    if filled.seeds:  # no file has an empty name: a seed is never taken for one more file
        digest.update(b"\0")
    for seed in filled.seeds:
        digest.update(f"{seed}\0{_digest(new / 'seeds' / seed)}\0".encode())
    upload = Upload(new.parent / digest.hexdigest()[:32], filled.files, filled.seeds)
    if read_document(upload.folder / _DOCUMENT) is None:
        document = {"files": [asdict(f) for f in upload.files], "seeds": list(upload.seeds)}
        write_document(new / _DOCUMENT, document)
        _move(new, upload.folder)
    return upload


def _move(new: Path, folder: Path) -> None:
    """Put the folder in place; when another start was faster with the same files, theirs stays."""
    try:
        new.rename(folder)
    except OSError:
        if read_document(folder / _DOCUMENT) is None:
            raise


def _put(given: Given, target: Path) -> str:
    """Have the file there, too; gives its digest."""
    if given.digest is None:
        return _copy(given.path, target)
    try:
        os.link(given.path, target)
    except OSError:  # not every file system can
        shutil.copyfile(given.path, target)
    return given.digest


def _copy(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()
