"""An error of the engine that nobody foresaw: say which field or rule of the flow it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lume_dagster.errors import EngineError

if TYPE_CHECKING:
    import duckdb

    from lume_dagster.plan.error_origins import Origin, Origins


@contextmanager
def told_errors(
    con: duckdb.DuckDBPyConnection, version: str, origins: Callable[[], Origins]
) -> Iterator[None]:
    """Within the block, a plan runs on ``staged``; ``origins`` is asked for only when that fails.

    Raises:
        EngineError: with the flow, the field or rule, and the engine's own words.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException):
            raise
        where = _origin(con, origins())
        raise EngineError(
            f"The engine could not run {version}{where and f', {where}'}: {first_line(error)}",
            hint=f"guard {where or 'the expression that caused it'} with CASE or TRY_CAST.",
        ) from error


def first_line(error: Exception) -> str:
    """What an error says, without the query it quotes."""
    return str(error).split("\n", 1)[0]


def _origin(con: duckdb.DuckDBPyConnection, origins: Origins) -> str:
    """The first part of the flow that fails on its own, by halves; empty where none does."""
    import duckdb

    def fails(parts: Sequence[Origin]) -> bool:
        try:
            con.execute(origins.query(parts)).fetchall()
        except (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.InterruptException):
            raise
        except duckdb.Error:
            return True
        return False

    parts = origins.parts
    try:
        if not parts or not fails(parts):
            return ""
        while len(parts) > 1:
            half = parts[: len(parts) // 2]
            parts = half if fails(half) else parts[len(half) :]
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        return ""  # the error that is told is the one there was before
    return parts[0].where
