"""What a mapping does differently from the deployed one: field by field, and row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.engines.batch import ROW
from lume_dagster.engines.session import open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import Flow
from lume_dagster.mapper.nodes import expressions
from lume_dagster.mapper.workshop.documents import RowFigures
from lume_dagster.mapper.workshop.pages import Page, check_page, fields_of, output_sql, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A target field that is made otherwise; None where it is made from nothing, or not there."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.path}: {self.after}"
        if self.after is None:
            return f"- {self.path}: {self.before}"
        return f"~ {self.path}: {self.before} -> {self.after}"


@dataclass(frozen=True, slots=True)
class RowChange:
    """A record that comes out otherwise: the fields that differ; None where it is rejected."""

    index: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def field_changes(before: Flow | None, after: Flow) -> tuple[FieldChange, ...]:
    """The fields whose expressions differ, in order of the schema."""
    old = {} if before is None else expressions(before.mapping, before.target_schema)
    new = expressions(after.mapping, after.target_schema)
    return tuple(
        FieldChange(path, old.get(path), new.get(path))
        for path in dict.fromkeys([*new, *old])
        if old.get(path) != new.get(path)
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs on the same data; ``before`` is None where nothing is deployed."""

    settings: EngineSettings
    before: Path | None
    after: Path

    def figures(self) -> RowFigures:
        """How many rows came out how."""
        with self._session() as (session, differs):
            found = session.execute(
                "SELECT count(*) FILTER (NOT new AND NOT lost AND differs), "
                "count(*) FILTER (new), count(*) FILTER (lost), "
                "count(*) FILTER (NOT new AND NOT lost AND NOT differs) "
                f"FROM ({_judged(differs)})"
            ).fetchone() or (0, 0, 0, 0)
        changed, now_mapped, now_rejected, same = map(int, found)
        return RowFigures(
            changed=changed, now_mapped=now_mapped, now_rejected=now_rejected, same=same
        )

    def page(self, page: int, size: int) -> Page[RowChange]:
        """The rows that came out otherwise, by index."""
        check_page(page, size)
        with self._session() as (session, differs):
            judged = f"FROM ({_judged(differs)}) WHERE new OR lost OR differs"
            (total,) = session.execute(f"SELECT count(*) {judged}").fetchone() or (0,)
            found = session.execute(
                f"SELECT row {judged} ORDER BY row LIMIT {size} OFFSET {(page - 1) * size}"
            ).fetchall()
            rows = [int(row) for (row,) in found]
            before, after = (_records(session, side, rows) for side in ("before", "after"))
        items = (_row_change(row, before.get(row), after.get(row)) for row in rows)
        return Page(tuple(items), int(total), page, size)

    @contextmanager
    def _session(self) -> Iterator[tuple[DuckDBPyConnection, dict[str, str]]]:
        """A session with ``before`` and ``after``, and for each field whether it differs."""
        folders = [folder for folder in (self.before, self.after) if folder is not None]
        with open_session(self.settings, read=folders) as session:
            after = output_sql(self.after, "mapped")
            empty = f"SELECT CAST(NULL AS BIGINT) AS {ROW} WHERE false"
            before = empty if self.before is None else output_sql(self.before, "mapped")
            session.execute(f"CREATE TEMP VIEW after AS {after}")
            session.execute(f"CREATE TEMP VIEW before AS {before}")
            yield session, _differences(session)


def _differences(session: DuckDBPyConnection) -> dict[str, str]:
    """Field -> a condition that is true where the two runs give other values."""
    old, new = fields_of(session, "before"), fields_of(session, "after")
    found = {}
    for name in dict.fromkeys([*new, *old]):
        sides = [
            f"CAST(to_json({side}.{quoted(name)}) AS VARCHAR)" if name in there else "NULL"
            for side, there in (("b", old), ("a", new))
        ]
        found[name] = f"{sides[0]} IS DISTINCT FROM {sides[1]}"
    return found


def _judged(differs: dict[str, str]) -> str:
    """Each row of either run: whether it is new, lost, or differs."""
    any_field = " OR ".join(differs.values()) or "false"
    return (
        f"SELECT coalesce(a.{ROW}, b.{ROW}) AS row, b.{ROW} IS NULL AS new, "
        f"a.{ROW} IS NULL AS lost, ({any_field}) AS differs "
        f"FROM after AS a FULL JOIN before AS b ON a.{ROW} = b.{ROW}"
    )


def _records(
    session: DuckDBPyConnection, side: str, rows: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """The target fields of these rows, by row."""
    wanted = ", ".join(map(str, rows)) or "NULL"
    found = session.execute(
        f"SELECT {ROW}, CAST(to_json(r) AS VARCHAR) FROM {side} AS r WHERE {ROW} IN ({wanted})"
    ).fetchall()
    return {int(row): _fields(record) for row, record in found}


def _row_change(row: int, before: dict[str, Any] | None, after: dict[str, Any] | None) -> RowChange:
    if before is not None and after is not None:
        names = [name for name in {**after, **before} if before.get(name) != after.get(name)]
        before = {name: before.get(name) for name in names}
        after = {name: after.get(name) for name in names}
    return RowChange(row - 1, before, after)


def _fields(record: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(record).items() if name != ROW}
