"""Take a step for many batches at once where that can be done, ahead of taking it for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import dagster as dg

from lume_dagster.connectors.protocol import ManyTarget, StoreSource
from lume_dagster.errors import LumeError, TransientError
from lume_dagster.orchestration.newest import mapped_in, newest_of_many, staged_in
from lume_dagster.orchestration.steps import Progress, RunScope
from lume_dagster.runs import many


def take_together(scope: RunScope, under_way: Sequence[Progress], step: str) -> None:
    """Note in the progress of batches what was made of them together.

    A batch of which nothing is noted goes alone, and so do all batches of a group that failed: then
    the one that is at fault says so, and the others get through.
    """
    _TOGETHER[step](scope, under_way)


def _sources(scope: RunScope, under_way: Sequence[Progress]) -> None:
    if not isinstance(scope.engine, many.ManyEngine) or not isinstance(scope.source, StoreSource):
        return
    by_path = {progress.batch.source_path: progress for progress in under_way}
    for group in many.listed_together(scope.source, [p.batch for p in under_way]):
        with _as_one(scope, [by_path[batch.source_path] for batch, _ in group], "source"):
            staged = many.sync_sources(scope.source, group, scope.engine)
            for source_path, batch in staged.items():
                by_path[source_path].staged = batch


def _transforms(scope: RunScope, under_way: Sequence[Progress]) -> None:
    if not isinstance(scope.engine, many.ManyEngine):
        return
    by_path = {progress.batch.source_path: progress for progress in under_way}
    unknown = [path for path, progress in by_path.items() if progress.staged is None]
    for source_path, made in _found(scope, "source", unknown).items():
        by_path[source_path].staged = staged_in(made)
    staged = [(p.batch, p.staged) for p in under_way if p.staged is not None]
    for group in many.staged_together(staged):
        progress = [by_path[batch.source_path] for batch, _ in group]
        with _as_one(scope, progress, "transform"):
            outcomes = many.transform(group, scope.engine)
            for each, outcome in zip(progress, outcomes, strict=True):
                each.outcome = outcome


def _targets(scope: RunScope, under_way: Sequence[Progress]) -> None:
    target = scope.target
    if not isinstance(target, ManyTarget):
        return
    by_path = {progress.batch.source_path: progress for progress in under_way}
    unknown = [path for path, progress in by_path.items() if progress.mapped is None]
    for source_path, made in _found(scope, "transform", unknown).items():
        by_path[source_path].mapped = mapped_in(made)
    mapped = [(p.batch, p.mapped) for p in under_way if p.mapped is not None]
    for group in many.mapped_together(mapped):
        progress = [by_path[batch.source_path] for batch, _ in group]
        with _as_one(scope, progress, "target"):
            first = not scope.delivered
            receipts = scope.retrying(partial(many.sync_targets, target, group, check=first))
            for each, receipt in zip(progress, receipts, strict=True):
                each.receipt = receipt
                scope.delivered.add(each.batch.source_path)


def _found(
    scope: RunScope, step: str, source_paths: Sequence[str]
) -> Mapping[str, dg.AssetMaterialization]:
    """What an earlier run made of the batches; nothing is asked when this run made it of all."""
    if not source_paths:
        return {}
    return newest_of_many(scope.instance, scope.key(step), source_paths)


_TOGETHER: Mapping[str, Callable[[RunScope, Sequence[Progress]], None]] = {
    "source": _sources,
    "transform": _transforms,
    "target": _targets,
}


@contextmanager
def _as_one(scope: RunScope, group: Sequence[Progress], step: str) -> Iterator[None]:
    """Share the time among the batches of a group; say why a group is taken apart."""
    started = time.monotonic()
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
