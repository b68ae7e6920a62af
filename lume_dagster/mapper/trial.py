"""Try expressions for a target field on the rows of a sample: what each row becomes, or why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlglot import exp

from lume_dagster.engines.batch import ROW
from lume_dagster.engines.duckdb_engine import DuckDBEngine, seed_header
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.session import open_session
from lume_dagster.engines.transform import load_seed
from lume_dagster.errors import LumeError
from lume_dagster.flows.model import Seed
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.sample import Sample
from lume_dagster.plan.candidates import Candidates, Source, compile_candidates
from lume_dagster.plan.plan import SourceColumn

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from lume_dagster.engines.settings import EngineSettings

_AT_ONCE = 12  # expressions in one SELECT: more take longer to plan than to run apart
_EMPTY_IS_NULL = frozenset({"csv", "excel"})


@dataclass(frozen=True, slots=True)
class Tried:
    """What an expression made of the sample; of a list's items, all those of all rows in turn.

    ``values`` are texts as the target would show them (of a list its JSON), None where there is
    none. ``errors`` are the codes a row would be rejected with, None where it is good: a value that
    breaks the enum or the pattern is still shown. ``refused`` is the sentence why the expression is
    none at all; then there are no rows.
    """

    expression: str
    values: tuple[str | None, ...] = ()
    errors: tuple[str | None, ...] = ()
    refused: str | None = None

    @property
    def good(self) -> int:
        """Rows that have a value and no error."""
        pairs = zip(self.values, self.errors, strict=True)
        return sum(value is not None and error is None for value, error in pairs)


@dataclass(slots=True)
class Trial:
    """A session on the rows of a sample, for as many expressions and fields as one likes.

    Seeds are given as a flow names them; their paths are relative to ``folder``. ``nulls`` are the
    texts that the source format says mean no value, ``also_called`` other names of columns, as the
    flow's source lists them.
    """

    settings: EngineSettings
    sample: Sample
    seeds: Mapping[str, Seed] = field(default_factory=dict)
    folder: Path = Path()
    nulls: Sequence[str] = ()
    also_called: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _session: DuckDBPyConnection | None = field(default=None, repr=False)
    _source: Source | None = field(default=None, repr=False)
    _known: dict[tuple[str, str, str], Tried] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Self:
        """Open the session and load the rows of the sample."""
        staged = self.sample.staged
        paths = {name: self.folder / seed.path for name, seed in self.seeds.items()}
        headers = {name: seed_header(path) for name, path in paths.items()}
        readable = [staged.folder, *paths.values()]
        with ExitStack() as stack:
            session = stack.enter_context(open_session(self.settings, read=readable, careful=True))
            engine = stack.enter_context(DuckDBEngine(self.settings))
            session.execute(_rows_sql(self.sample))
            self._stack = stack.pop_all()
        empty = ("",) if staged.format in _EMPTY_IS_NULL else ()
        columns = [SourceColumn(c.name, c.id, c.type) for c in staged.columns]
        nulls = tuple(dict.fromkeys((*empty, *self.nulls)))
        self._source = Source(columns, self.seeds, headers, engine, nulls, self.also_called)
        self._session = session
        return self

    def __exit__(self, *_: object) -> None:
        """Close the session."""
        self._session = self._source = None
        self._stack.close()

    def run(
        self, target: SchemaField, expressions: Sequence[str], within: str = ""
    ) -> tuple[Tried, ...]:
        """What each expression makes of the rows, in the order given.

        ``target`` is the field itself, also where it is a part of an object or of an item.
        ``within`` is the path of any column of the sample that lies in the same list
        (``lines[].sku``): the expressions then speak of ``item``.
        """
        shape = repr(target)  # examples may be lists, which no key may hold
        asked = dict.fromkeys(expressions)
        unknown = [e for e in asked if (shape, e, within) not in self._known]
        for start in range(0, len(unknown), _AT_ONCE):
            for tried in self._together(target, unknown[start : start + _AT_ONCE], within):
                self._known[shape, tried.expression, within] = tried
        return tuple(self._known[shape, expression, within] for expression in expressions)

    def one(self, target: SchemaField, expression: str, within: str = "") -> Tried:
        """What one expression makes of the rows."""
        return self.run(target, [expression], within)[0]

    def _together(self, target: SchemaField, asked: Sequence[str], within: str) -> list[Tried]:
        """All in one SELECT; where the engine cannot run that, one by one."""
        import duckdb

        session, source = self._opened()
        try:
            compiled = compile_candidates(target, asked, source, self._lists(within))
            for seed in compiled.seeds:
                path = self.folder / self.seeds[seed.seed].path
                load_seed(session, seed, path, source.seed_columns[seed.seed])
            found = session.execute(compiled.query)
            names = [column[0] for column in found.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        except (LumeError, duckdb.Error) as error:
            if len(asked) > 1:
                return [self._together(target, [one], within)[0] for one in asked]
            return [Tried(asked[0], refused=_sentence(error))]
        return [_tried(e, n, compiled, rows) for n, e in enumerate(asked)]

    def _opened(self) -> tuple[DuckDBPyConnection, Source]:
        if self._session is None or self._source is None:
            raise RuntimeError("a Trial is used in a with block: `with Trial(...) as trial:`")
        return self._session, self._source

    def _lists(self, within: str) -> list[str]:
        """The references of the lists a place lies in, outermost first."""
        ends = [at for at in range(len(within)) if within.startswith("[]", at)]
        return [self.sample.column(within[:end]).reference for end in ends]


def _rows_sql(sample: Sample) -> str:
    """The rows of the sample as the table that plans read."""
    kept = exp.column(ROW).isin(*(exp.Literal.number(row) for row in sample.rows))
    where = kept.sql("duckdb") if sample.rows else "false"
    return (
        f"CREATE TEMP TABLE staged AS SELECT * FROM ({staged_view_sql(sample.staged)}) "
        f"WHERE {where} ORDER BY {ROW}"
    )


def _tried(expression: str, number: int, compiled: Candidates, rows: Sequence[Any]) -> Tried:
    refusal = compiled.refused[number]
    if refusal is not None:
        return Tried(expression, refused=str(refusal))
    told = [one for row in rows for one in _flat(row[f"c{number}"])]
    values, errors = (tuple(one[part] for one in told) for part in ("value", "error"))
    return Tried(expression, values, errors)


def _flat(told: Any) -> Iterator[Mapping[str, str | None]]:
    """The structs inside lists of lists; a row without a list has none."""
    if isinstance(told, list):
        for inner in told:
            yield from _flat(inner)
    elif told is not None:
        yield told


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, LumeError) else str(error).split("\n", 1)[0]
