"""Take a step for many batches at once where that can be done, ahead of taking it for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lume_dagster.connectors.protocol import ManyTarget, StoreSource
from lume_dagster.errors import LumeError, TransientError
from lume_dagster.orchestration.newest import mapped_in, newest_of_many, staged_in
from lume_dagster.orchestration.scope import Progress, RunScope
from lume_dagster.orchestration.steps import count
from lume_dagster.runs import many
from lume_dagster.runs.verdict import refuse

_SHARED_AT_ONCE = 4  # folders; the files of each go up several at a time too


def prepare(scope: RunScope, under_way: Sequence[Progress], steps: Sequence[str]) -> None:
    """Do for many batches what touches no other system's data: all but the last of the steps.

    What the steps before them came to is looked up for all batches at once.
    """
    _FOUND.get(steps[0], _nothing)(scope, under_way)
    for step in steps:
        if step != "target":
            take_together(scope, under_way, step)


def take_together(scope: RunScope, under_way: Sequence[Progress], step: str) -> None:
    """Note in the progress of batches what was made of them together.

    A batch of which nothing is noted goes alone, and so do all batches of a group that failed: then
    the one that is at fault says so, and the others get through.
    """
    _TOGETHER[step](scope, [progress for progress in under_way if step not in progress.tried])


def _sources(scope: RunScope, under_way: Sequence[Progress]) -> None:
    if not isinstance(scope.engine, many.ManyEngine) or not isinstance(scope.source, StoreSource):
        return
    by_path = {progress.batch.source_path: progress for progress in under_way}
    for progress in under_way:
        progress.tried.add("source")
    for group in many.listed_together(scope.source, [p.batch for p in under_way]):
        with _as_one(scope, [by_path[batch.source_path] for batch, _ in group], "source"):
            staged = many.sync_sources(scope.source, group, scope.engine)
            for source_path, batch in staged.items():
                by_path[source_path].staged = batch
            _show_once(scope, [by_path[path] for path in staged], "source", _staged_columns)
    _share(scope, {p.batch.staging: p for p in under_way if p.staged is not None})


def _transforms(scope: RunScope, under_way: Sequence[Progress]) -> None:
    if not isinstance(scope.engine, many.ManyEngine):
        return
    by_path = {progress.batch.source_path: progress for progress in under_way}
    staged = [(p.batch, p.staged) for p in under_way if p.staged is not None]
    for group in many.staged_together(staged):
        progress = [by_path[batch.source_path] for batch, _ in group]
        with _as_one(scope, progress, "transform"):
            outcomes = many.transform(group, scope.engine)
            for each, outcome in zip(progress, outcomes, strict=True):
                each.outcome = outcome
            most = scope.version.flow.errors.max_error_rate
            passed = [p for p in progress if p.outcome and refuse(p.outcome, most) is None]
            _show_once(scope, passed, "transform", _same)
    _share(scope, {p.batch.output: p for p in under_way if p.outcome is not None})


def _targets(scope: RunScope, under_way: Sequence[Progress]) -> None:
    target = scope.target
    if not isinstance(target, ManyTarget):
        return
    by_path = {progress.batch.source_path: progress for progress in under_way}
    mapped = [(p.batch, p.mapped) for p in under_way if p.mapped is not None]
    for group in many.mapped_together(mapped):
        progress = [by_path[batch.source_path] for batch, _ in group]
        with _as_one(scope, progress, "target"):
            first = not scope.delivered
            receipts = scope.retrying(partial(many.sync_targets, target, group, check=first))
            for each, receipt in zip(progress, receipts, strict=True):
                each.receipt = receipt
                scope.delivered.add(each.batch.source_path)
            held = count(scope, [each.batch for each in progress])
            for each in progress:
                each.held = held.get(each.batch.source_path)
            _show_once(scope, progress, "target", _same)


def _share(scope: RunScope, folders: Mapping[Path, Progress]) -> None:
    """Put many folders into the store at once, where there is one."""
    if scope.workspace.depot is None:
        return
    with ThreadPoolExecutor(_SHARED_AT_ONCE, thread_name_prefix="share") as pool:
        asked = {folder: pool.submit(scope.share, folder) for folder in folders}
    for folder, done in asked.items():
        if isinstance(done.exception(), LumeError):
            continue  # shared alone, it is tried again, and says what is wrong
        done.result()
        folders[folder].shared.add(folder)


def _show_once(
    scope: RunScope, group: Sequence[Progress], step: str, columns: Callable[[Progress], object]
) -> None:
    """Of batches with the same columns let the last say which; people see the last one first.

    Where a check may refuse that one, each says its own.
    """
    if scope.checks.may_refuse(step):
        return
    last = {columns(progress): progress.batch.source_path for progress in group}
    for progress in group:
        shown = last[columns(progress)]
        if shown != progress.batch.source_path:
            progress.like[step] = shown


def _staged_columns(progress: Progress) -> object:
    return progress.staged.columns if progress.staged else None


def _same(_: Progress) -> object:
    return None


def _find_staged(scope: RunScope, under_way: Sequence[Progress]) -> None:
    found = newest_of_many(scope.instance, scope.key("source"), _paths(under_way))
    depot = scope.workspace.depot
    for progress in under_way:
        progress.staged = staged_in(found.get(progress.batch.source_path), depot)


def _find_mapped(scope: RunScope, under_way: Sequence[Progress]) -> None:
    found = newest_of_many(scope.instance, scope.key("transform"), _paths(under_way))
    depot = scope.workspace.depot
    for progress in under_way:
        made = found.get(progress.batch.source_path)
        progress.mapped = mapped_in(made, progress.batch.version.flow, depot)


def _nothing(scope: RunScope, under_way: Sequence[Progress]) -> None:
    """Nothing comes before the first step."""


def _paths(under_way: Sequence[Progress]) -> list[str]:
    return [progress.batch.source_path for progress in under_way]


#: By the first step of a run, how to find what was made of its batches before.
_FOUND: Mapping[str, Callable[[RunScope, Sequence[Progress]], None]] = {
    "transform": _find_staged,
    "target": _find_mapped,
}

_TOGETHER: Mapping[str, Callable[[RunScope, Sequence[Progress]], None]] = {
    "source": _sources,
    "transform": _transforms,
    "target": _targets,
}


@contextmanager
def _as_one(scope: RunScope, group: Sequence[Progress], step: str) -> Iterator[None]:
    """Share the time among the batches of a group; say why a group is taken apart."""
    started = time.monotonic()
    for progress in group:
        progress.tried.add(step)
    try:
        yield
    except TransientError as error:  # it was tried again, and would be for each batch
        for progress in group:
            progress.failed = error
    except LumeError as error:
        told = "%d batches are taken one by one: %s"
        scope.log.warning(told, len(group), error.message)
    except Exception:
        scope.log.exception("%d batches are taken one by one.", len(group))
    else:
        for progress in group:
            progress.seconds[step] = (time.monotonic() - started) / len(group)
