"""Pipelines and their jobs: a flow in the making, and the data it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.client import behind
from lume_dagster.client.place import batch_at, open_place
from lume_dagster.client.results import Result
from lume_dagster.client.workshops import Workshop
from lume_dagster.errors import InvalidRequestError

if TYPE_CHECKING:
    from lume_dagster.mapper.proposal import Decision
    from lume_dagster.mapper.workshop.documents import JobDocument, Status
    from lume_dagster.mapper.workshop.mapper import Mapper
    from lume_dagster.mapper.workshop.place import Place


class Job:
    """Source data that is attached to a pipeline."""

    def __init__(self, place: Place, id: str) -> None:  # noqa: A002 - it is what people call it
        """Made by ``Pipeline.create_job``, and ``Job.get_job_by_id``."""
        self._place = place
        self.id = id

    def __repr__(self) -> str:
        """Id, status and what it holds."""
        d = self._document
        return f"<Job {d.id} {d.status} of {d.pipeline}: {d.source}>"

    @classmethod
    def create(
        cls,
        pipeline_id: str,
        source_data: object = None,
        *,
        source_path: str | None = None,
        project: str | Path | Place | None = None,
    ) -> Job:
        """Attach data to a pipeline.

        Args:
            pipeline_id: The pipeline's name.
            source_data: A record or several, a DataFrame, an Arrow table, the path of a file, or a
                staged batch.
            source_path: Instead: a batch of the pipeline's source connector.
            project: The project's folder; found upward from the working folder when not said.
        """
        place = open_place(project)
        if (source_data is None) == (source_path is None):
            message = "A job takes either source_data or a source_path."
            raise InvalidRequestError(message, hint="give exactly one of the two.")
        if source_path is None:
            return cls(place, behind.intake.create_job(place, pipeline_id, source_data).id)
        with batch_at(place, pipeline_id, source_path) as staged:
            return cls(place, behind.intake.create_job(place, pipeline_id, staged).id)

    @classmethod
    def get_job_by_id(cls, id: str, *, project: str | Path | Place | None = None) -> Job:  # noqa: A002
        """The job of this id."""
        place = open_place(project)
        return cls(place, behind.intake.job_of(place, id).id)

    @classmethod
    def get_all_jobs(
        cls, pipeline: str | None = None, *, project: str | Path | Place | None = None
    ) -> list[Job]:
        """Jobs, the oldest first, of one pipeline or of all."""
        place = open_place(project)
        return [
            cls(place, d.id)
            for d in behind.documents.listed(place, behind.documents.JobDocument, pipeline)
        ]

    @property
    def _document(self) -> JobDocument:
        return behind.intake.job_of(self._place, self.id)

    @property
    def status(self) -> Status:
        """CREATED, or the status of its latest result."""
        return self._document.status

    @property
    def created_at(self) -> datetime:
        """When the data was attached."""
        return self._document.created_at

    @property
    def pipeline_id(self) -> str:
        """The pipeline's name."""
        return self._document.pipeline

    @property
    def records(self) -> int:
        """How many records it holds."""
        return self._document.records

    def run(self) -> Result:
        """Map the data; the first run of a pipeline generates its mapper, later ones use it."""
        return Result(self._place, behind.jobs.run_job(self._place, self.id))

    def get_results(self) -> list[Result]:
        """The results of its runs and of edits on it, the oldest first."""
        found = behind.documents.listed(
            self._place, behind.documents.ResultDocument, self._document.pipeline
        )
        return [Result(self._place, d) for d in found if d.job == self.id]

    def create_workshop(self) -> Workshop:
        """Begin to edit the pipeline's mapping on this data."""
        return Workshop(self._place, behind.sessions.open_session(self._place, self._document).id)

    def delete(self) -> None:
        """Delete the data, and what runs on it left."""
        behind.documents.remove(self._place, self._document)


class Pipeline:
    """A flow in the making: the draft in its folder of the library."""

    def __init__(self, place: Place, name: str) -> None:
        """Made by ``Pipeline.create`` and ``Pipeline.get_pipeline_by_id``."""
        self._place = place
        self.name = name

    def __repr__(self) -> str:
        """Name and what is in force."""
        version = behind.pipelines.in_force(self._place, self.name)
        return f"<Pipeline {version.address}>"

    @classmethod
    def create(
        cls,
        name: str,
        target_schema: Mapping[str, Any],
        description: str | None = None,
        *,
        source: str | Mapping[str, Any] = "landing",
        target: str | Mapping[str, Any] = "warehouse",
        project: str | Path | Place | None = None,
    ) -> Pipeline:
        """Begin a flow.

        Args:
            name: Of the pipeline, and of its flow.
            target_schema: JSON Schema of one row.
            description: What it is for.
            source: The connector batches come from, or the whole source section of a flow file.
            target: The connector rows go to, or the whole target section.
            project: The project's folder; found upward from the working folder when not said.
        """
        place = open_place(project)
        behind.pipelines.create_pipeline(
            place, name, target_schema, description, source=source, target=target
        )
        return cls(place, name)

    @classmethod
    def get_pipeline_by_id(
        cls, id_or_name: str, *, project: str | Path | Place | None = None
    ) -> Pipeline:
        """The pipeline of this name."""
        place = open_place(project)
        place.home(id_or_name)
        return cls(place, id_or_name)

    @classmethod
    def get_all_pipelines(cls, *, project: str | Path | Place | None = None) -> list[Pipeline]:
        """All flows that have a draft, in order of the alphabet."""
        place = open_place(project)
        return [cls(place, name) for name in behind.pipelines.pipelines(place)]

    @property
    def id(self) -> str:
        """The name: a flow has no other."""
        return self.name

    @property
    def description(self) -> str | None:
        """What it is for."""
        return behind.pipelines.draft(self._place, self.name).flow.description

    @property
    def source_schema(self) -> dict[str, Any] | None:
        """JSON Schema of the source, inferred from the latest job; None before there is one."""
        return behind.pipelines.source_schema(self._place, self.name)

    @property
    def status(self) -> Status:
        """CREATED until there is a mapper; DEPLOYED where a version is active; else FINISHED."""
        version = behind.pipelines.in_force(self._place, self.name)
        if version.published:
            return behind.documents.Status.DEPLOYED
        status = behind.documents.Status
        return status.FINISHED if behind.pipelines.has_mapper(version.flow) else status.CREATED

    def get_target_schema(self) -> Mapping[str, Any]:
        """The target schema of the draft."""
        return behind.pipelines.draft(self._place, self.name).flow.schema_

    def get_mapper(self) -> Mapper:
        """What jobs are mapped by: the active version, or the draft before one is published."""
        version = behind.pipelines.in_force(self._place, self.name)
        return behind.mapper.Mapper(version.flow, version.address)

    def update(
        self,
        name: str | None = None,
        description: str | None = None,
        target_schema: Mapping[str, Any] | None = None,
    ) -> Pipeline:
        """Change the draft's name (while nothing refers to it), description or target schema."""
        self.name = behind.pipelines.update_pipeline(
            self._place,
            self.name,
            new_name=name,
            description=description,
            target_schema=target_schema,
        )
        return self

    def delete(self) -> None:
        """Delete a pipeline that was never deployed, with its jobs, results and sessions."""
        behind.pipelines.delete_pipeline(self._place, self.name)

    # -- jobs and workshops -----------------------------------------------------------------------

    def create_job(self, source_data: object = None, *, source_path: str | None = None) -> Job:
        """Attach data; see ``Job.create``."""
        return Job.create(self.name, source_data, source_path=source_path, project=self._place)

    def run_pipeline(self, source_data: object = None, *, source_path: str | None = None) -> Result:
        """Attach data and map it."""
        return self.create_job(source_data, source_path=source_path).run()

    def get_jobs(self) -> list[Job]:
        """Its jobs, the oldest first."""
        return Job.get_all_jobs(self.name, project=self._place)

    def create_workshop(self) -> Workshop:
        """Begin to edit the mapping, on the data of the latest job."""
        job = behind.intake.latest_job(self._place, self.name)
        return Workshop(self._place, behind.sessions.open_session(self._place, job).id)

    def get_workshops(self) -> list[Workshop]:
        """The editing sessions on it, the oldest first."""
        return Workshop.get_workshops(self.name, project=self._place)

    # -- review -----------------------------------------------------------------------------------

    def get_review(self) -> dict[str, Decision]:
        """What is decided of each field of the draft as it stands."""
        flow = behind.pipelines.draft(self._place, self.name).flow
        kept = behind.review.read_review(self._place.home(self.name))
        standing = behind.nodes.expressions(flow.mapping, flow.target_schema)
        return {path: kept.decision(path, said) for path, said in standing.items()}

    def review(
        self, fields: str | list[str], decision: Decision | str, *, note: str = ""
    ) -> dict[str, Decision]:
        """Decide on fields of the draft; what is PROPOSED or APPROVED is kept by generations.

        Args:
            fields: Paths of target fields.
            decision: APPROVED, PROPOSED, FLAGGED, or NOT_REVIEWED to take one back.
            note: Why.
        """
        named = [fields] if isinstance(fields, str) else fields
        word = _decision(decision)
        flow = behind.pipelines.draft(self._place, self.name).flow
        behind.review.decide(
            self._place.home(self.name),
            dict.fromkeys(named, word),
            behind.nodes.expressions(flow.mapping, flow.target_schema),
            author=self._place.author,
            note=note,
        )
        return self.get_review()

    def learn(
        self, target_property_names: Sequence[str] | None = None
    ) -> dict[str, dict[str, str]]:
        """Let other pipelines use the lookup tables that people have reviewed in the draft.

        The pairs stand in ``review.yaml`` as ``learned``. A field of the same name in another
        pipeline, which allows these values, takes a code for what it was learned to mean.

        Args:
            target_property_names: Paths of target fields; all with a reviewed lookup when not said.

        Returns:
            What was learned: by field, each code and its value.

        Raises:
            InvalidRequestError: a field without a lookup table, or one that nobody has reviewed.
        """
        return behind.lookups.learn(self._place, self.name, target_property_names)


def _decision(word: Decision | str) -> Decision:
    try:
        return behind.proposal.Decision(word.upper())
    except ValueError:
        hint = f"say one of {', '.join(behind.proposal.Decision)}."
        raise InvalidRequestError(f"{word!r} is no decision.", hint=hint) from None
