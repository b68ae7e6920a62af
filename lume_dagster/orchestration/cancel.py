"""Stop a run, wherever it was started from."""

from __future__ import annotations

import os
import signal

import dagster as dg

from lume_dagster.errors import InvalidRequestError
from lume_dagster.orchestration import names
from lume_dagster.orchestration.processes import pid_here

_NOT_BEGUN = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED)


def cancel_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Ask a run to stop; it ends CANCELED, and what it was writing is not there.

    Raises:
        InvalidRequestError: no such run, or it has ended.
    """
    run = instance.get_run_by_id(names.dagster_id(run_id))
    if run is None:
        raise InvalidRequestError(f"There is no run {run_id}.", hint="lume runs lists them.")
    if run.is_finished:
        raise InvalidRequestError(
            f"Run {run_id} has ended; there is nothing to cancel.",
            hint=f"lume status {run_id} says how it ended.",
        )
    if run.status in _NOT_BEGUN:
        instance.report_run_canceled(run, "Canceled before it began.")
        return
    worker = run.tags.get(names.TAG_WORKER)
    pid = pid_here(run.run_id, worker) if worker else None
    if pid is None:
        # Started by Dagster itself, or on another machine, where the worker looks at its status.
        instance.run_coordinator.cancel_run(run.run_id)
        return
    if run.status is not dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceling(run)
    os.kill(pid, signal.SIGTERM)
