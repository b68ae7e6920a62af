"""What is answered: runs, flows and pages of them, as JSON that `/openapi.json` describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from fastapi import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from lume_dagster.runs.record import RunDetails, RunSummary
from lume_dagster.runs.status import Status

T = TypeVar("T")


class Health(BaseModel):
    """The server is there."""

    status: str = "ok"
    version: str


class Run(BaseModel):
    """A run as a list shows it."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    status: Status
    flow_version: str | None
    source_path: str | None = Field(description="The batch; null for a run over many.")
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    run_metadata: dict[str, Any]
    force_rerun: bool
    resubmits: str | None = Field(description="The run whose rejects were repaired for it.")
    started_by: str | None = Field(description="The name of the key it was started with.")


class RunWithFigures(Run):
    """All that is known of a run."""

    metrics: dict[str, Any] | None = Field(description="As metrics.json; null until mapped.")
    metadata: dict[str, Any] = Field(description="The run, its timings, outputs, and its error.")


class Version(BaseModel):
    """A published version."""

    name: str = Field(description="`flow:vN`, to be run.")
    published_at: AwareDatetime
    author: str
    note: str
    digest: str


class Flow(BaseModel):
    """A flow with its published versions, newest last."""

    name: str
    description: str | None
    active: str = Field(description="The version that the flow's name alone stands for.")
    versions: list[Version]


class FlowWithSchema(Flow):
    """The same with what its rows become."""

    schema_: dict[str, Any] = Field(
        alias="schema", description="The target schema of the active version, a JSON Schema."
    )


class Upload(BaseModel):
    """A file that is kept."""

    source_path: str = Field(description="`upload:...`, a batch, or one of `input_files`.")
    name: str
    bytes: int


class Page(BaseModel, Generic[T]):
    """Some of many."""

    items: list[T]
    total: int
    page: int
    size: int
    pages: int


class Problem(BaseModel):
    """What is wrong, where, and what to do (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None
    error: str = Field(description="The class of the error in lume_dagster.errors.")
    run_id: str | None = Field(None, description="The run that is in the way.")
    instance: str | None = Field(None, description="Under which the server's log says more.")


def run_answer(summary: RunSummary) -> Run:
    """A run as a list shows it."""
    return Run.model_validate(summary)


def details_answer(details: RunDetails, metadata: Mapping[str, Any]) -> RunWithFigures:
    """A run with its figures."""
    metrics = details.metrics
    return RunWithFigures(
        **run_answer(details.summary).model_dump(),
        metrics=None if metrics is None else metrics.to_dict(),
        metadata=dict(metadata),
    )


def page_answer(items: Sequence[T], total: int, page: int, size: int) -> Page[T]:
    """A page in its envelope."""
    return Page(items=list(items), total=total, page=page, size=size, pages=-(-total // size))


def json_answer(
    value: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A value as JSON."""
    body = value.model_dump_json(by_alias=True)
    return Response(body, status, headers=dict(headers or {}), media_type="application/json")
