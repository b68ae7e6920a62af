"""Put rows that a person repaired in place of those that were staged, each known by its number.

A file of repairs is a download of rejects that was edited: the source's columns, or ``original``
with them inside, and ``_lume_row``. A cell that still reads as it was shown keeps the value that
was staged, whatever its type; only what was edited is converted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.engines.batch import ROW, StagedBatch, StagedColumn
from lume_dagster.engines.parquet_options import output_parquet
from lume_dagster.engines.readers.staged_view import rows_path, staged_view_sql
from lume_dagster.engines.session import open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.engines.stage import fresh_folder, publish, unfinished_of
from lume_dagster.engines.transform import literal
from lume_dagster.errors import BatchError, InvalidRequestError, did_you_mean

if TYPE_CHECKING:
    import duckdb

ROUND = "_lume_round"
#: Columns of a download that are there to be read by people.
_OURS, _REASONS, _ORIGINAL = "_lume_", "errors", "original"
_NESTED = ("STRUCT", "MAP", "UNION")
_SHOWN = 5


def examine_repairs(
    settings: EngineSettings,
    given: StagedBatch,
    rejects: Sequence[Path],
    base: StagedBatch | None = None,
) -> tuple[int, ...]:
    """The numbers of the rows in a file of repairs, all of them among the rejects.

    Raises:
        InvalidRequestError: a row without a number, twice, or one that was not rejected.
        BatchError: a column that the batch, where it is still staged, does not have.
    """
    name = given.files[0].uri if given.files else "The file"
    if given.malformed:
        raise InvalidRequestError(
            f"{name}: {given.malformed} of its records could not be split into columns; the first"
            f" is {_first_malformed(settings, given)}.",
            hint="quote a value with a comma in it, and keep the columns it was downloaded with.",
        )
    number = _number(given)
    if base is not None:
        _cells(base, given)
    with open_session(settings, read=[given.folder, *rejects]) as con:
        con.execute(
            f"CREATE TEMP TABLE given AS SELECT {number} AS r, {ROW} AS place"
            f" FROM ({staged_view_sql(given)})"
        )
        files = ", ".join(literal(str(path)) for path in rejects)
        faults: Mapping[str, str] = {
            "have no number in _lume_row, counted below the header": "SELECT place FROM given"
            " WHERE r IS NULL ORDER BY place",
            "are there twice": "SELECT r FROM given GROUP BY r HAVING count(*) > 1 ORDER BY r",
            "were not rejected by the run": f"SELECT r FROM given ANTI JOIN read_parquet([{files}])"
            f" AS x ON r = x.{ROW} ORDER BY r",
        }
        for fault, query in faults.items():
            rows = con.execute(query).fetchall()
            if rows:
                _refuse(name, fault, [row[0] for row in rows])
        return tuple(row[0] for row in con.execute("SELECT r FROM given ORDER BY r").fetchall())


def _first_malformed(settings: EngineSettings, given: StagedBatch) -> str:
    with open_session(settings, read=[given.folder]) as con:
        path = literal(str(given.malformed_path))
        found = con.execute(f"SELECT {ROW}, message FROM read_parquet({path}) ORDER BY 1 LIMIT 1")
        row, message = found.fetchone() or (0, "")
    return f"row {row} below the header: {message}"


def apply_repairs(
    settings: EngineSettings, base: StagedBatch, given: StagedBatch, number: int, into: Path
) -> StagedBatch:
    """The batch with repaired rows in place of its own, in the folder ``into``.

    What was staged is linked, not copied. ``number`` counts the repairs of the batch.

    Raises:
        BatchError: a column the batch does not have, or a value its column cannot hold.
    """
    cells = _cells(base, given)
    work = unfinished_of(into)
    with fresh_folder(work):
        with open_session(settings, read=[base.folder, given.folder], write=[work]) as con:
            _edit(con, base, given, cells)
            _refuse_bad(con, cells)
            _write(con, base, number, work)
            left = _malformed_left(con, base, work)
        for path in (*base.part_paths, *map(rows_path, base.part_paths), base.places_path):
            if path.exists():
                _link(path, work / path.name)
        files = tuple(
            replace(f, malformed=sum(f.first_row <= r < f.first_row + f.records for r in left))
            for f in base.files
        )
        return publish(replace(base, folder=work, files=files), into)


def keep_rows(
    settings: EngineSettings, mapped: Sequence[Path], staged: StagedBatch, number: int, into: Path
) -> Path:
    """Of mapped rows those that repairs after the given one have written, in a file."""
    into.parent.mkdir(parents=True, exist_ok=True)
    files = ", ".join(literal(str(path)) for path in mapped)
    folders = {path.parent for path in mapped}
    with open_session(settings, read=[staged.folder, *folders], write=[into.parent]) as con:
        con.execute(
            f"COPY (SELECT m.* FROM read_parquet([{files}]) AS m SEMI JOIN (SELECT {ROW} FROM"
            f" read_parquet({literal(str(staged.repaired_path))}) WHERE {ROUND} > {int(number)})"
            f" AS n USING ({ROW})) TO {literal(str(into))} ({output_parquet(len(staged.columns))})"
        )
    return into


def differing_row(
    settings: EngineSettings, staged: StagedBatch, rejects: Sequence[Path]
) -> int | None:
    """The first reject that does not say what its row in the batch says; None where all do."""
    parts = ", ".join(f"{literal(c.name)}, {_raw(c)}" for c in staged.columns)
    said = f"CAST(json_object({parts}) AS VARCHAR) AS said"
    texts = f"SELECT {ROW}, {said} FROM ({staged_view_sql(staged)})"
    if staged.malformed:
        path = literal(str(staged.malformed_path))
        texts += (
            f" UNION ALL SELECT {ROW}, CAST(json_object('_lume_line', text) AS VARCHAR)"
            f" FROM read_parquet({path})"
        )
    files = ", ".join(literal(str(path)) for path in rejects)
    with open_session(settings, read=[staged.folder, *rejects]) as con:
        found = con.execute(
            f"SELECT min(x.{ROW}) FROM ({texts}) AS s RIGHT JOIN read_parquet([{files}]) AS x"
            f" ON s.{ROW} = x.{ROW} WHERE s.said IS DISTINCT FROM x.original"
        ).fetchone()
    return found[0] if found else None


# -- what the file says -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cell:
    """How a column of the batch is read from a file of repairs."""

    column: StagedColumn
    text: str  # what a person reads there
    same: str  # whether that is what was shown
    value: str  # what it becomes where it is not

    @property
    def bad(self) -> str:
        """Whether it becomes nothing although something is there."""
        return f"NOT ({self.same}) AND ({self.value}) IS NULL AND coalesce({self.text}, '') <> ''"


def _cells(base: StagedBatch, given: StagedBatch) -> list[_Cell]:
    known = {column.name: column for column in base.columns}
    said = {column.name: column for column in given.columns}
    if _ORIGINAL in said and _ORIGINAL not in known and said[_ORIGINAL].type == "JSON":
        record = f"CAST(g.{said[_ORIGINAL].id} AS MAP(VARCHAR, JSON))"
        inner = {name: f"nullif({record}[{literal(name)}], 'null'::JSON)" for name in known}
        return [_cell(known[name], value, is_json=True) for name, value in inner.items()]
    for name in said:
        if name not in known and not name.startswith(_OURS) and name != _REASONS:
            raise BatchError(
                f"The file of repairs has a column {name!r}, which the batch does not have.",
                hint=f"remove it, or call it _lume_{name} where it is a note;"
                f" {did_you_mean(name, known)}",
            )
    return [
        _cell(known[name], f"g.{column.id}", is_json=column.type == "JSON")
        for name, column in said.items()
        if name in known
    ]


def _cell(column: StagedColumn, value: str, *, is_json: bool) -> _Cell:
    """The three ways in which a type is kept: as text, as JSON, as the source's own."""
    own = f"b.{column.id}"
    text = f"json_extract_string({value}, '$')" if is_json else f"CAST({value} AS VARCHAR)"
    shown = own if column.type == "VARCHAR" else f"json_extract_string({_raw(column, 'b.')}, '$')"
    same = f"coalesce({text}, '') = coalesce({shown}, '')"
    if column.type == "VARCHAR":
        return _Cell(column, text, same, text)
    if column.type == "JSON" and is_json:
        exactly = f"CAST({value} AS VARCHAR) IS NOT DISTINCT FROM CAST({own} AS VARCHAR)"
        return _Cell(column, text, exactly, value)
    parsed = value if is_json else f"TRY_CAST({text} AS JSON)"
    if column.type == "JSON":
        quoted = f"json_type({own}) = 'VARCHAR' OR NOT json_valid({text})"
        made = f"CASE WHEN coalesce({text}, '') = '' THEN NULL WHEN {quoted}"
        return _Cell(column, text, same, f"{made} THEN to_json({text}) ELSE {parsed} END")
    nested = column.type.endswith("]") or column.type.startswith(_NESTED)
    return _Cell(column, text, same, f"TRY_CAST({parsed if nested else text} AS {column.type})")


def _raw(column: StagedColumn, table: str = "") -> str:
    """A staged value as ``original`` holds it."""
    own = f"{table}{column.id}"
    return own if column.type in ("JSON", "VARCHAR") else f"to_json({own})"


def _number(given: StagedBatch) -> str:
    found = next((c for c in given.columns if c.name == ROW), None)
    if found is None:
        raise InvalidRequestError(
            f"The file of repairs has no column {ROW}, so nobody knows which rows it repairs.",
            hint="keep the column of the download: lume rejects RUN --save FILE.",
        )
    text = f"json_extract_string({found.id}, '$')" if found.type == "JSON" else found.id
    return f"TRY_CAST({text} AS BIGINT)"


# -- what becomes of it -----------------------------------------------------------------------


def _edit(
    con: duckdb.DuckDBPyConnection, base: StagedBatch, given: StagedBatch, cells: Sequence[_Cell]
) -> None:
    """The rows that say something new, with all their columns."""
    by_id = {cell.column.id: cell for cell in cells}
    columns = [
        f"CASE WHEN {by_id[c.id].same} THEN b.{c.id} ELSE {by_id[c.id].value} END AS {c.id}"
        if c.id in by_id
        else f"b.{c.id}"
        for c in base.columns
    ]
    bad = [f"({cell.bad}) AS bad_{cell.column.id}" for cell in cells]
    said = [f"({cell.text}) AS text_{cell.column.id}" for cell in cells]
    names = ", ".join(c.id for c in given.columns)
    changed = " OR ".join(f"NOT ({cell.same})" for cell in cells) or "false"
    con.execute(
        f"CREATE TEMP TABLE edited AS SELECT {', '.join([f'g.r AS {ROW}', *columns, *bad, *said])}"
        f" FROM ({staged_view_sql(base)}) AS b"
        f" RIGHT JOIN (SELECT {_number(given)} AS r, {names} FROM ({staged_view_sql(given)})) AS g"
        f" ON b.{ROW} = g.r WHERE {changed}"
    )


def _refuse_bad(con: duckdb.DuckDBPyConnection, cells: Sequence[_Cell]) -> None:
    for cell in cells:
        found = con.execute(
            f"SELECT {ROW}, text_{cell.column.id} FROM edited WHERE bad_{cell.column.id}"
            " ORDER BY 1 LIMIT 1"
        ).fetchone()
        if found:
            raise BatchError(
                f"Row {found[0]} of the repairs: {cell.column.name} is {cell.column.type} in the"
                f" source, which {found[1]!r} is not.",
                hint="write it as the rejects show such values.",
            )


def _write(con: duckdb.DuckDBPyConnection, base: StagedBatch, number: int, work: Path) -> None:
    columns = ", ".join([ROW, *(c.id for c in base.columns)])
    query = f"SELECT {columns}, {int(number)} AS {ROUND} FROM edited"
    if base.repaired_path.exists():
        earlier = f"read_parquet({literal(str(base.repaired_path))})"
        query += (
            f" UNION ALL SELECT {columns}, {ROUND} FROM {earlier} AS e ANTI JOIN edited AS n"
            f" USING ({ROW})"
        )
    path = literal(str(work / base.repaired_path.name))
    form = output_parquet(len(base.columns))
    con.execute(f"COPY (SELECT * FROM ({query}) ORDER BY {ROW}) TO {path} ({form})")


def _malformed_left(con: duckdb.DuckDBPyConnection, base: StagedBatch, work: Path) -> list[int]:
    """The records that stay malformed; they are written to the new folder."""
    if not base.malformed:
        return []
    query = (
        f"SELECT m.* FROM read_parquet({literal(str(base.malformed_path))}) AS m"
        f" ANTI JOIN edited AS n USING ({ROW}) ORDER BY {ROW}"
    )
    left = [int(row[0]) for row in con.execute(f"SELECT {ROW} FROM ({query})").fetchall()]
    if left:
        path = literal(str(work / base.malformed_path.name))
        con.execute(f"COPY ({query}) TO {path} ({output_parquet(4)})")
    return left


def _link(path: Path, to: Path) -> None:
    """A second name for a file that nobody changes, or a copy where there are no links."""
    try:
        os.link(path, to)
    except OSError:
        shutil.copyfile(path, to)


def _refuse(name: str, fault: str, rows: Sequence[int]) -> None:
    shown = ", ".join(str(row) for row in rows[:_SHOWN])
    which = f": {shown}{', ...' if len(rows) > _SHOWN else ''}"
    raise InvalidRequestError(
        f"{name}: there are rows that {fault}{which}.",
        hint="edit the file that `lume rejects RUN --save FILE` writes, and keep _lume_row.",
    )
