"""Take a batch up again with repaired rejects: which rows are meant, and what they join.

Nothing is kept of this but in Dagster: a run that resubmits says in its tags which run's rejects
it repairs, and which run read the source whose row numbers those are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from lume_dagster.errors import InvalidRequestError, NotNowError
from lume_dagster.flows.library import Library
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import names, query
from lume_dagster.orchestration.instance import open_instance
from lume_dagster.orchestration.launch import Request, start
from lume_dagster.orchestration.newest import newest_record, staged_in
from lume_dagster.orchestration.project import Project, load_project
from lume_dagster.runs.record import RunSummary
from lume_dagster.runs.repairs import Repair, digest_of, require_repairing, store_repair


@dataclass(frozen=True, slots=True)
class _Made:
    """The newest materialization of a step, and the run that made it."""

    version: FlowVersion
    record: dg.EventLogRecord
    read: str  # the run that read the source
    repair: Repair | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants of a file of repaired rejects."""

    file: Path
    flow_version: str | None = None  # that of the run when not said
    source_path: str | None = None  # the batch, where the run took many
    run_metadata: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)  # such as who asked for it


def resubmit(project: Project, run: RunSummary, wish: Wish) -> tuple[Project, str]:
    """Start the run that takes the repaired rows in; gives the project it is of, and its id.

    Raises:
        InvalidRequestError: as ``prepare`` says.
    """
    versions = versions_of(Library(project.workspace.flows), run, wish)
    opened = load_project(project.folder, sorted({version.name for version in versions}))
    with open_instance(opened.workspace.data) as instance:
        request = request_for(opened, instance, run, wish, versions)
        return opened, names.public_id(start(opened, instance, request))


def versions_of(library: Library, run: RunSummary, wish: Wish) -> tuple[FlowVersion, FlowVersion]:
    """The version that ran, and the one that is to run now."""
    ran = library.resolve_published(str(run.flow_version))
    return ran, library.resolve_published(_address(ran, wish.flow_version))


def request_for(
    project: Project,
    instance: dg.DagsterInstance,
    run: RunSummary,
    wish: Wish,
    versions: tuple[FlowVersion, FlowVersion],
) -> Request:
    """What is to be started, in a project that is loaded with these versions.

    Raises:
        InvalidRequestError: as ``prepare`` says.
    """
    ran, chosen = versions
    batch, repair = prepare(
        project,
        instance=instance,
        run_id=run.id,
        ran=ran,
        chosen=chosen,
        file=wish.file,
        source_path=wish.source_path,
        again=wish.again,
    )
    return Request(chosen, batch, wish.run_metadata, repair=repair, tags=wish.tags)


def _address(ran: FlowVersion, wanted: str | None) -> str:
    """``active`` and ``v2`` are versions of the flow that ran."""
    if wanted is None:
        return ran.name
    return wanted if ":" in wanted.lstrip(":") else f"{ran.flow.flow}:{wanted.lstrip(':')}"


def prepare(  # noqa: PLR0913 - all but the first by name
    project: Project,
    *,
    instance: dg.DagsterInstance,
    run_id: str,
    ran: FlowVersion,
    chosen: FlowVersion,
    file: Path,
    source_path: str | None = None,
    again: bool = False,
) -> tuple[str, Repair]:
    """Look at a file of repaired rejects of a run; gives the batch and how it is taken up again.

    ``ran`` is the version of the run, ``chosen`` the one that shall run now. ``again`` lets a file
    be resubmitted that is in the target already.

    Raises:
        InvalidRequestError: it cannot join the batch, with what to do instead.
    """
    details = query.read_details(instance, run_id)
    batch, output = query.batch_of(details, source_path)
    _refuse_unfit(ran, chosen)
    versions = list({ran.name: ran, chosen.name: chosen}.values())
    sources = _made(project, instance, versions, "source", batch)
    read = _reader(instance, names.dagster_id(run_id))
    _refuse_reread(sources, ran, read, batch, run_id)
    base = max(
        (s for s in sources if s.read == read), key=lambda s: s.record.timestamp, default=None
    )
    targets = _made(project, instance, versions, "target", batch)
    held = [t for t in targets if t.read == read]
    _refuse_replaced(project, instance, versions, batch)
    digest = digest_of(file)
    if not again:
        _refuse_if_held(held, digest, file, chosen)
    outputs = [output, *_earlier_outputs(instance, run_id)]
    depot = project.workspace.depot
    if depot is not None:
        for folder in outputs:
            depot.fetch(folder)
    with project.workspace.engine() as engine:
        repairs = project.workspace.layout.repairs
        staged = staged_in(base.record.asset_materialization, depot) if base is not None else None
        store_repair(repairs, file, digest, outputs, staged, require_repairing(engine))
        if depot is not None:
            depot.put(repairs / digest)
    before = base.repair.digests if base is not None and base.repair is not None else ()
    return batch, Repair(
        run_id=run_id,
        digest=digest,
        read=read,
        base=str(staged.folder) if staged is not None else "",
        output=str(output),
        number=len(before) + 1,
        delivered=max((t.repair.number if t.repair else 0 for t in held), default=None),
        before=before,
    )


def _refuse_unfit(ran: FlowVersion, chosen: FlowVersion) -> None:
    if ran.name == chosen.name:
        return
    if ran.flow.flow != chosen.flow.flow:
        raise InvalidRequestError(
            f"The rejects are of {ran.name}, and {chosen.name} is another flow.",
            hint=f"name a version of {ran.flow.flow}.",
        )
    if _reading(ran) != _reading(chosen):
        raise InvalidRequestError(
            f"{chosen.name} reads its source otherwise than {ran.name}, so rows of one are not"
            " rows of the other.",
            hint=f"run the batch with {chosen.name} first, and repair what it rejects.",
        )
    if chosen.flow.target.write == "append":
        raise InvalidRequestError(
            f"{chosen.name} appends: under it the rows of {ran.name} would be there twice.",
            hint=f"resubmit with {ran.name}.",
        )


def _reading(version: FlowVersion) -> tuple[object, ...]:
    """What decides which row has which number."""
    source = version.flow.source
    return source.connector, source.format, source.query


def _refuse_reread(
    sources: Sequence[_Made], ran: FlowVersion, read: str, batch: str, run_id: str
) -> None:
    other = next((s for s in sources if s.version.name == ran.name and s.read != read), None)
    if other is not None:
        raise InvalidRequestError(
            f"Batch {batch} was read anew by {names.public_id(other.record.run_id)} after"
            f" {run_id}; its rows may be others now.",
            hint="repair the rejects of that run.",
        )


def _refuse_replaced(
    project: Project, instance: dg.DagsterInstance, versions: Sequence[FlowVersion], batch: str
) -> None:
    """Where every batch replaces the table, only the one that is in it can be repaired."""
    if versions[-1].flow.target.write != "replace":
        return
    found = [newest_record(instance, project.placed(v).key("target"), None) for v in versions]
    last = max((r for r in found if r is not None), key=lambda r: r.timestamp, default=None)
    held = last.partition_key if last is not None else None
    if held is not None and held != batch:
        raise InvalidRequestError(
            f"The table {versions[-1].flow.target.table} holds batch {held} now, which batch"
            f" {batch} would replace.",
            hint=f"to have {batch} in it again, run it with force_rerun.",
        )


def _refuse_if_held(held: Sequence[_Made], digest: str, file: Path, chosen: FlowVersion) -> None:
    for made in held:
        there = made.repair is not None and digest in made.repair.digests
        if there and made.version.name == chosen.name:
            raise NotNowError(
                f"The repairs in {file.name} are in the target since"
                f" {names.public_id(made.record.run_id)} or earlier.",
                hint="force_rerun=True runs them again, over later repairs of the same rows.",
                run_id=names.public_id(made.record.run_id),
            )


def _made(
    project: Project,
    instance: dg.DagsterInstance,
    versions: Sequence[FlowVersion],
    step: str,
    batch: str,
) -> list[_Made]:
    found = []
    for version in versions:
        record = newest_record(instance, project.placed(version).key(step), batch)
        if record is not None:
            run = instance.get_run_by_id(record.run_id)
            repair = Repair.load(run.tags.get(names.TAG_REPAIR)) if run else None
            read = _reader(instance, record.run_id)
            found.append(_Made(version, record, read, repair))
    return found


def _reader(instance: dg.DagsterInstance, run_id: str) -> str:
    """The run that read the source of what a run staged: itself, or the one it goes back to."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return run_id
    repair = Repair.load(run.tags.get(names.TAG_REPAIR))
    root = run.root_run_id or run.tags.get(names.ROOT_RUN_TAG) or run.run_id
    return repair.read if repair is not None else root


def _earlier_outputs(instance: dg.DagsterInstance, run_id: str) -> Iterator[Path]:
    """What the runs have left of the batch whose rejects a run resubmits, one before the other."""
    while True:
        run = instance.get_run_by_id(names.dagster_id(run_id))
        repair = Repair.load(run.tags.get(names.TAG_REPAIR)) if run else None
        if repair is None:
            return
        yield Path(repair.output)
        run_id = repair.run_id
