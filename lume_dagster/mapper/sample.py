"""A sample of a staged batch: its columns, and every place inside nested values, as texts.

A sample is bounded, and the only rows of a batch that Python ever looks at.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lume_dagster.engines.batch import ROW, StagedBatch, StagedColumn
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.session import open_session
from lume_dagster.errors import FlowError
from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.names import path_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from lume_dagster.engines.settings import EngineSettings

SAMPLE_ROWS = 1_000
_MOST_DEPTH = 8
_MOST_PLACES = 2_000  # inside nested values of one column
_Found = dict[tuple[str, ...], list[tuple[int, Any]]]  # path -> row and value, in row order
_EMPTY_IS_NULL = frozenset({"csv", "excel"})


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """A column of the sample, or a place inside its nested values.

    ``path`` is for people: ``city``, ``customer.city``, ``lines[].sku`` (the items of all rows).
    ``reference`` is the same as an expression writes it, quoted where it must be; for what lies in
    the items of a list it is relative to an item: ``item.sku``.
    ``type`` is the DuckDB type of a column; inside nested values it is JSON.
    ``values`` are texts, None where there is no value; of a list or an object, its JSON. There is
    one for each row, but for what lies in lists: there it is one for each item.
    """

    path: str
    reference: str
    type: str
    values: tuple[str | None, ...]
    is_list: bool = False
    inside: tuple[str, ...] = ()  # steps from the column: names, and [] for the items of a list
    among: int | None = None  # in a list: objects that may have it, more than have a value here

    @property
    def name(self) -> str:
        """The last name of the path."""
        names = [step for step in self.inside if step != "[]"]
        return names[-1] if names else self.column

    @property
    def column(self) -> str:
        """The name of the column that holds it, which may have dots of its own."""
        length = len(_shown(("", *self.inside)))
        return self.path[: len(self.path) - length]


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows of a batch, evenly spaced and always the same: the columns, and which rows."""

    staged: StagedBatch
    columns: tuple[SampleColumn, ...]
    rows: tuple[int, ...]  # their ``_lume_row``

    def column(self, path: str) -> SampleColumn:
        """The column at a path, which must be there."""
        return next(column for column in self.columns if column.path == path)


def take_sample(
    settings: EngineSettings,
    staged: StagedBatch,
    rows: int = SAMPLE_ROWS,
    only: Collection[str] | None = None,
) -> Sample:
    """Read at most so many rows of a batch; of an empty one there is only the header.

    ``only`` names the columns that are read, where not all are wanted.
    """
    wanted = [column for column in staged.columns if only is None or column.name in only]
    with open_session(settings, read=[staged.folder]) as session:
        numbers, texts = _read(session, staged, wanted, rows)
    if staged.format in _EMPTY_IS_NULL:
        texts = [[value or None for value in values] for values in texts]
    columns = [
        place
        for column, values in zip(wanted, texts, strict=True)
        for place in _places(column, values)
    ]
    return Sample(staged, tuple(columns), tuple(numbers))


def _read(
    session: DuckDBPyConnection, staged: StagedBatch, columns: Sequence[StagedColumn], rows: int
) -> tuple[list[int], list[list[str | None]]]:
    step = max(1, -(-staged.records // rows))
    shown = [_as_text(column) for column in columns]
    query = (
        exp.select(exp.column(ROW), *shown)
        .from_(exp.to_table("staged"))
        .where(f"({ROW} - 1) % {step} = 0")
        .order_by(ROW)
        .limit(rows)
    )
    session.execute(f"CREATE TEMP VIEW staged AS {staged_view_sql(staged)}")
    table = session.sql(query.sql("duckdb")).to_arrow_table()
    numbers, *texts = (column.to_pylist() for column in table.columns)
    return numbers, texts


def _as_text(column: StagedColumn) -> exp.Expr:
    value: exp.Expr = exp.column(column.id, quoted=True)
    if _is_nested(column.type):
        value = exp.func("to_json", value)
    return exp.alias_(exp.cast(value, "VARCHAR"), column.id, quoted=True)


def _is_nested(duckdb_type: str) -> bool:
    return duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT", "MAP", "UNION"))


# -- nested values --------------------------------------------------------------------------------


def _places(column: StagedColumn, values: Sequence[str | None]) -> Iterator[SampleColumn]:
    if column.type != "JSON" and not _is_nested(column.type):
        yield SampleColumn(column.name, reference(column.name), column.type, tuple(values))
        return
    found: _Found = {}
    for row, value in enumerate(values):
        _collect(None if value is None else json.loads(value), row, (column.name,), found)
    for path, inner in found.items():
        kind = column.type if len(path) == 1 else "JSON"
        around = [value for _, value in found.get(path[:-1], ()) if isinstance(value, Mapping)]
        among = len(around) if "[]" in path else None
        yield from (replace(place, among=among) for place in _place(path, inner, len(values), kind))


def _place(
    path: tuple[str, ...], found: Sequence[tuple[int, Any]], rows: int, kind: str
) -> Iterator[SampleColumn]:
    """The place itself, unless all that is there are objects, whose insides are places."""
    plain = [value for _, value in found if value is not None and not isinstance(value, Mapping)]
    if not plain and any(value is not None for _, value in found):
        return
    if "[]" in path:
        values = [value for _, value in found]
    else:
        at = dict(found)
        values = [at.get(row) for row in range(rows)]
    is_list = any(isinstance(value, list) for value in plain)
    text = tuple(map(_text, values))
    yield SampleColumn(_shown(path), _referred(path), kind, text, is_list, path[1:])


def _collect(value: Any, row: int, path: tuple[str, ...], found: _Found) -> None:
    if path not in found and len(found) >= _MOST_PLACES:
        return
    found.setdefault(path, []).append((row, value))
    if len(path) > _MOST_DEPTH:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _collect(inner, row, (*path, name), found)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, row, (*path, "[]"), found)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _shown(path: Sequence[str]) -> str:
    return ".".join(path).replace(".[]", "[]")


def _referred(path: Sequence[str]) -> str:
    """From the innermost list's item, or from the column."""
    if "[]" not in path:
        return reference(*path)
    inner = path[len(path) - list(reversed(path)).index("[]") :]
    return reference("item", *inner)


def reference(*path: str) -> str:
    """A name, or a path into a nested value, as an expression writes it."""
    return ".".join(_quoted(part) for part in path)


def _quoted(name: str) -> str:
    """As it is where that is a name: words like ``call`` begin a statement, which is not tried."""
    if not name.isidentifier():
        return exp.to_identifier(name, quoted=True).sql("duckdb")
    try:
        tree = parse_expression(name, "a name")
    except FlowError:
        tree = None
    if isinstance(tree, exp.Column) and path_of(tree) == (name,):
        return name
    return exp.to_identifier(name, quoted=True).sql("duckdb")
