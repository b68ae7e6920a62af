"""What a server answers, as the values that a project on this machine gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from lume_dagster.client.refusals import not_understood
from lume_dagster.runs.metrics import Metrics
from lume_dagster.runs.record import RunDetails, RunSummary
from lume_dagster.runs.status import Status

T = TypeVar("T")
Json = Mapping[str, Any]


def understood(url: str, read: Callable[[Any], T], value: object) -> T:
    """What ``read`` makes of an answer.

    Raises:
        ConnectorError: it is not what was asked for.
    """
    try:
        return read(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise not_understood(url, f"{type(error).__name__}: {str(error)[:200]}") from error


def read_summary(value: Json) -> RunSummary:
    """A run as a list shows it."""
    return RunSummary(
        id=str(value["id"]),
        status=Status(value["status"]),
        flow_version=value["flow_version"],
        source_path=value["source_path"],
        created_at=datetime.fromisoformat(value["created_at"]),
        started_at=_time(value["started_at"]),
        finished_at=_time(value["finished_at"]),
        run_metadata=dict(value["run_metadata"]),
        force_rerun=bool(value["force_rerun"]),
        resubmits=value.get("resubmits"),
        started_by=value.get("started_by"),
    )


def read_details(value: Json) -> RunDetails:
    """A run with its figures; the folders of its output are on the server."""
    metrics = value["metrics"]
    return RunDetails(
        summary=read_summary(value),
        metrics=None if metrics is None else Metrics.from_dict(metrics),
        metadata=dict(value["metadata"]),
        output=(),
        batches={},
    )


def read_page(value: Json) -> tuple[Sequence[RunSummary], int]:
    """The runs of a page, and how many pages there are."""
    return [read_summary(item) for item in value["items"]], int(value["pages"])


def read_batch(value: Json) -> str:
    """The name of the batch that a file became."""
    return str(value["source_path"])


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
