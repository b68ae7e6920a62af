"""Open a DuckDB session that can reach the files of one batch, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import EngineError

if TYPE_CHECKING:
    import duckdb

#: The first two swap the sides of LEFT JOINs so that the big side is hashed: twice the time and
#: memory. The others move a filter below the columns it reads, which are then computed twice.
DISABLED_OPTIMIZERS = "join_order,build_side_probe_side,filter_pushdown,filter_pullup"

#: Computes what stands twice in a SELECT once, ahead, outside of the TRY it stands in.
CARELESS_OPTIMIZER = "common_subexpressions"

_LOCK = (
    "SET autoload_known_extensions = false",
    "SET autoinstall_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_DISK_FULL = re.compile(
    r"no space left|disk quota|file too large|max_temp_directory_size|failed to offload",
    re.IGNORECASE,
)


@contextmanager
def open_session(
    settings: EngineSettings,
    *,
    read: Sequence[Path] = (),
    write: Sequence[Path] = (),
    careful: bool = False,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked-down connection for one batch, in UTC; it costs 12 to 16 ms, so none is kept.

    Folders are opened with all that is in them, files one by one. DuckDB has no read-only paths:
    what is in ``read`` could be written too, so only SQL built by this package may run here.
    ``careful`` is for SQL in which what may fail stands twice; it takes a tenth longer.
    Running out of memory or disk inside the block becomes an EngineError.
    """
    import duckdb

    settings.scratch.mkdir(parents=True, exist_ok=True)
    # Two processes that spill into one folder overwrite each other's files.
    with TemporaryDirectory(prefix="spill-", dir=settings.scratch) as spill:
        connection = duckdb.connect(":memory:")
        try:
            _configure(connection, settings, Path(spill), [*read, *write, settings.scratch])
            connection.execute(
                "SET disabled_optimizers = $1", [disabled_optimizers(careful=careful)]
            )
            for statement in _LOCK:
                connection.execute(statement)
            with engine_errors(settings):
                yield connection
        finally:
            connection.close()


def _configure(
    connection: duckdb.DuckDBPyConnection,
    settings: EngineSettings,
    spill: Path,
    reachable: Sequence[Path],
) -> None:
    folders = [f"{path.absolute()}/" for path in reachable if path.is_dir()]
    files = [str(path.absolute()) for path in reachable if not path.is_dir()]
    connection.execute("SET memory_limit = $1", [settings.memory_limit])
    if settings.threads is not None:
        connection.execute("SET threads = $1", [settings.threads])
    connection.execute("SET temp_directory = $1", [str(spill.absolute())])
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET allowed_directories = $1", [folders])
    connection.execute("SET allowed_paths = $1", [files])


def disabled_optimizers(*, careful: bool) -> str:
    """Those of the engine that do harm."""
    return f"{DISABLED_OPTIMIZERS},{CARELESS_OPTIMIZER}" if careful else DISABLED_OPTIMIZERS


@contextmanager
def engine_errors(settings: EngineSettings) -> Iterator[None]:
    """Turn an engine that ran out of memory or disk into an EngineError that says so."""
    import duckdb

    try:
        yield
    except (duckdb.Error, OSError) as error:
        told = told_exhaustion(error, settings)
        if told is None:
            raise
        raise told from error


def told_exhaustion(error: Exception, settings: EngineSettings) -> EngineError | None:
    """The sentence for an error that means the machine ran out; None for any other error."""
    import duckdb

    if _DISK_FULL.search(str(error)):
        return EngineError(
            f"The disk of {settings.scratch} is full, or its quota used up.",
            hint="free space there, or give the engine another scratch folder.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(
            f"The engine needs more than its memory limit of {settings.memory_limit}.",
            hint="raise memory_limit, or lower threads.",
        )
    return None
