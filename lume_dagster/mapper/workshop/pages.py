"""Read mappings a page at a time: each source record beside what it became, or why it did not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lume_dagster.engines.batch import ROW, StagedBatch, StagedColumn
from lume_dagster.engines.comparison import output_sql, quoted, types_of
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.session import open_session
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import InvalidRequestError
from lume_dagster.mapper.workshop.mapping import Mapping as Mapped
from lume_dagster.mapper.workshop.mapping import Record, error_object

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SIZE = 50
MOST = 1_000  # records of a page
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of many, in order; pages count from 1."""

    items: tuple[T, ...]
    total: int
    page: int
    size: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.size)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one run on one batch."""

    settings: EngineSettings
    staged: StagedBatch
    run: Path
    key: tuple[str, ...] = ()  # fields that identify a row

    def page(self, page: int, size: int) -> Page[Mapped]:
        """All mappings, by index."""
        check_page(page, size)
        first = (page - 1) * size + 1
        numbers = range(first, min(first + size, self.staged.records + 1))
        return Page(self._mappings(numbers), self.staged.records, page, size)

    def at(self, index: int) -> Mapped:
        """The mapping of one record.

        Raises:
            InvalidRequestError: there is no such record.
        """
        if not 0 <= index < self.staged.records:
            message = f"there is no record {index}: the job has {self.staged.records:,}."
            raise InvalidRequestError(message, hint="records are counted from 0.")
        return self._mappings([index + 1])[0]

    def find(self, record: Mapping[str, Any]) -> int | None:
        """The index of the first record with these values; None where there is none."""
        places = {column.name: column for column in self.staged.columns}
        if not record or not record.keys() <= places.keys():
            return None
        plain = {n: v for n, v in record.items() if not isinstance(v, Mapping | list)}
        same = [f"{_plain_text(places[name])} IS NOT DISTINCT FROM ?" for name in plain]
        where = " AND ".join(same) or "true"
        query = f"SELECT {ROW} FROM staged WHERE {where} ORDER BY {ROW} LIMIT {MOST}"
        texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in plain.values()]
        with self.session() as session:
            found = [int(row) for (row,) in session.execute(query, texts).fetchall()]
        alike = (m for m in self._mappings(found) if _has(m.source_record, record))
        return next((m.index for m in alike), None)

    def failed(self, page: int, size: int) -> Page[Mapped]:
        """The mappings of the records that failed."""
        check_page(page, size)
        with self.session() as session:
            found = session.execute(
                f"SELECT {ROW} FROM rejects ORDER BY {ROW} LIMIT {size} OFFSET {(page - 1) * size}"
            ).fetchall()
            (total,) = session.execute("SELECT count(*) FROM rejects").fetchone() or (0,)
        return Page(self._mappings([int(row) for (row,) in found]), int(total), page, size)

    @contextmanager
    def session(self) -> Iterator[DuckDBPyConnection]:
        """A session with the views ``staged``, ``mapped`` and ``rejects``."""
        with open_session(self.settings, read=[self.staged.folder, self.run]) as session:
            session.execute(f"CREATE TEMP VIEW staged AS {staged_view_sql(self.staged)}")
            for part in ("mapped", "rejects"):
                session.execute(f"CREATE TEMP VIEW {part} AS {output_sql(self.run, part)}")
            yield session

    def _mappings(self, numbers: Sequence[int]) -> tuple[Mapped, ...]:
        if not numbers:
            return ()
        with self.session() as session:
            sources = _read(session, "staged", numbers, _source_columns(self.staged))
            mapped = _read(session, "mapped", numbers, _mapped_columns(session))
            failures = _read(session, "rejects", numbers, _REJECT_COLUMNS)
        return tuple(self._mapping(row, sources, mapped, failures) for row in numbers)

    def _mapping(
        self,
        row: int,
        sources: Mapping[int, Record],
        mapped: Mapping[int, Record],
        failures: Mapping[int, Record],
    ) -> Mapped:
        failed = failures.get(row)
        source = sources.get(row)
        if source is None:  # a malformed record has no columns, only its text
            source = json.loads(failed["original"]) if failed else {}
        if failed is None:
            return Mapped(row - 1, source, mapped[row], "success")
        return Mapped(row - 1, source, None, error_object(failed["errors"], row - 1, self.key))


def check_page(page: int, size: int) -> None:
    """Refuse a page that there cannot be."""
    if page < 1 or not 1 <= size <= MOST:
        raise InvalidRequestError(
            f"page {page} of {size} cannot be read.",
            hint=f"pages count from 1, and have 1 to {MOST:,} records.",
        )


# -- rows as JSON ---------------------------------------------------------------------------------

_Columns = Sequence[tuple[str, str]]  # name, SQL that gives its JSON
_REJECT_COLUMNS: _Columns = (
    ("original", "to_json(original)"),
    ("errors", "to_json(errors)"),
)


def _source_columns(staged: StagedBatch) -> _Columns:
    return [
        (c.name, quoted(c.id) if c.type == "JSON" else f"to_json({quoted(c.id)})")
        for c in staged.columns
    ]


def _mapped_columns(session: DuckDBPyConnection) -> _Columns:
    return [(name, f"to_json({quoted(name)})") for name in types_of(session, "mapped")]


def _has(record: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(record.get(name) == value for name, value in values.items())


def _plain_text(column: StagedColumn) -> str:
    """A single value as the text that a person would write for it."""
    name = quoted(column.id)
    if column.type == "JSON":
        return f"json_extract_string({name}, '$')"
    return f"CAST({name} AS VARCHAR)"


def _read(
    session: DuckDBPyConnection, view: str, numbers: Sequence[int], columns: _Columns
) -> dict[int, Record]:
    shown = "".join(f", CAST({value} AS VARCHAR)" for _, value in columns)
    wanted = ", ".join(str(int(n)) for n in numbers)
    if isinstance(numbers, range):
        condition = f"BETWEEN {numbers[0]} AND {numbers[-1]}"
    else:
        condition = f"IN ({wanted})"
    found = session.execute(f"SELECT {ROW}{shown} FROM {view} WHERE {ROW} {condition}").fetchall()
    return {
        int(row): {
            name: None if value is None else json.loads(value)
            for (name, _), value in zip(columns, values, strict=True)
        }
        for row, *values in found
    }
