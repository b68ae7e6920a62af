"""How right the mapper is, on public data that is found by an environment variable."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.figures import Result
from benchmarks.setting import Setting


def scenarios() -> dict[str, Callable[[Setting], Result]]:
    """By name, as ``make bench ARGS=mapping`` runs them."""
    return {"mapping.columns": _columns}


def _columns(setting: Setting) -> Result:
    """Imported when it runs, for it loads what only the mapper needs."""
    from benchmarks.mapping.columns import measure

    return measure(setting)
