"""The rejects of a batch for people: to look at, and to repair in a file shaped like the source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlglot import exp

from lume_dagster.errors import InvalidRequestError
from lume_dagster.runs.export import RUN_ID, columns_of_originals, copy_query, open_source

_FORMS = {".csv": True, ".jsonl": False, ".json": False}
_TOLD = ("_lume_row", "_lume_file", "_lume_file_row", "original", "errors")

#: One line with every reason, such as ``amount 'x' is not a number [INVALID_NUMBER]; ...``.
_REASONS = (
    "array_to_string(list_transform(errors, lambda e: coalesce(e.field"
    " || coalesce(' ''' || e.value || '''', '') || ' ', '') || e.message || ' [' || e.code || ']'),"
    " '; ')"
)
_WANTED = (
    "len(list_filter(errors, lambda e: ($code IS NULL OR e.code = $code)"
    " AND ($field IS NULL OR e.field = $field))) > 0"
)


def read_rejects(
    files: Sequence[Path], *, code: str | None = None, field: str | None = None, limit: int
) -> list[dict[str, Any]]:
    """The first rejects, those with an error of this code in this field where they are said."""
    if not files:
        return []
    with open_source(files) as connection:
        rows = connection.execute(
            f"SELECT {', '.join(_TOLD)} FROM source WHERE {_WANTED}"
            " ORDER BY _lume_file, _lume_row LIMIT $limit",
            {"code": code, "field": field, "limit": limit},
        ).fetchall()
    told = [dict(zip(_TOLD, row, strict=True)) for row in rows]
    return [{**reject, "original": json.loads(reject["original"])} for reject in told]


def save_rejects(
    files: Sequence[Path],
    to: Path,
    *,
    run_id: str,
    code: str | None = None,
    field: str | None = None,
) -> Path:
    """Write rejects as CSV or JSON Lines, by the ending of the file's name.

    The source's own columns come first, then the row's number, the reasons, and the run.

    Raises:
        InvalidRequestError: another ending, or a folder that is not there.
    """
    require_file_of_rejects(to)
    as_text = _FORMS[to.suffix.lower()]
    with open_source(files) as connection:
        connection.execute("CREATE TEMP TABLE wanted(code VARCHAR, field VARCHAR)")
        connection.execute("INSERT INTO wanted VALUES ($1, $2)", [code, field])
        condition = _WANTED.replace("$", "wanted.")
        connection.execute(
            f"CREATE TEMP VIEW chosen AS SELECT source.*, {_REASONS} AS _lume_reasons"
            f" FROM source, wanted WHERE {condition} ORDER BY _lume_row"
        )
        originals = columns_of_originals(connection, "chosen", as_text=as_text)
        ours = [exp.column(name, quoted=True) for name in ("_lume_row", "_lume_reasons")]
        run = exp.alias_(exp.Literal.string(run_id), RUN_ID, quoted=True)
        query = exp.select(*originals.columns, *ours, run).from_(originals.source)
        copy_query(
            connection, query, to, ("FORMAT CSV", "HEADER TRUE") if as_text else ("FORMAT JSON",)
        )
    return to


def require_file_of_rejects(to: Path) -> None:
    """Look whether rejects can be saved there.

    Raises:
        InvalidRequestError: another ending, or a folder that is not there.
    """
    if to.suffix.lower() not in _FORMS:
        raise InvalidRequestError(
            f"Rejects cannot be saved as {to.suffix or to.name!r}.",
            hint="name a file that ends in .csv or .jsonl.",
        )
    if not to.absolute().parent.is_dir():
        raise InvalidRequestError(f"There is no folder {to.absolute().parent}.", hint="make it.")
