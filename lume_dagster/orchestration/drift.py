"""What changed in a batch that its flow version cannot map, seen beside an earlier batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import FlowError, MissingExtraError, PlanError
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.mapper.sample import Sample, take_sample
from lume_dagster.orchestration.checks.options import SCHEMA_CONTRACT
from lume_dagster.orchestration.checks.results import Checked
from lume_dagster.orchestration.newest import staged_in
from lume_dagster.plan.used_columns import missing_columns
from lume_dagster.runs.phases import Batch

if TYPE_CHECKING:  # a batch in which nothing changed needs none of the mapper
    from lume_dagster.mapper.drift import Drift
    from lume_dagster.mapper.shapes.compare import ShapeChange
    from lume_dagster.mapper.shapes.remedies import Remedy

_LOOKED_AT = 10  # of the latest batches
_SAMPLE_ROWS = 500
_SHEETS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Beside:
    """What a batch is looked at beside: earlier batches that its source asset staged, if any.

    And how values looked when the mapping was made, which is kept in the flow's folder below
    ``flows``.
    """

    source: dg.AssetKey | None
    instance: dg.DagsterInstance
    settings: EngineSettings
    flows: Path


def drift_of(flow: Flow, staged: StagedBatch, beside: Beside) -> Drift:
    """How a staged batch differs from what the flow needs.

    Raises:
        MissingExtraError: columns are missing, and ``lume-dagster[mapper]`` is not there.
    """
    from lume_dagster.mapper.drift import find_drift

    sample = take_sample(beside.settings, staged, _SAMPLE_ROWS)
    return find_drift(flow, sample, _earlier(flow, staged, beside))


@dataclass(frozen=True, slots=True)
class ShapeDrift:
    """How the values of a batch are written otherwise, and what could be changed in the mapping.

    ``known`` is whether it was kept how they looked; without that there is nothing to tell.
    """

    known: bool = False
    changes: tuple[ShapeChange, ...] = ()
    remedies: tuple[Remedy, ...] = ()

    def sentences(self) -> Iterator[str]:
        """What a person should know: first what is different, then what would read it."""
        yield from (change.sentence for change in self.changes)
        yield from (remedy.sentence for remedy in self.remedies)


def shape_drift_of(flow: Flow, staged: StagedBatch, beside: Beside) -> ShapeDrift:
    """How the values of a staged batch differ from those that the mapping was made from.

    Only the columns that the flow uses are read, and of these some rows.

    Raises:
        FlowError: what is kept of them cannot be read.
    """
    from lume_dagster.mapper.shapes.kept import columns_of, read_shapes, shape_changes

    kept = read_shapes(beside.flows / flow.flow)
    if kept is None:
        return ShapeDrift()
    from lume_dagster.mapper.shapes.remedies import remedies

    sample = take_sample(beside.settings, staged, _SAMPLE_ROWS, columns_of(flow, _names(staged)))
    changes = shape_changes(flow, kept, sample)
    try:
        found = remedies(flow, changes, sample, beside.settings)
    except MissingExtraError:  # what is different is told all the same
        found = ()
    return ShapeDrift(known=True, changes=changes, remedies=found)


def with_proposal(
    checked: Iterable[Checked], flow: Flow, staged: StagedBatch, beside: Beside
) -> tuple[Checked, ...]:
    """The checks of a source; that of its columns says what missing ones seem to be called now.

    It says too which values are written otherwise. That is a warning, and holds up no batch.
    """
    return tuple(
        _told(one, flow, staged, beside) if one.name == SCHEMA_CONTRACT else one for one in checked
    )


def _told(checked: Checked, flow: Flow, staged: StagedBatch, beside: Beside) -> Checked:
    if checked.metadata.get("missing"):
        proposal = {"proposal": _proposal(flow, staged, beside)}
        return replace(checked, metadata={**checked.metadata, **proposal})
    try:
        drift = shape_drift_of(flow, staged, beside)
        told, changed = list(drift.sentences()), len(drift.changes)
    except FlowError as error:  # the batch is well all the same
        told, changed = [str(error)], 0
    if not told:
        return checked
    shapes = {"shapes_changed": changed, "shapes": _listed(told)}
    words = f"{checked.description} {told[0]}" + (" ..." if len(told) > 1 else "")
    return replace(
        checked,
        passed=False,
        error=checked.error and not checked.passed,
        description=words,
        metadata={**checked.metadata, **shapes},
    )


def _proposal(flow: Flow, staged: StagedBatch, beside: Beside) -> dg.MarkdownMetadataValue:
    try:
        told = list(drift_of(flow, staged, beside).sentences())
    except MissingExtraError as error:
        told = [str(error)]
    return _listed(told)


def _listed(sentences: Iterable[str]) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in sentences))


@contextmanager
def drift_told(beside: Beside, batch: Batch, staged: StagedBatch) -> Iterator[None]:
    """Where a batch does not fit its flow, let the error say what changed."""
    try:
        yield
    except PlanError as error:
        raise explained(error, batch.version, batch.source_path, staged, beside) from None


def explained(
    error: PlanError, version: FlowVersion, source_path: str, staged: StagedBatch, beside: Beside
) -> PlanError:
    """The error with what seems to have become of the columns, where some are missing."""
    if not missing_columns(version.flow, _names(staged)):
        return error
    try:
        drift = drift_of(version.flow, staged, beside)
    except MissingExtraError:  # what is wrong is told all the same
        return error
    name = version.flow.flow
    if staged.header_elsewhere is not None or drift.is_another:
        told_place = place_told(error, version, staged)
        if told_place is not error:
            return told_place
    told = f"{error.message} {' '.join(drift.sentences())}"
    if not drift.renamed:
        look = f"look whether it is the right file; lume drift {name} {source_path} shows more"
        return PlanError(told, hint=look if drift.is_another else error.hint)
    remedy = f"lume drift {name} {source_path} --write, then lume publish {name} --activate"
    return PlanError(told, hint=f"if that is so: {remedy}")


def place_told(error: PlanError, version: FlowVersion, staged: StagedBatch) -> PlanError:
    """The error with where the columns may be instead: below another line, or in another sheet."""
    found = _elsewhere(version.flow, staged)
    if found is None or not missing_columns(version.flow, _names(staged)):
        return error
    told, option = found
    say = f"say {option} under source.format of the draft"
    again = f", then lume publish {version.flow.flow} --activate" if version.published else ""
    return PlanError(f"{error.message} {told}", hint=f"if that is so: {say}{again}")


def _elsewhere(flow: Flow, staged: StagedBatch) -> tuple[str, str] | None:
    """Where the columns may be, in a sentence, and the option that says so."""
    if staged.header_elsewhere is not None:
        uri, line = staged.header_elsewhere
        name = uri.rsplit("/", 1)[-1]
        return f"Line {line} of {name} reads like its header.", f"skip_lines: {line - 1}"
    if staged.other_sheets is None or flow.source.format.sheet is not None:
        return None
    read, others = staged.other_sheets
    shown = " and ".join(map(repr, others[:_SHEETS_SHOWN]))
    more = f" and {len(others) - _SHEETS_SHOWN} more" if len(others) > _SHEETS_SHOWN else ""
    told = f"The sheet {read!r} was read; the workbook has {shown}{more}, too."
    return told, f"sheet: {others[0]}"


def _earlier(flow: Flow, staged: StagedBatch, beside: Beside) -> Sample | None:
    """The latest batch that is still staged and has all columns that the flow needs."""
    if beside.source is None:
        return None
    wanted = dg.AssetRecordsFilter(asset_key=beside.source)
    for record in beside.instance.fetch_materializations(wanted, limit=_LOOKED_AT).records:
        batch = staged_in(record.asset_materialization)
        if batch is None or batch.folder == staged.folder or not batch.records:
            continue
        if not missing_columns(flow, _names(batch)):
            return take_sample(beside.settings, batch, _SAMPLE_ROWS)
    return None


def _names(staged: StagedBatch) -> tuple[str, ...]:
    return tuple(column.name for column in staged.columns)
