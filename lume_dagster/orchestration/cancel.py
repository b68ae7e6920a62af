"""Stop a run, wherever it was started from."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import dagster as dg

from lume_dagster.connectors.patience import attempts
from lume_dagster.errors import NotFoundError, NotNowError
from lume_dagster.orchestration import names
from lume_dagster.orchestration.processes import pid_here

_NOT_BEGUN = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED)
_BEFORE = "Canceled before it began."
_AT_ONCE = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one only, which is that
_GONE_WITHIN = 10.0


def cancel_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Ask a run to stop; it ends CANCELED, and what it was writing is not there.

    Raises:
        NotFoundError: no such run.
        NotNowError: it has ended.
    """
    run = instance.get_run_by_id(names.dagster_id(run_id))
    if run is None:
        raise NotFoundError(f"There is no run {run_id}.", hint="lume runs lists them.")
    if run.is_finished:
        raise NotNowError(
            f"Run {run_id} has ended; there is nothing to cancel.",
            hint=f"lume status {run_id} says how it ended.",
            run_id=names.public_id(run.run_id),
        )
    pid = _worker_of(run)
    if run.status in _NOT_BEGUN:
        if pid is None:
            instance.report_run_canceled(run, _BEFORE)
            pid = _worker_of(instance.get_run_by_id(run.run_id))  # it may have come in between
        if pid is not None:
            _never_begin(instance, run, pid)
    elif pid is not None:
        if run.status is not dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceling(run)
        _signal(pid, signal.SIGTERM)
    else:
        # Started by Dagster itself, or on another machine, where the worker looks at its status.
        instance.run_coordinator.cancel_run(run.run_id)


def _worker_of(run: dg.DagsterRun | None) -> int | None:
    """The process that executes the run, or is about to, when it is one of this machine."""
    worker = run.tags.get(names.TAG_WORKER) if run else None
    return pid_here(run.run_id, worker) if run and worker else None


def _never_begin(instance: dg.DagsterInstance, run: dg.DagsterRun, pid: int) -> None:
    """End a process that only loads the project.

    It may have looked already whether the run is canceled; and were it only interrupted, the run
    would begin, which takes back that it is being canceled, and be said to have crashed.
    """
    if not _looked_at(instance, run).is_finished:
        instance.report_run_canceling(run)
    _signal(pid, _AT_ONCE)
    for _ in attempts(_GONE_WITHIN):
        if not _worker_of(_looked_at(instance, run)):
            break
    if not _looked_at(instance, run).is_finished:
        instance.report_run_canceled(run, _BEFORE)


def _looked_at(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    return instance.get_run_by_id(run.run_id) or run


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, number)
