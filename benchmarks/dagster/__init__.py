"""What an operator of a thousand flows waits for: the code location, sensors, backfills, webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from benchmarks.figures import Result
from benchmarks.setting import Setting

#: In the order of the report. They are imported when they are run, as some are programs too.
_PARTS = ("registry", "sensor", "backfill", "small_files", "webhooks")


def scenarios() -> Mapping[str, Callable[[Setting], Result]]:
    """By name."""
    return {f"dagster.{part}": _measure(part) for part in _PARTS}


def _measure(part: str) -> Callable[[Setting], Result]:
    def measure(setting: Setting) -> Result:
        result: Result = import_module(f"benchmarks.dagster.{part}").measure(setting)
        return result

    return measure
