"""Where a run's files lie, and how they are handed out as CSV or JSON Lines."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lume_dagster.errors import InvalidRequestError, NotFoundError
from lume_dagster.flows.model import FlowVersion

OutputFormat = Literal["csv", "json"]
Part = Literal["mapped", "rejects"]
PARTS: tuple[Part, ...] = ("mapped", "rejects")
METRICS = "metrics.json"
VALIDATION = "validation_results.json"
_FORMATS = ("csv", "json")
_SEGMENT = 60
#: Paths of runs below the data folder: kind, flow, version, then the run, its batch or both.
_KINDS = ("staging", "output")
_DEPTHS = (5, 4)
_VERSION = re.compile(r"v\w+")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders below the data folder."""

    data: Path

    def staging(self, version: FlowVersion, source_path: str, root_run_id: str) -> Path:
        """Where a batch is staged; the runs that retry one another share it."""
        return self._of("staging", version) / batch_segment(source_path) / root_run_id

    def output(self, version: FlowVersion, run_id: str, source_path: str | None = None) -> Path:
        """What a run leaves; a run over many batches has a folder for each ``source_path``."""
        folder = self._of("output", version) / run_id
        return folder if source_path is None else folder / batch_segment(source_path)

    @property
    def uploads(self) -> Path:
        """Where the files of runs that were given files lie."""
        return self.data / "uploads"

    @property
    def repairs(self) -> Path:
        """Where files of repaired rejects lie."""
        return self.data / "repairs"

    @property
    def scratch(self) -> Path:
        """Where engines spill."""
        return self.data / "scratch"

    def moved(self, folder: Path) -> Path | None:
        """The folder of a run below this data folder, by a path from where it lay before.

        None where the path is not that of a run's staging or output.
        """
        for depth in _DEPTHS:
            tail = folder.parts[-depth:]
            if len(tail) == depth and tail[0] in _KINDS and _VERSION.fullmatch(tail[2]):
                return self.data.joinpath(*tail)
        return None

    def _of(self, kind: str, version: FlowVersion) -> Path:
        return self.data / kind / version.flow.flow / f"v{version.version}"


def batch_segment(source_path: str) -> str:
    """A folder name for a batch: the readable tail of its path, and a hash that tells it apart."""
    tail = re.sub(r"[^A-Za-z0-9._-]+", "_", source_path[-_SEGMENT:]).strip("._-") or "batch"
    return f"{tail}-{hashlib.sha256(source_path.encode()).hexdigest()[:12]}"


def part_files(folder: Path, part: Part) -> tuple[Path, ...]:
    """The Parquet files of a part of the output, in order."""
    return tuple(sorted((folder / part).glob("part-*.parquet")))


def write_document(path: Path, value: dict[str, Any]) -> None:
    """Write JSON, a line for each key and each item, so that the file is there whole or not at all.

    Python indents deeper ten times slower than it writes, and nobody reads a line a number.
    """
    new = path.with_name(f".{path.name}.new")
    lines = ",\n".join(f"  {_json(key)}: {_lines(item)}" for key, item in value.items())
    new.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    new.replace(path)


def _lines(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _json(value)
    items = ",\n".join(f"    {_json(item)}" for item in value)
    return f"[\n{items}\n  ]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_document(path: Path) -> dict[str, Any] | None:
    """The document a run left, or None where it left none."""
    if not path.exists():
        return None
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A file of a run's output: its place among the others, and what writes it to a path."""

    place: Path
    write: Callable[[Path], object]


def download(
    folder: Path,
    into: Path,
    *,
    output_format: OutputFormat = "csv",
    parts: Sequence[Part] = PARTS,
    documents: bool = True,
    run_id: str | None = None,
) -> tuple[Path, ...]:
    """Write a run's output to ``into`` in the same layout; rows stream, whatever their number.

    Rejects name the run, where ``run_id`` says it, so that they can be resubmitted.

    Raises:
        InvalidRequestError: an unknown format, or a run that left nothing.
    """
    files = handed_out(
        folder, output_format=output_format, parts=parts, documents=documents, run_id=run_id
    )
    for file in files:
        target = into / file.place
        target.parent.mkdir(parents=True, exist_ok=True)
        file.write(target)
    return tuple(into / file.place for file in files)


def handed_out(
    folder: Path,
    *,
    output_format: OutputFormat = "csv",
    parts: Sequence[Part] = PARTS,
    documents: bool = True,
    run_id: str | None = None,
) -> tuple[HandedOut, ...]:
    """The files that ``download`` writes, none of them written yet.

    Raises:
        InvalidRequestError: as ``download`` says.
    """
    require_format(output_format)
    from lume_dagster.runs.export import write_csv, write_jsonl

    form = {"csv": write_csv, "json": write_jsonl}[output_format]
    write = partial(form, run_id=run_id)
    found = [
        replace(file, place=batch.relative_to(folder) / file.place)
        for batch in _batches(folder)
        for file in (
            *(file for part in parts for file in _of_part(batch, part, write, output_format)),
            *(_documents(batch) if documents else ()),
        )
    ]
    if not found:
        raise NotFoundError(
            f"The run left nothing in {folder}.",
            hint="it ended before rows were mapped (lume status says why), or its files were pruned"
            " or moved.",
        )
    return tuple(found)


def require_format(output_format: str) -> None:
    """Refuse what is no format to hand rows out in; InvalidRequestError."""
    if output_format not in _FORMATS:
        raise InvalidRequestError(
            f"There is no output format {output_format!r}.", hint="use csv or json."
        )


def _batches(folder: Path) -> list[Path]:
    """The folder itself, or those below it when the run took many batches."""
    if any((folder / part).exists() for part in PARTS):
        return [folder]
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if (p / "mapped").is_dir())


def _of_part(
    batch: Path, part: Part, write: Callable[..., None], ending: str
) -> Iterator[HandedOut]:
    for source in part_files(batch, part):
        place = Path(part, f"{source.stem}.{ending}")
        yield HandedOut(place, partial(write, source, rejects=part == "rejects"))


def _documents(batch: Path) -> Iterator[HandedOut]:
    for name in (METRICS, VALIDATION):
        if (batch / name).exists():
            yield HandedOut(Path(name), partial(shutil.copyfile, batch / name))
