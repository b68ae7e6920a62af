"""What running a mapping gave: its mapper, its mappings page by page, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.client.place import open_place
from lume_dagster.mapper.workshop import documents, results
from lume_dagster.mapper.workshop.documents import ResultDocument, RowFigures, Status
from lume_dagster.mapper.workshop.pages import SIZE, Page

if TYPE_CHECKING:
    from lume_dagster.engines.comparison import RowChange
    from lume_dagster.mapper.workshop.changes import FieldChange
    from lume_dagster.mapper.workshop.documents import Proposed
    from lume_dagster.mapper.workshop.mapper import Mapper
    from lume_dagster.mapper.workshop.mapping import Mapping as RecordMapping
    from lume_dagster.mapper.workshop.place import Place


class Result:
    """The outcome of running a job, or of an edit; it never changes."""

    def __init__(self, place: Place, document: ResultDocument) -> None:
        """Made by ``Job.run``, the edits of a workshop, and ``Result.get_by_id``."""
        self._place = place
        self._document = document

    def __repr__(self) -> str:
        """Id, status and counts."""
        d = self._document
        counts = f"{d.mapped_rows:,} of {d.input_rows:,} mapped"
        return f"<Result {d.id} {d.status} of {d.version}: {counts}>"

    @classmethod
    def get_by_id(cls, id: str, *, project: str | Path | Place | None = None) -> Result:  # noqa: A002
        """The result of this id."""
        place = open_place(project)
        return cls(place, documents.load(place, ResultDocument, id))

    @classmethod
    def get_results(
        cls, pipeline: str | None = None, *, project: str | Path | Place | None = None
    ) -> list[Result]:
        """Results, the oldest first, of one pipeline or of all."""
        place = open_place(project)
        return [cls(place, d) for d in documents.listed(place, ResultDocument, pipeline)]

    @property
    def id(self) -> str:
        """``res_`` and a number."""
        return self._document.id

    @property
    def status(self) -> Status:
        """FINISHED; NEEDS_REVIEW where rows failed or a field is in doubt; or FAILED."""
        return self._document.status

    @property
    def created_at(self) -> datetime:
        """When it was run."""
        return self._document.created_at

    @property
    def pipeline_id(self) -> str:
        """The pipeline's name."""
        return self._document.pipeline

    @property
    def job_id(self) -> str:
        """Whose data was mapped."""
        return self._document.job

    @property
    def workshop_id(self) -> str | None:
        """The session it is an edit of; None for the run of a job."""
        return self._document.workshop

    @property
    def error(self) -> str | None:
        """Why it failed."""
        return self._document.error

    @property
    def counts(self) -> dict[str, int]:
        """Records: ``input``, ``mapped`` and ``rejected``."""
        d = self._document
        return {"input": d.input_rows, "mapped": d.mapped_rows, "rejected": d.rejected_rows}

    @property
    def error_counts(self) -> Mapping[str, int]:
        """Error codes, and how many records carry each."""
        return self._document.error_counts

    @property
    def mapper(self) -> Mapper:
        """What mapped the records."""
        return results.mapper_of(self._document)

    @property
    def proposals(self) -> Mapping[str, Proposed]:
        """Confidence, verdict and reasons of the fields that were generated for this result."""
        return self._document.proposals

    def get_spec(self) -> dict[str, dict[str, Any]]:
        """The mapper's spec: sources, constants and lookups of each field."""
        return self.mapper.spec

    def get_mappings(self, page: int = 1, size: int = SIZE) -> Page[RecordMapping]:
        """A page of mappings: one for each source record, in their order."""
        return results.rows_of(self._place, self._document).page(page, size)

    def get_failed(self, page: int = 1, size: int = SIZE) -> Page[RecordMapping]:
        """A page of the mappings that failed."""
        return results.rows_of(self._place, self._document).failed(page, size)

    def __iter__(self) -> Iterator[RecordMapping]:
        """Every mapping, read page by page."""
        page, more = 1, True
        while more:
            found = self.get_mappings(page, 1_000)
            yield from found
            more, page = page < found.pages, page + 1

    # -- against what is deployed -----------------------------------------------------------------

    @property
    def deployed(self) -> str | None:
        """The version it is compared with; None where nothing was deployed yet."""
        return self._document.deployed

    @property
    def changed_fields(self) -> tuple[FieldChange, ...]:
        """The fields that are made otherwise than in the deployed mapping."""
        return results.field_changes_of(self._document)

    @property
    def changed_rows(self) -> RowFigures | None:
        """How many records come out otherwise; None where there is nothing to compare with."""
        return self._document.rows

    @property
    def not_compared(self) -> str | None:
        """Why records could not be compared: the deployed mapping cannot map this data."""
        return self._document.not_compared

    def get_changes(self, page: int = 1, size: int = SIZE) -> Page[RowChange]:
        """A page of the records that come out otherwise, before and after."""
        return results.row_changes(self._place, self._document, page, size)
