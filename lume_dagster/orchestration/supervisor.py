"""Watch over the process of one run, and say in the run's record when it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from types import FrameType

#: The worker has this long to end by itself before a second signal ends the supervisor's patience.
_FORWARDED = (signal.SIGTERM, signal.SIGINT)


def main(run_id: str) -> int:
    """Run the worker to its end; Dagster is imported here only when something went wrong."""
    worker = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "lume_dagster.orchestration.worker", run_id]
    )

    def forward(number: int, _frame: FrameType | None) -> None:
        worker.send_signal(number)

    for number in _FORWARDED:
        signal.signal(number, forward)
    code = worker.wait()
    if code:
        report_death(run_id, code)
    return code


def report_death(run_id: str, code: int) -> None:
    """Mark the run as failed, or as canceled when that was asked for, unless it ended properly."""
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run)
            return
        instance.report_run_failed(run, f"The process of the run {_how(code)}.")


def _how(code: int) -> str:
    """In words, how a process ended."""
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
