"""A chain of SELECTs: each computed column is bound once, where its inputs first exist.

Level 0 reads ``staged``; every further level adds columns to the one before, and may join seeds. So
a conversion that a value and its error test both need is computed once, and lookups whose keys are
themselves computed (or looked up) just stand one level higher.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from lume_dagster.plan.sql import Sql, column, number

ROW = "_lume_row"
#: Batches that are mapped together share one ``staged``: above these bits, a row's number there is
#: the number of its batch, below them its number in the batch. A batch alone is number 0.
BATCH_BITS = 40


@dataclass(slots=True)
class _Level:
    columns: list[str] = field(default_factory=list)  # generated: <expression> AS "v1"
    joins: list[tuple[str, str, str]] = field(default_factory=list)  # alias, table, key column


def batch_of_row() -> Sql:
    """The number of a row's batch."""
    return exp.BitwiseRightShift(this=column(ROW), expression=number(BATCH_BITS))


class Chain:
    """The columns bound so far, with their types and levels."""

    def __init__(self) -> None:
        """Start with nothing but the row number."""
        self._levels: list[_Level] = [_Level()]
        self._level_of: dict[str, int] = {ROW: 0}
        self._bound: dict[str, str] = {}
        self._joined: dict[tuple[str, str], str] = {}
        self.types: dict[str, str] = {ROW: "BIGINT"}

    def base(self, value: Sql, duckdb_type: str) -> exp.Column:
        """Bind something computed from the columns of ``staged`` alone."""
        return self._bind(value, duckdb_type, 0)

    def bind(self, value: Sql, duckdb_type: str) -> exp.Column:
        """Bind something computed from bound columns; the same text is bound once."""
        if isinstance(value, exp.Column) and value.name in self._level_of:
            return column(value.name)
        level = 1 + max((self._level_of[c.name] for c in columns_of(value)), default=0)
        return self._bind(value, duckdb_type, level)

    def _bind(self, value: Sql, duckdb_type: str, level: int) -> exp.Column:
        key = value.sql("duckdb")
        if key not in self._bound:
            name = f"v{len(self._bound)}"
            self._bound[key] = name
            self._add(name, level, duckdb_type).columns.append(f'{key} AS "{name}"')
        return column(self._bound[key])

    def look_up(self, table: str, key: exp.Column, value: str) -> exp.Column:
        """The column ``value`` of the seed row whose ``k`` equals ``key``; NULL where none does."""
        level = self._level_of[key.name] + 1
        join = (table, key.name)
        if join not in self._joined:
            self._joined[join] = f"j{len(self._joined)}"
            self._grow(level).joins.append((self._joined[join], table, key.name))
        joined = self._joined[join]
        name = f"{joined}_{value}"
        if name not in self._level_of:
            source = f'{joined}.{value} AS "{name}"'
            self._add(name, level, "VARCHAR").columns.append(source)
        return column(name)

    def _add(self, name: str, level: int, duckdb_type: str) -> _Level:
        self._level_of[name] = level
        self.types[name] = duckdb_type
        return self._grow(level)

    def _grow(self, level: int) -> _Level:
        while len(self._levels) <= level:
            self._levels.append(_Level())
        return self._levels[level]

    def query(self, final: exp.Select, *, only: str | None = None) -> str:
        """``final`` reads from ``chain``; ``only`` names a table of row numbers to keep.

        The levels are put together as text: each expression was generated when it was bound, and
        every name here is our own. Four queries of a plan share them. ``final`` is used up.
        """
        last = len(self._levels) - 1
        names = [f"l{depth}" for depth in range(last)] + ["chain"]
        levels = [
            f"{name} AS ({self._select(depth, only if depth == 0 else None)})"
            for depth, name in enumerate(names)
        ]
        return f"WITH {', '.join(levels)} {final.sql('duckdb', copy=False)}"

    def _select(self, depth: int, only: str | None) -> str:
        below = f"l{depth - 1}" if depth else "staged"
        level = self._levels[depth]
        kept = f" SEMI JOIN {only} USING ({ROW})" if only is not None else ""
        joins = "".join(
            f" LEFT JOIN {table} AS {joined} ON {joined}.k = {below}.{key}"
            for joined, table, key in level.joins
        )
        return f"SELECT {', '.join([f'{below}.*', *level.columns])} FROM {below}{kept}{joins}"


def not_found_with(name: str) -> str | None:
    """For a looked-up column, the key column that is NULL only where it is NULL too."""
    joined, _, value = name.partition("_")
    is_joined = joined[:1] == "j" and joined[1:].isdigit() and bool(value)
    return f"{joined}_k" if is_joined else None


def columns_of(value: Sql) -> list[exp.Column]:
    """The bound columns a value reads; the variable of a lambda is none of them."""
    inner = {
        variable.name for found in value.find_all(exp.Lambda) for variable in found.expressions
    }
    return [c for c in value.find_all(exp.Column) if c.name not in inner]
