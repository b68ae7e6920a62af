"""Read Dagster's migrations once, not again for each database file that it makes or opens.

A run has a file of its own. For each, Dagster asks alembic for the newest migration, and alembic
imports all of them, some ninety files: a tenth of the time of a small run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_DAGSTERS = "dagster:"
_read: dict[str, Any] = {}  # the migrations by where they lie; those of a package stay as they are


@contextmanager
def read_once() -> Iterator[None]:
    """As long as the block lasts, alembic remembers Dagster's migrations; others it reads anew."""
    from alembic import script  # Dagster's own dependency

    directory: Any = script.ScriptDirectory
    theirs = vars(directory)["from_config"]
    if isinstance(theirs, _Remembering):
        yield
        return
    directory.from_config = _Remembering(directory.from_config)
    try:
        yield
    finally:
        directory.from_config = theirs


class _Remembering:
    """``ScriptDirectory.from_config``, with a memory."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._anew = read

    def __call__(self, config: Any) -> Any:
        where = config.get_main_option("script_location") or ""
        if not where.startswith(_DAGSTERS):
            return self._anew(config)
        if where not in _read:
            _read[where] = self._anew(config)
        return _read[where]
