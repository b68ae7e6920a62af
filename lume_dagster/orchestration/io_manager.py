"""Hand mapped rows or rejects of a batch to a user's own asset, in the form it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

import dagster as dg

from lume_dagster.errors import BatchError, InvalidRequestError
from lume_dagster.orchestration import metadata
from lume_dagster.orchestration.frames import frame_of
from lume_dagster.orchestration.newest import folder_of, newest
from lume_dagster.orchestration.workspace import depot_of
from lume_dagster.runs.output import PARTS, Part, part_files

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch

#: ``dg.AssetIn(key, metadata={ROWS: "rejects"})`` asks for rejects instead of mapped rows.
ROWS = "lume/rows"


@dataclass(frozen=True, slots=True)
class MappedFiles:
    """A reference to one batch's mapped rows or rejects: Parquet files, nothing read."""

    source_path: str
    part: Part
    paths: tuple[Path, ...]
    rows: int


class BatchIOManager(dg.IOManager):
    """Reads what runs left; the assets of a flow version write for themselves.

    The annotation of the input says the form: ``pandas.DataFrame`` (also without annotation),
    ``pyarrow.Table``, ``pyarrow.RecordBatchReader``, ``pyarrow.dataset.Dataset``, polars'
    frames, ``MappedFiles`` or, for the source asset, ``StagedBatch``. ``dict[str, ...]``
    of one of these holds one for each batch; else tables of several batches are put together.
    """

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Nothing is handed over by value."""
        raise InvalidRequestError(
            f"Asset {context.asset_key.to_user_string()} was given a {type(obj).__name__} to store;"
            " assets of a flow version hold files.",
            hint="give your own asset an io_manager_key of its own.",
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """The batches of the input in the form its annotation asks for."""
        wanted = context.dagster_type.typing_type
        found = {path: _find(context, path) for path in context.asset_partition_keys}
        if context.asset_key.path[-1] == "source":
            return _pick({path: _staged(m, path) for path, m in found.items()}, wanted)
        part = _part(context.definition_metadata)
        files = {path: _files(m, path, part) for path, m in found.items()}
        by_batch = get_origin(wanted) is dict
        form = (*get_args(wanted), Any, Any)[1] if by_batch else wanted
        if form is MappedFiles or (by_batch and form is Any):
            return _pick(files, wanted)
        if by_batch:
            return {path: _rows_as(form, f.paths) for path, f in files.items()}
        return _rows_as(wanted, [path for f in files.values() for path in f.paths])


#: The one there is: definitions that are merged must share it.
BATCHES = BatchIOManager()


def _find(context: dg.InputContext, source_path: str) -> dg.AssetMaterialization:
    found = newest(context.instance, context.asset_key, source_path)
    if found is None:
        raise BatchError(
            f"Asset {context.asset_key.to_user_string()} has no rows of batch {source_path}.",
            hint="materialize that partition first.",
        )
    return found


def _part(given: Mapping[str, Any]) -> Part:
    part = given.get(ROWS, "mapped")
    if part not in PARTS:
        raise InvalidRequestError(
            f"An input asks for {ROWS} = {part!r}.", hint="use 'mapped' or 'rejects'."
        )
    return "rejects" if part == "rejects" else "mapped"


def _files(found: dg.AssetMaterialization, source_path: str, part: Part) -> MappedFiles:
    folder = _folder(found, metadata.OUTPUT)
    paths = part_files(folder, part)
    if not paths:
        raise BatchError(
            f"The {part} rows of batch {source_path} are no longer in {folder}.",
            hint="materialize the transform asset of that partition again.",
        )
    counts = metadata.read_metrics(found.metadata).row_counts
    return MappedFiles(source_path, part, paths, getattr(counts, part))


def _staged(found: dg.AssetMaterialization, source_path: str) -> StagedBatch:
    folder = _folder(found, metadata.STAGING)
    from lume_dagster.engines.batch import StagedBatch

    staged = StagedBatch.load(folder)
    if staged is None:
        raise BatchError(
            f"Batch {source_path} is no longer staged in {folder}.",
            hint="materialize the source asset of that partition again.",
        )
    return staged


def _folder(found: dg.AssetMaterialization, name: str) -> Path:
    stored = found.metadata.get(metadata.STORED)
    depot = depot_of(str(stored.value)) if stored is not None else None
    return folder_of(found.metadata, name, depot)


def _pick(references: Mapping[str, Any], wanted: object) -> Any:
    """All references by batch, or the only one."""
    from lume_dagster.engines.batch import StagedBatch

    if get_origin(wanted) is dict:
        return dict(references)
    if wanted is StagedBatch or wanted is MappedFiles:
        if len(references) == 1:
            return next(iter(references.values()))
        raise InvalidRequestError(
            f"{len(references)} batches are asked for as one reference.",
            hint="annotate the input with dict[str, ...] to have one for each batch.",
        )
    raise InvalidRequestError(
        "The source asset can only be taken by reference.",
        hint="annotate the input with StagedBatch, or depend on the transform asset.",
    )


def _rows_as(wanted: object, paths: Sequence[Path]) -> Any:
    """The rows in files in the form an annotation asks for."""
    import pyarrow.dataset as ds

    dataset = ds.dataset([str(path) for path in paths], format="parquet")
    if wanted is ds.Dataset:
        return dataset
    return frame_of(nullcontext(dataset.scanner().to_reader()), wanted)
