"""Stage the first records of a batch without reading the rest, where they are the same then.

Text files are cut to their first bytes. A record that ends before the cut is read as it would be
in the whole file: encoding, dialect and header are found in the first 256 KB, and records from
there on in order. What may depend on the rest is not taken from a part: a malformed record, an
encoding told by all the bytes, a column that only later records may have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lume_dagster.engines.batch import ROW, StagedBatch
from lume_dagster.engines.readers.detect import format_of, head_of
from lume_dagster.engines.readers.encoding import LATIN_1, WINDOWS_1252
from lume_dagster.engines.readers.files import InputFile, is_packed
from lume_dagster.engines.settings import MIB, EngineSettings
from lume_dagster.engines.stage import digest_of, fresh_folder, stage_files
from lume_dagster.errors import BatchError
from lume_dagster.flows.model import SourceFormat

_PARTS = (MIB, 16 * MIB)  # bytes of a file that are tried, before the whole
_CUT = frozenset({"csv", "jsonl"})

#: Whether a batch with these columns has all that is asked for.
Enough = Callable[[tuple[str, ...]], bool]


def stage_first(
    settings: EngineSettings,
    files: Sequence[InputFile],
    format: SourceFormat,  # noqa: A002
    into: Path,
    rows: int,
    enough: Enough,
) -> StagedBatch:
    """Stage files so that the first ``rows`` records of the batch, at least, are as in the whole.

    ``enough`` says whether columns are all that will be asked for; JSON may have more further on.
    """
    kinds = [_kind(file, format) for file in files]
    for size in _PARTS:
        folder = settings.scratch / f"first-{digest_of(into)}"
        with fresh_folder(folder):
            given = [_cut(f, k, size, folder) for f, k in zip(files, kinds, strict=True)]
            if given == list(files):
                break
            staged = _tried(settings, given, format, into)
        if staged is None or not _is_sound(staged, files, given, rows, format):
            continue
        if "jsonl" not in kinds or enough(tuple(c.name for c in staged.columns)):
            return staged
    return stage_files(settings, files, format, into)


def _tried(
    settings: EngineSettings,
    files: Sequence[InputFile],
    format: SourceFormat,  # noqa: A002
    into: Path,
) -> StagedBatch | None:
    try:
        return stage_files(settings, files, format, into)
    except BatchError:  # the whole will say it, or have none
        return None


def _kind(file: InputFile, options: SourceFormat) -> str:
    """Csv or jsonl; nothing for what cannot be cut, or not be read."""
    try:
        head = head_of(file.path)
        kind = format_of(file.uri, head, options.type)
    except (BatchError, OSError):
        return ""
    return kind if kind in _CUT and options.records is None and not is_packed(head) else ""


def _cut(file: InputFile, kind: str, size: int, folder: Path) -> InputFile:
    if not kind or file.path.stat().st_size <= 2 * size:
        return file
    path = folder / f"{len(list(folder.iterdir())):06d}"
    with file.path.open("rb") as whole:
        path.write_bytes(whole.read(size))  # a multiple of any encoding's unit
    return replace(file, path=path)


def _is_sound(
    staged: StagedBatch,
    whole: Sequence[InputFile],
    given: Sequence[InputFile],
    rows: int,
    format: SourceFormat,  # noqa: A002
) -> bool:
    """Whether the first rows end before the first cut, and nothing in them hangs on the rest."""
    cut = next(i for i, (a, b) in enumerate(zip(whole, given, strict=True)) if a != b)
    file = staged.files[cut]
    if file.first_row + file.records - 1 <= rows:
        return False
    if format.encoding is None and any(
        f.details.get("encoding") in (LATIN_1, WINDOWS_1252) for f in staged.files
    ):
        return False
    return not staged.malformed or _first_malformed(staged) > rows


def _first_malformed(staged: StagedBatch) -> int:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    return int(pc.min(pq.read_table(staged.malformed_path, columns=[ROW])[0]).as_py())
