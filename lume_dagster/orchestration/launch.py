"""Create a run and start it in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_shared.serdes import deserialize_value

from lume_dagster.errors import NotNowError
from lume_dagster.flows.library import Library
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import names
from lume_dagster.orchestration.instance import dagster_home, require_long_keys
from lume_dagster.orchestration.naming import BatchNames
from lume_dagster.orchestration.newest import newest_record
from lume_dagster.orchestration.partitions import add_partitions
from lume_dagster.orchestration.processes import describe_process
from lume_dagster.orchestration.project import Project, load_project
from lume_dagster.runs.repairs import Repair
from lume_dagster.runs.status import Status

_NAMESPACE = uuid.UUID("6f1c6a4e-53c8-5f0a-9d57-8f3a2c1f7d10")
_ASSET_JOB = "__ASSET_JOB"
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_ACTIVE = [s for s in dg.DagsterRunStatus if s.value not in _ENDED]


@dataclass(frozen=True, slots=True)
class Request:
    """A wish to run a version on a batch."""

    version: FlowVersion
    source_path: str
    run_metadata: Mapping[str, Any]
    force_rerun: bool = False
    repair: Repair | None = None  # of rejects, with which the batch is taken up again
    tags: Mapping[str, str] = field(default_factory=dict)  # such as who asked for it


def start(project: Project, instance: dg.DagsterInstance, request: Request) -> str:
    """Create the run and start its process; gives Dagster's id of the run at once.

    Raises:
        NotNowError: the batch is done and the run not forced, or it is running.
    """
    run_id = create(project, instance, request)
    spawn(project, instance, run_id)
    return run_id


def rebuild_definitions(folder: str, version: str) -> dg.Definitions:
    """What a run's own process loads: the project with the assets of one version."""
    return load_project(Path(folder), [version]).definitions


def log_of(project: Project, run_id: str) -> Path:
    """Where the process of a run that was started here writes what it has to say."""
    return project.workspace.data / "logs" / f"{run_id}.log"


def with_log(
    project: Project, run_id: str, told: Mapping[str, Any], where: str = ""
) -> Mapping[str, Any]:
    """The metadata of a run; of one that crashed without a hint, with the place of its log."""
    error, log = told.get("error") or {}, log_of(project, run_id)
    if error.get("code") != Status.CRASHED or error.get("hint") or not log.is_file():
        return told
    hint = f"what it said at the end stands in {log}{where}."
    return {**told, "error": {**error, "hint": hint}}


def spawn(project: Project, instance: dg.DagsterInstance, run_id: str) -> None:
    """Start the process that executes the run, and the one that watches over it."""
    run = instance.get_run_by_id(run_id)
    assert run is not None  # noqa: S101 - made by create
    home = dagster_home(project.workspace.data)
    arguments = {
        # What every launcher of Dagster hands to ``dagster api execute_run``.
        "__class__": "ExecuteRunArgs",
        "pipeline_origin": _origin(project.folder, run.tags[names.TAG_VERSION]),
        "pipeline_run_id": run_id,
        "instance_ref": None,
        "set_exit_code_on_failure": None,
    }
    log = log_of(project, names.public_id(run_id))
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        watcher = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "lume_dagster.orchestration.supervisor", run_id],
            cwd=project.folder,
            env={
                **_environment(),
                "DAGSTER_HOME": str(home),
                "DAGSTER_EXECUTE_RUN_ARGS": json.dumps(arguments),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # Somebody has to take the exit code, or a caller that lives on collects dead processes.
    threading.Thread(target=watcher.wait, daemon=True).start()
    instance.add_run_tags(run_id, {names.TAG_SUPERVISOR: describe_process(run_id, watcher.pid)})


def _environment() -> dict[str, str]:
    """The caller's environment, which must mean the same from the project's folder."""
    paths = os.environ.get("PYTHONPATH")
    if not paths:
        return dict(os.environ)
    absolute = (os.path.abspath(p) for p in paths.split(os.pathsep))  # noqa: PTH100 - "" is here
    return {**os.environ, "PYTHONPATH": os.pathsep.join(absolute)}


def create(project: Project, instance: dg.DagsterInstance, request: Request) -> str:
    """Add a run, not yet started, under an id that a second start at the same time chooses too.

    Whoever comes second finds the id taken. When the run that has it is over by then, the batch is
    looked at again: it may be done, or free to be run once more.
    """
    version = request.version
    if request.repair is None:
        known = names_of_batches(project, instance, version)
        request = replace(request, source_path=known.of(request.source_path))
    source_path = names.check_source_path(request.source_path)
    require_long_keys(instance)
    project.require_variables(version)
    partitions = names.partitions_name(project.workspace.prefix, version)
    number = _earlier_runs(instance, request)
    while True:
        _refuse_if_running(project, instance, request)
        if request.repair is None:
            _refuse_if_done(project, instance, request)
        run_id = str(uuid.uuid5(_NAMESPACE, f"{partitions}\0{source_path}\0{number}"))
        if instance.get_run_by_id(run_id) is None:
            add_partitions(instance, partitions, [source_path])
            if _add_run(project, instance, request, run_id):
                return run_id
        number += 1


def names_of_batches(
    project: Project, instance: dg.DagsterInstance, version: FlowVersion
) -> BatchNames:
    """What the batches of a version are called in a project."""
    library = Library(project.workspace.flows)
    return BatchNames(instance, project.placed(version), project.source_of(version), library)


def _add_run(project: Project, instance: dg.DagsterInstance, request: Request, run_id: str) -> bool:
    """Whether the run was added; False when another start has just added it."""
    version = request.version
    origin: Any = deserialize_value(json.dumps(_origin(project.folder, version.name)))
    keys = set(project.placed(version).keys)
    try:
        instance.create_run_for_job(
            _job(project),
            run_id=run_id,
            status=dg.DagsterRunStatus.NOT_STARTED,
            tags=_tags(request),
            asset_selection=keys,
            job_code_origin=origin,
        )
    except dg.DagsterError:  # the storage's "exists already" is not a public class
        if instance.get_run_by_id(run_id) is None:
            raise
        return False
    return True


def _origin(folder: Path, version: str) -> dict[str, Any]:
    """Where a run's process finds its job, in the form in which Dagster keeps it with the run.

    ``dg.build_reconstructable_job`` cannot say this: it takes jobs with a name of their own, and
    only a run of the job ``__ASSET_JOB`` is one of assets that the UI can run again.
    """
    pointer = {
        "__class__": "CustomPointer",
        "reconstructor_pointer": {
            "__class__": "ModuleCodePointer",
            "module": __name__,
            "fn_name": rebuild_definitions.__name__,
            "working_directory": str(folder),
        },
        "reconstructable_args": [str(folder), version],
        "reconstructable_kwargs": [],
    }
    repository = {
        "__class__": "RepositoryPythonOrigin",
        "executable_path": sys.executable,
        "code_pointer": pointer,
        "container_image": None,
        "entry_point": ["dagster"],
        "container_context": None,
    }
    return {
        "__class__": "PipelinePythonOrigin",
        "pipeline_name": _ASSET_JOB,
        "repository_origin": repository,
    }


def _tags(request: Request) -> dict[str, str]:
    return {
        names.PARTITION_TAG: request.source_path,
        **names.run_tags(request.version, request.source_path),
        **({names.TAG_METADATA: json.dumps(request.run_metadata)} if request.run_metadata else {}),
        **({names.TAG_FORCED: "true"} if request.force_rerun else {}),
        **_repair_tags(request.repair),
        **request.tags,
    }


def _repair_tags(repair: Repair | None) -> dict[str, str]:
    if repair is None:
        return {}
    return {names.TAG_RESUBMITS: repair.run_id, names.TAG_REPAIR: repair.dump()}


def _job(project: Project) -> dg.JobDefinition:
    return project.definitions.resolve_implicit_global_asset_job_def()


def _earlier_runs(instance: dg.DagsterInstance, request: Request) -> int:
    tags = {
        names.TAG_VERSION: request.version.name,
        names.TAG_SOURCE_PATH: request.source_path,
    }
    return instance.get_runs_count(dg.RunsFilter(tags=tags))


def _refuse_if_done(project: Project, instance: dg.DagsterInstance, request: Request) -> None:
    key = project.placed(request.version).key("target")
    done = newest_record(instance, key, request.source_path)
    if done is not None and not request.force_rerun:
        raise NotNowError(
            f"Batch {request.source_path} is done under {request.version.name}.",
            hint="force_rerun=True runs it again and replaces its rows in the target.",
            run_id=names.public_id(done.run_id),
        )


def _refuse_if_running(project: Project, instance: dg.DagsterInstance, request: Request) -> None:
    key = project.placed(request.version).key("target")
    partitions = names.partitions_name(project.workspace.prefix, request.version)
    for run in instance.get_runs(dg.RunsFilter(statuses=_ACTIVE)):
        if key in (run.asset_selection or {key}) and _covers(
            instance, run, partitions, request.source_path
        ):
            raise NotNowError(
                f"Batch {request.source_path} of {request.version.name} is being run by"
                f" {names.public_id(run.run_id)}.",
                hint="wait for it, or cancel it.",
                run_id=names.public_id(run.run_id),
            )


def _covers(
    instance: dg.DagsterInstance, run: dg.DagsterRun, partitions: str, source_path: str
) -> bool:
    """Whether the run takes the batch, alone or within a range of partitions."""
    alone = run.tags.get(names.PARTITION_TAG)
    if alone is not None:
        return alone == source_path
    ends = [run.tags.get(tag) for tag in names.RANGE_TAGS]
    if None in ends:
        return False
    keys = list(instance.get_dynamic_partitions(partitions))
    if not all(k in keys for k in (source_path, *ends)):
        return False
    first, last = (keys.index(str(end)) for end in ends)
    return first <= keys.index(source_path) <= last
