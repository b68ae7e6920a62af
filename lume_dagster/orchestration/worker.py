"""Execute one existing run in this process, as Dagster's own launchers do, and obey a cancel."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

from lume_dagster.collector import set_aside, without_collector
from lume_dagster.ending import ending_at_once

_LOOK_EVERY = 2.0


def main(run_id: str) -> None:
    """Execute the run whose arguments are in the environment."""
    with without_collector():
        if not _begin(run_id):
            return
    done = threading.Event()
    threading.Thread(target=_watch, args=(run_id, done), daemon=True).start()
    try:
        _execute()
    finally:
        done.set()


def _begin(run_id: str) -> bool:
    """Say whose run it is from here on; whether it is still wanted."""
    import dagster as dg

    from lume_dagster.orchestration.names import TAG_WORKER
    from lume_dagster.orchestration.processes import describe_process

    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        if run is None:
            sys.exit(f"There is no run {run_id} in {instance.root_directory}.")
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run)
            return False
        instance.add_run_tags(run_id, {TAG_WORKER: describe_process(run_id, os.getpid())})
    return True


def _execute() -> None:
    """``dagster api execute_run``, the door through which container launchers come in too."""
    from lume_dagster.orchestration import migrations

    sys.argv = ["dagster", "api", "execute_run"]
    with set_aside(), migrations.read_once():
        runpy.run_module("dagster", run_name="__main__")


def _watch(run_id: str, done: threading.Event) -> None:
    """Interrupt this process when somebody cancels the run, from the UI or another machine."""
    import dagster as dg

    if done.wait(_LOOK_EVERY):  # a short run needs no instance here
        return
    stop = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)
    with dg.DagsterInstance.get() as instance:
        while True:
            run = instance.get_run_by_id(run_id)
            if run is None or run.status in stop:
                os.kill(os.getpid(), signal.SIGINT)
                return
            if done.wait(_LOOK_EVERY):
                return


if __name__ == "__main__":
    with ending_at_once():
        main(sys.argv[1])
