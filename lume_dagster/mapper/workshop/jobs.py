"""Run a job: the first run of a pipeline generates its mapping, every later one uses it."""

from __future__ import annotations

from lume_dagster.errors import LumeError
from lume_dagster.flows.drafts import Standing, standing_of, write_draft
from lume_dagster.flows.lock_file import exclusively
from lume_dagster.flows.model import FlowVersion
from lume_dagster.mapper.sample import take_sample
from lume_dagster.mapper.shapes.kept import keep_shapes_of
from lume_dagster.mapper.workshop.documents import (
    JobDocument,
    ResultDocument,
    Status,
    load,
    update,
)
from lume_dagster.mapper.workshop.generation import Generated, generate
from lume_dagster.mapper.workshop.intake import batch_of
from lume_dagster.mapper.workshop.pipelines import draft, has_mapper, in_force
from lume_dagster.mapper.workshop.place import Place
from lume_dagster.mapper.workshop.results import Asked, run_result


def run_job(place: Place, id: str) -> ResultDocument:  # noqa: A002 - it is what people call it
    """Map the job's data by the pipeline's mapper, which is generated where there is none.

    Raises:
        MissingExtraError: there is none, and nothing to generate it with.
        PlanError, FlowError: the mapping does not fit the data.
    """
    job = load(place, JobDocument, id)
    try:
        version, generated = _mapper(place, job)
        asked = Asked(
            version=version,
            proposals=generated.proposals if generated else None,
            generated_by=generated.made_by if generated else None,
        )
        result = run_result(place, job, asked, None if generated else version)
    except LumeError:
        update(place, job, status=Status.FAILED)
        raise
    update(place, job, status=result.status)
    return result


def _mapper(place: Place, job: JobDocument) -> tuple[FlowVersion, Generated | None]:
    """The mapper in force; of two jobs that run at once, one generates it and the other waits."""
    version = in_force(place, job.pipeline)
    if version.published or has_mapper(version.flow):
        return version, None
    with exclusively(place.workshop / job.pipeline):
        home = place.home(job.pipeline)
        base: Standing = standing_of(home)
        version = in_force(place, job.pipeline)
        if version.published or has_mapper(version.flow):
            return version, None
        staged = batch_of(place, job)
        generated = generate(place, version.flow, staged)
        write_draft(home, generated.flow, base)
        keep_shapes_of(home, generated.flow, take_sample(place.settings, staged))
        return draft(place, job.pipeline), generated
