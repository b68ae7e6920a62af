"""How right the mapper is: on public data that an environment variable names, and on our own."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.figures import Result
from benchmarks.setting import Setting


def scenarios() -> dict[str, Callable[[Setting], Result]]:
    """By name, as ``make bench ARGS=mapping`` runs them; imported when they run."""
    return {
        "mapping.speed": _speed,  # first, for a process is born with the peak memory of this one
        "mapping.columns": _columns,
        "mapping.conversions": _conversions,
        "mapping.drafts": _drafts,
        "mapping.synthesis": _synthesis,
    }


def _columns(setting: Setting) -> Result:
    from benchmarks.mapping.columns import measure

    return measure(setting)


def _conversions(setting: Setting) -> Result:
    from benchmarks.mapping.values import measure_conversions

    return measure_conversions(setting)


def _drafts(setting: Setting) -> Result:
    from benchmarks.mapping.drafts import measure_drafts

    return measure_drafts(setting)


def _synthesis(setting: Setting) -> Result:
    from benchmarks.mapping.values import measure_synthesis

    return measure_synthesis(setting)


def _speed(setting: Setting) -> Result:
    from benchmarks.mapping.speed import measure

    return measure(setting)
