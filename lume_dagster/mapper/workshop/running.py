"""Run a flow on a job's data: once for each flow, for the same flow gives the same rows."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import lume_dagster
from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.errors import FlowError
from lume_dagster.flows.diff import flow_digest
from lume_dagster.flows.flow_file import said
from lume_dagster.flows.lock_file import exclusively
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.flows.seeds import seed_digests
from lume_dagster.flows.shape import shape_problems
from lume_dagster.mapper.workshop.documents import JobDocument, folder_of
from lume_dagster.mapper.workshop.intake import batch_of
from lume_dagster.mapper.workshop.place import Place

_FIGURES = "figures.json"
_RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run left: a folder with ``mapped/`` and ``rejects/``, and its figures."""

    name: str
    input_rows: int
    mapped_rows: int
    rejected_rows: int
    error_counts: Mapping[str, int]


def changed_flow(flow: Flow, /, **sections: Any) -> Flow:
    """The flow with other sections, by the names its file has for them.

    Raises:
        FlowError: they do not fit, in themselves or to the rest; every problem.
    """
    value = said(flow) | sections
    try:
        return Flow.model_validate(value)
    except ValidationError as error:
        raise FlowError.of(shape_problems(error, Flow, value)) from None


def as_version(place: Place, flow: Flow, number: int) -> FlowVersion:
    """The flow as if it were the draft in its folder."""
    home = place.flows / flow.flow
    digest = flow_digest(flow, seed_digests(flow, home, place.flows))
    return FlowVersion(
        flow=flow, version=number, digest=digest, folder=str(home.absolute()), published=False
    )


def run_on_job(place: Place, version: FlowVersion, job: JobDocument) -> Ran:
    """Map all of the job's data, or find that it was done before.

    Raises:
        PlanError, FlowError: the mapping cannot be carried out on these columns.
    """
    folder = folder_of(place, job)
    key = f"{lume_dagster.__version__} {version.digest}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    with exclusively(folder):
        into = folder / _RUNS / name
        if not (into / _FIGURES).is_file():
            shutil.rmtree(into, ignore_errors=True)
            _run(place, version, batch_of(place, job), into)
        figures = json.loads((into / _FIGURES).read_text("utf-8"))
    return Ran(name=name, **figures)


def run_folder(place: Place, job: JobDocument, name: str) -> Path:
    """Where a run on the job's data left its rows."""
    return folder_of(place, job) / _RUNS / name


def _run(place: Place, version: FlowVersion, staged: StagedBatch, into: Path) -> None:
    with DuckDBEngine(place.settings) as engine:
        plan = engine.compile(version, staged)
        done = engine.transform(version, plan, staged, into)
    ran = Ran("", done.input_rows, done.mapped_rows, done.rejected_rows, dict(done.error_counts))
    figures = asdict(ran)
    del figures["name"]
    (into / _FIGURES).write_text(json.dumps(figures), "utf-8")
