"""Compare what two mappings made of the same batch: row by row, and value by value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lume_dagster.engines.batch import ROW
from lume_dagster.engines.session import open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.engines.transform import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class RowChange:
    """A record that comes out otherwise."""

    index: int  # of the record in its batch, from 0
    before: dict[str, Any] | None  # the fields that differ; None where it is rejected
    after: dict[str, Any] | None
    errors: tuple[dict[str, Any], ...] = ()  # why one of the two rejects it


@dataclass(frozen=True, slots=True)
class Differences:
    """How many records come out how, and in which fields they differ."""

    changed: int  # mapped by both, with other values
    now_mapped: int
    now_rejected: int
    same: int
    fields: Mapping[str, int]  # rows with another value, the most first; none that have no row


@dataclass(frozen=True, slots=True)
class Comparison:
    """The output folders of two runs on the same data.

    A record is the same record by its number in the batch. ``before`` is None where there is
    nothing to compare with. ``shared_only`` passes over fields that only one of the two has.
    """

    settings: EngineSettings
    before: Path | None
    after: Path
    shared_only: bool = False

    def differences(self) -> Differences:
        """Count what comes out otherwise."""
        with self._session() as (session, differs):
            each = [
                f"count(*) FILTER (NOT new AND NOT lost AND d{n})" for n, _ in enumerate(differs)
            ]
            found = session.execute(
                "SELECT count(*) FILTER (NOT new AND NOT lost AND differs), "
                "count(*) FILTER (new), count(*) FILTER (lost), "
                "count(*) FILTER (NOT new AND NOT lost AND NOT differs)"
                f"{''.join(f', {one}' for one in each)} FROM ({_judged(differs)})"
            ).fetchone() or (0, 0, 0, 0)
        changed, now_mapped, now_rejected, same, *fields = map(int, found)
        counted = sorted(zip(differs, fields, strict=False), key=lambda pair: -pair[1])
        return Differences(
            changed, now_mapped, now_rejected, same, {name: n for name, n in counted if n}
        )

    def changes(self, limit: int, offset: int = 0) -> tuple[tuple[RowChange, ...], int]:
        """Some of the records that come out otherwise, in order, and how many there are."""
        with self._session() as (session, differs):
            where = f"FROM ({_judged(differs)}) WHERE new OR lost OR differs"
            (total,) = session.execute(f"SELECT count(*) {where}").fetchone() or (0,)
            rows = _rows(session, f"{where} ORDER BY row LIMIT {int(limit)} OFFSET {int(offset)}")
            return _row_changes(session, rows, list(differs)), int(total)

    def examples(self, each: int) -> tuple[RowChange, ...]:
        """The first records that have other values, are no longer mapped, and are mapped now."""
        kinds = ("NOT new AND NOT lost AND differs", "lost", "new")
        with self._session() as (session, differs):
            session.execute(f"CREATE TEMP TABLE judged AS {_judged(differs)}")
            rows = [
                row
                for kind in kinds
                for row in _rows(session, f"FROM judged WHERE {kind} ORDER BY row LIMIT {each}")
            ]
            return _row_changes(session, rows, list(differs))

    def only_in(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The fields that only the mapping before has, and those that only the one after has."""
        with self._session() as (session, _):
            old, new = types_of(session, "before"), types_of(session, "after")
        return tuple(n for n in old if n not in new), tuple(n for n in new if n not in old)

    @contextmanager
    def _session(self) -> Iterator[tuple[DuckDBPyConnection, dict[str, str]]]:
        """A session with ``before`` and ``after``, and for each field whether it differs."""
        folders = [folder for folder in (self.before, self.after) if folder is not None]
        with open_session(self.settings, read=folders) as session:
            empty = f"SELECT CAST(NULL AS BIGINT) AS {ROW} WHERE false"
            before = empty if self.before is None else output_sql(self.before, "mapped")
            session.execute(f"CREATE TEMP VIEW after AS {output_sql(self.after, 'mapped')}")
            session.execute(f"CREATE TEMP VIEW before AS {before}")
            rejects = " UNION ALL ".join(
                f"SELECT {ROW}, errors FROM ({output_sql(folder, 'rejects')})" for folder in folders
            )
            session.execute(f"CREATE TEMP VIEW rejects AS {rejects}")
            yield session, self._differing(session)

    def _differing(self, session: DuckDBPyConnection) -> dict[str, str]:
        """Field -> a condition that is true where the two runs give other values."""
        old, new = types_of(session, "before"), types_of(session, "after")
        return {
            name: _differs(name, old.get(name), new.get(name))
            for name in dict.fromkeys([*new, *old])
            if not self.shared_only or (name in old and name in new)
        }


def output_sql(run: Path, part: str) -> str:
    """A SELECT over a part of a run's output."""
    return f"SELECT * FROM read_parquet({literal(str(run / part / 'part-*.parquet'))})"


def types_of(session: DuckDBPyConnection, view: str) -> dict[str, str]:
    """The target fields of mapped rows, and their types."""
    described = session.execute(f"DESCRIBE {view}").fetchall()
    return {str(name): str(type_) for name, type_, *_ in described if name != ROW}


def quoted(name: str) -> str:
    """A name in SQL."""
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def _differs(name: str, before: str | None, after: str | None) -> str:
    """Values of the same type as they are; of others, and of fields that are new, as JSON."""
    old, new = (f"{side}.{quoted(name)}" for side in ("b", "a"))
    if before != after:
        old, new = (
            "NULL" if type_ is None else f"CAST(to_json({value}) AS VARCHAR)"
            for type_, value in ((before, old), (after, new))
        )
    return f"{old} IS DISTINCT FROM {new}"


def _judged(differs: Mapping[str, str]) -> str:
    """Each row of either run: whether it is new, lost, or differs, and in which fields."""
    each = "".join(f", {condition} AS d{n}" for n, condition in enumerate(differs.values()))
    any_field = " OR ".join(f"d{n}" for n, _ in enumerate(differs)) or "false"
    return (
        f"SELECT *, ({any_field}) AS differs FROM ("
        f"SELECT coalesce(a.{ROW}, b.{ROW}) AS row, b.{ROW} IS NULL AS new, "
        f"a.{ROW} IS NULL AS lost{each} FROM after AS a FULL JOIN before AS b ON a.{ROW} = b.{ROW})"
    )


def _rows(session: DuckDBPyConnection, where: str) -> list[int]:
    return [int(row) for (row,) in session.execute(f"SELECT row {where}").fetchall()]


def _row_changes(
    session: DuckDBPyConnection, rows: Sequence[int], fields: Sequence[str]
) -> tuple[RowChange, ...]:
    """These rows, before and after."""
    before, after = (_records(session, side, rows) for side in ("before", "after"))
    found = session.execute(f"SELECT {ROW}, errors FROM rejects WHERE {_among(rows)}").fetchall()
    errors = {int(row): tuple(broken or ()) for row, broken in found}
    return tuple(
        _row_change(row, fields, before.get(row), after.get(row), errors.get(row, ()))
        for row in rows
    )


def _records(
    session: DuckDBPyConnection, side: str, rows: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """The target fields of these rows, by row."""
    found = session.execute(
        f"SELECT {ROW}, CAST(to_json(r) AS VARCHAR) FROM {side} AS r WHERE {_among(rows)}"
    ).fetchall()
    return {int(row): _fields(record) for row, record in found}


def _among(rows: Sequence[int]) -> str:
    return f"{ROW} IN ({', '.join(map(str, rows)) or 'NULL'})"


def _row_change(
    row: int,
    fields: Sequence[str],
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    errors: tuple[dict[str, Any], ...],
) -> RowChange:
    if before is not None and after is not None:
        names = [name for name in fields if before.get(name) != after.get(name)]
        before = {name: before.get(name) for name in names}
        after = {name: after.get(name) for name in names}
    return RowChange(row - 1, before, after, errors)


def _fields(record: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(record).items() if name != ROW}
