"""A few rows of a staged batch as a staged batch of their own, to try expressions on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lume_dagster.engines.batch import ROW, StagedBatch, StagedFile
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.session import open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.engines.transform import literal

_PART = "part-0000.parquet"


def pick_rows(
    settings: EngineSettings, staged: StagedBatch, rows: Sequence[int], into: Path
) -> StagedBatch:
    """The rows of these numbers, renumbered from 1 in their order; columns and format stay.

    Malformed records have no columns, and are not among them.
    """
    into.mkdir(parents=True, exist_ok=True)
    wanted = ", ".join(str(int(row)) for row in rows)
    columns = "".join(f', "{column.id}"' for column in staged.columns)
    query = (
        f"SELECT row_number() OVER (ORDER BY {ROW}) AS {ROW}{columns} "
        f"FROM ({staged_view_sql(staged)}) WHERE {ROW} IN ({wanted}) ORDER BY {ROW}"
    )
    if staged.format != "json":  # only the parts of these carry the number themselves
        query = f"SELECT * EXCLUDE ({ROW}) FROM ({query})"
    path = into / _PART
    with open_session(settings, read=[staged.folder], write=[into]) as session:
        session.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)")
        found = session.execute(f"SELECT count(*) FROM read_parquet({literal(str(path))})")
        (count,) = found.fetchone() or (0,)
    file = StagedFile("picked", "1", path.stat().st_size, 1, int(count), 0, {"part": _PART})
    return StagedBatch(into, staged.columns, (file,), (_PART,), staged.format)
