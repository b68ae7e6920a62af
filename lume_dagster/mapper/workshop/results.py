"""Run a mapping on a job's data, and keep what came out beside what is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lume_dagster.engines.comparison import Comparison, RowChange
from lume_dagster.errors import InvalidRequestError, LumeError
from lume_dagster.flows.flow_file import parse, render
from lume_dagster.flows.model import FlowVersion
from lume_dagster.mapper.proposal import Verdict
from lume_dagster.mapper.workshop.changes import FieldChange, field_changes
from lume_dagster.mapper.workshop.documents import (
    JobDocument,
    Proposed,
    ResultDocument,
    RowFigures,
    Status,
    begin,
    changed,
    load,
    save,
)
from lume_dagster.mapper.workshop.intake import batch_of
from lume_dagster.mapper.workshop.mapper import Mapper
from lume_dagster.mapper.workshop.pages import Page, Rows, check_page
from lume_dagster.mapper.workshop.pipelines import has_mapper, in_force
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.running import Ran, run_folder, run_on_job

_NO_PROPOSALS: Mapping[str, Proposed] = {}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be run, and where it comes from."""

    version: FlowVersion
    workshop: str | None = None
    proposals: Mapping[str, Proposed] | None = None
    generated_by: str | None = None


def run_result(
    place: Place, job: JobDocument, asked: Asked, deployed: FlowVersion | None
) -> ResultDocument:
    """Run it; where it cannot be run, the result says so and the error is raised.

    Args:
        place: where.
        job: whose data.
        asked: what.
        deployed: what it is compared with; None compares with nothing.
    """
    result = begin(
        place,
        ResultDocument,
        job.pipeline,
        job=job.id,
        workshop=asked.workshop,
        version=asked.version.address,
        flow=render(asked.version.flow),
        generated_by=asked.generated_by,
        proposals=dict(asked.proposals or _NO_PROPOSALS),
    )
    try:
        ran = run_on_job(place, asked.version, job)
    except LumeError as error:
        save(place, changed(result, status=Status.FAILED, error=str(error)))
        raise
    said = _figures(ran, asked) | _compared(place, job, ran, deployed)
    return save(place, changed(result, **said))


def _figures(ran: Ran, asked: Asked) -> dict[str, object]:
    doubtful = any(
        p.verdict != Verdict.AUTO.value for p in (asked.proposals or _NO_PROPOSALS).values()
    )
    return {
        "run": ran.name,
        "input_rows": ran.input_rows,
        "mapped_rows": ran.mapped_rows,
        "rejected_rows": ran.rejected_rows,
        "error_counts": dict(ran.error_counts),
        "status": Status.NEEDS_REVIEW if ran.rejected_rows or doubtful else Status.FINISHED,
    }


def _compared(
    place: Place, job: JobDocument, ran: Ran, deployed: FlowVersion | None
) -> dict[str, object]:
    """The figures of the comparison; a deployed mapping that does not fit the data says why."""
    if deployed is None:
        return {}
    said: dict[str, object] = {
        "deployed": deployed.address,
        "deployed_flow": render(deployed.flow),
    }
    try:
        before = run_on_job(place, deployed, job)
    except LumeError as error:
        return said | {"not_compared": f"{deployed.address} cannot map this data: {error.message}"}
    after_folder = run_folder(place, job, ran.name)
    before_folder = run_folder(place, job, before.name)
    found = Comparison(place.settings, before_folder, after_folder).differences()
    rows = RowFigures(
        changed=found.changed,
        now_mapped=found.now_mapped,
        now_rejected=found.now_rejected,
        same=found.same,
    )
    return said | {"deployed_run": before.name, "rows": rows}


def deployed_version(place: Place, pipeline: str) -> FlowVersion | None:
    """What is deployed: the active version, or a draft that has a mapping; None before that."""
    version = in_force(place, pipeline)
    return version if version.published or has_mapper(version.flow) else None


# -- read back ------------------------------------------------------------------------------------


def mapper_of(result: ResultDocument) -> Mapper:
    """The mapper that gave a result."""
    return Mapper(parse(result.flow), result.version, result.proposals, result.lookup_confidence)


def rows_of(place: Place, result: ResultDocument) -> Rows:
    """The rows of a result.

    Raises:
        InvalidRequestError: it failed, and has none.
    """
    job, run = _ran(place, result)
    key = parse(result.flow).target.key
    return Rows(place.settings, batch_of(place, job), run_folder(place, job, run), key)


def field_changes_of(result: ResultDocument) -> tuple[FieldChange, ...]:
    """What the mapper does otherwise than the deployed one, field by field."""
    before = None if result.deployed_flow is None else parse(result.deployed_flow)
    return field_changes(before, parse(result.flow))


def row_changes(place: Place, result: ResultDocument, page: int, size: int) -> Page[RowChange]:
    """The records that come out otherwise than with the deployed mapping.

    Raises:
        InvalidRequestError: the deployed mapping cannot map this data.
    """
    check_page(page, size)
    job, run = _ran(place, result)
    if result.not_compared is not None:
        raise InvalidRequestError(
            f"rows cannot be compared: {result.not_compared}", hint="look at the fields instead."
        )
    before = result.deployed_run and run_folder(place, job, result.deployed_run)
    compared = Comparison(place.settings, before or None, run_folder(place, job, run))
    items, total = compared.changes(size, (page - 1) * size)
    return Page(items, total, page, size)


def _ran(place: Place, result: ResultDocument) -> tuple[JobDocument, str]:
    if result.run is None:
        raise InvalidRequestError(
            f"{result.id} has no rows: it {result.status.lower()}.", hint=result.error
        )
    return load(place, JobDocument, result.job), result.run
