"""Find the run whose rejects a file holds: the file itself says so, or a person is asked."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.engines.stage import stage_files
from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.model import SourceFormat
from lume_dagster.mapper.sample import take_sample
from lume_dagster.orchestration.query import list_runs
from lume_dagster.runs.export import RUN_ID
from lume_dagster.runs.record import RunSummary
from lume_dagster.runs.repairs import digest_of
from lume_dagster.runs.status import Status

_FILE = "_lume_file"
_LOOKED_AT = 100  # of the newest runs
_PROPOSED = 3
_WITH_REJECTS = (Status.PARTIAL_FAILED, Status.FAILED)


def run_named_in(instance: dg.DagsterInstance, file: Path) -> str:
    """The id of the run whose rejects a file holds.

    Raises:
        InvalidRequestError: there is no such file, or it does not name one run; with those that
            it may be.
        BatchError: the file cannot be read.
    """
    digest_of(file)
    ids, sources = _told(file)
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise InvalidRequestError(
            f"{file.name} holds rejects of {len(ids)} runs: {', '.join(ids[:_PROPOSED])}"
            f"{', ...' if len(ids) > _PROPOSED else ''}.",
            hint="resubmit them in a file for each run",
        )
    raise InvalidRequestError(
        f"{file.name} does not say which run's rejects it holds: it has no {RUN_ID}.",
        hint=f"name the run with --run; {_proposed(instance, sources)}",
    )


def _told(file: Path) -> tuple[list[str], list[str]]:
    """The runs and the source files that the rows of a file name."""
    with TemporaryDirectory(prefix="lume-repairs-") as name:
        settings = EngineSettings(Path(name) / "scratch")
        given = [InputFile(file.absolute(), file.name, "")]
        staged = stage_files(settings, given, SourceFormat(), Path(name) / "staged")
        columns = {c.name for c in staged.columns} & {RUN_ID, _FILE}
        if not columns:
            return [], []
        sample = take_sample(settings, staged, only=columns)
        values = {c.path: [v for v in dict.fromkeys(c.values) if v] for c in sample.columns}
        return values.get(RUN_ID, []), values.get(_FILE, [])


def _proposed(instance: dg.DagsterInstance, sources: Collection[str]) -> str:
    """The newest runs that may have rejected the rows."""
    found = list_runs(instance, status=_WITH_REJECTS, limit=_LOOKED_AT)
    near = [run for run in found if run.source_path in sources] or found
    if not near:
        return "no run of this project has rejected any row"
    return f"it may be {' or '.join(map(_called, near[:_PROPOSED]))}"


def _called(run: RunSummary) -> str:
    batch = (run.source_path or "several batches").rsplit("/", 1)[-1]
    return f"{run.id} ({run.flow_version} on {batch})"
