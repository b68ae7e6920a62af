"""Turn what a person wrote into SQL that cannot stop a batch, and the ways it fails for a row.

Names become bound columns; casts, strptime, division and the helpers become conversions that give
NULL where they have no answer, each with a Failure that is true for just those rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlglot import exp

from lume_dagster.plan.chain import Chain
from lume_dagster.plan.names import find_column, json_text, path_of, step_into
from lume_dagster.plan.plan import SourceColumn, TypeOracle
from lume_dagster.plan.risks import Tried, may_fail
from lume_dagster.plan.sql import (
    Bind,
    Sql,
    all_of,
    attempt,
    call,
    cast,
    is_null,
    is_true,
    lambda_,
    not_,
    number,
    one_of,
    present,
    text,
    when,
)
from lume_dagster.plan.strict import (
    NANOSECONDS,
    Conversion,
    to_the_microsecond,
    within_years,
)
from lume_dagster.plan.types import known_type


@dataclass(frozen=True, slots=True)
class Failure:
    """One way an expression fails: TRUE in ``condition`` for the rows it fails for."""

    code: str
    message: str
    condition: Sql
    value: Sql  # what was there


class Seeds(Protocol):
    """The seeds of the flow, as lookups see them."""

    def slot(self, seed: str, column: str) -> tuple[str, str]:
        """The table a seed is loaded as, and the column in it that holds ``column``."""
        ...


@dataclass(frozen=True, slots=True)
class Handlers:
    """What is done to kinds of nodes, and to calls by name; all else keeps its form."""

    nodes: Mapping[type[Sql], Callable[[Rewriter, Any], Sql]]
    calls: Mapping[str, Callable[[Rewriter, exp.Anonymous], Sql]]
    examine: Callable[[Rewriter, Sql, Sql], None]  # a rewritten node, and what was written


@dataclass(slots=True)
class Scope:
    """What expressions can see, and the chain they are computed in."""

    chain: Chain
    columns: Sequence[SourceColumn]
    null_texts: tuple[str, ...]
    seeds: Seeds
    oracle: TypeOracle
    handlers: Handlers
    target: Callable[[str], Sql]  # a target field's typed value, by path
    target_rewriter: Callable[[str], Rewriter]  # how a target field was made, by path
    also_called: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by the flow's name
    answers: dict[str, str] = field(default_factory=dict)  # of the oracle, by question
    tried: Tried = field(default_factory=Tried)

    def type_of(self, value: Sql, variables: Mapping[str, str]) -> str:
        """The DuckDB type of a rewritten expression.

        Raises:
            PlanError: the engine cannot make sense of it; carries its words.
        """
        if isinstance(value, exp.Column):
            return variables.get(value.name) or self.chain.types[value.name]

        known = {**self.chain.types, **variables}
        told = known_type(value, known)
        if told is not None:
            return told
        used = sorted({c.name for c in value.find_all(exp.Column)} & known.keys())
        probe = exp.select(value.copy())
        if used:  # a bare NULL would let the engine take its own guess at types
            typed = exp.select(*(exp.alias_(cast(exp.null(), known[n]), n) for n in used))
            probe = probe.from_(typed.subquery("t"))
        asked = probe.sql("duckdb", copy=False)
        if asked not in self.answers:
            self.answers[asked] = self.oracle.describe(asked)[0]
        return self.answers[asked]

    def compute(self, select: Sql) -> None:
        """Compute a SELECT that reads no table, once.

        Raises:
            PlanError: the engine cannot; carries its words.
        """
        asked = select.sql("duckdb")
        if asked not in self.answers:
            self.oracle.compute(asked)
            self.answers[asked] = ""


@dataclass(slots=True)
class Rewriter:
    """Rewrites the expressions of one field or rule, collecting failures and origins."""

    scope: Scope
    variables: Mapping[str, str] = field(default_factory=dict)  # list items in scope, with types
    failures: list[Failure] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    seeds: set[tuple[str, str]] = field(default_factory=set)
    upstream: list[Sql] = field(default_factory=list)  # failures of the target fields it reads
    _guards: tuple[Sql, ...] = ()
    _forgiving: int = 0

    # -- the walk ---------------------------------------------------------------------------

    def rewrite(self, tree: Sql) -> Sql:
        """The whole expression, safe to compute for any row."""
        return self.safe(self.walk(tree))

    def walk(self, node: Sql) -> Sql:
        """Any part of an expression."""
        if isinstance(node, exp.Column | exp.Dot):
            return self._name(node)
        handler = self.scope.handlers.nodes.get(type(node))
        if handler is None and isinstance(node, exp.Anonymous):
            handler = self.scope.handlers.calls.get(node.name.lower())
        return handler(self, node) if handler is not None else self.rebuild(node)

    def under(self, guards: Sequence[Sql], node: Sql) -> Sql:
        """A part that is reached only where all guards are true, and fails only there."""
        before = self._guards
        self._guards = (*before, *guards)
        try:
            return self.safe(self.walk(node))
        finally:
            self._guards = before

    def forgive(self, rewrite: Callable[[], Sql]) -> Sql:
        """Whatever fails in here gives NULL and is no error."""
        self._forgiving += 1
        try:
            return rewrite()
        finally:
            self._forgiving -= 1

    def rebuild(self, node: Sql) -> Sql:
        """The same node, its parts rewritten."""

        def again(value: object) -> object:
            if isinstance(value, list):
                return [again(v) for v in value]
            if isinstance(value, exp.Identifier | exp.DataType | exp.Var):
                return value.copy()
            return self.walk(value) if isinstance(value, exp.Expr) else value

        rebuilt = type(node)(**{name: again(value) for name, value in node.args.items()})
        self.scope.handlers.examine(self, rebuilt, node)
        return rebuilt

    def type_of(self, value: Sql) -> str:
        """The DuckDB type of something rewritten."""
        return self.scope.type_of(value, self.variables)

    def bind(self, value: Sql) -> Sql:
        """Compute a value once, ahead, where that is possible: not for the items of a list.

        Guards do not matter: what is bound gives NULL where it fails, and only who asks for it
        under its guards calls that a failure.
        """
        if self.variables or isinstance(value, exp.Literal | exp.Null | exp.Boolean):
            return value
        return self.scope.chain.bind(value, self.type_of(value))

    def fail(self, code: str, message: str, condition: Sql, value: Sql) -> None:
        """Note a way to fail, under the guards that hold here."""
        if self._forgiving:
            return
        guarded = all_of([*self._guards, condition]) if self._guards else condition
        self.failures.append(Failure(code, message, guarded, value))

    def safe(self, value: Sql) -> Sql:
        """The same value, NULL where computing it would stop the query."""
        if not may_fail(value):
            return value
        computed = self.scope.tried.with_names(value)
        tried = self.bind(attempt(computed))
        self.scope.tried.add(value, computed, tried)
        # A list of one is NULL only where its item could not be computed. Not ``value IS NULL``:
        # the engine answers that without computing anything where the columns hold no NULL.
        failed = is_null(attempt(exp.array(value)))
        condition = when(is_null(tried), failed, exp.false())
        self.fail("EXPRESSION_FAILED", "could not be computed", condition, exp.null())
        return self._within_years(tried)

    def strict(self, value: Sql, make: Callable[[Sql, Bind], Conversion]) -> Sql:
        """Convert, and note that what was there before must be there after."""
        return self._converted(self.bind(self.safe(value)), make)

    def _converted(self, given: Sql, make: Callable[[Sql, Bind], Conversion]) -> Sql:
        if self.variables and not isinstance(given, exp.Column):
            conversion, result = self._let(given, make)
        else:
            conversion = make(given, self.bind)
            result = self.bind(conversion.value)
        if conversion.fails:
            lost = [present(given), is_null(result)]
            if conversion.excused is not None:  # asked of the value itself, not of a name for it
                lost.append(not_(is_true(make(given, self.bind).excused or exp.false())))
            self.fail(conversion.code, conversion.message, all_of(lost), given)
        return result

    def _within_years(self, value: Sql) -> Sql:
        """A date that no target and no text of ISO 8601 has is an error of its row."""
        bounded = within_years(self.type_of(value))
        return value if bounded is None else self._converted(self.bind(value), bounded)

    def _let(self, given: Sql, make: Callable[[Sql, Bind], Conversion]) -> tuple[Conversion, Sql]:
        """Name a value inside a list item, where nothing can be bound: a list of one.

        A conversion looks at its input many times; written out each time, two conversions inside
        one another are a hundred times as long.
        """
        name = f"x{len(self.variables)}"
        self.variables = {**self.variables, name: self.type_of(given)}
        conversion = make(exp.column(name), self.bind)
        named = call("list_transform", exp.array(given), lambda_(name, conversion.value))
        return conversion, call("list_extract", named, number(1))

    # -- names ------------------------------------------------------------------------------

    def resolve(self, path: tuple[str, ...]) -> tuple[Sql, str]:
        """What a name stands for, and its type; JSON stays JSON."""
        head = path[0]
        if head in self.variables:
            base: Sql = exp.column(head)
            kind = self.variables[head]
            return self._step(base, kind, path[1:])
        if head.casefold() == "target" and len(path) > 1:
            return self._target(".".join(path[1:]))
        if head.casefold() == "source" and len(path) > 1:
            path = path[1:]
        found = find_column(path[0], self.scope.columns, self.scope.also_called)
        self.sources.add(found.name)
        raw = exp.column(found.id, table="staged")
        base = self.scope.chain.base(self._cleaned(raw, found.type), found.type)
        return self._step(base, found.type, path[1:])

    def _cleaned(self, raw: Sql, kind: str) -> Sql:
        if kind != "VARCHAR" or not self.scope.null_texts:
            return raw
        if len(self.scope.null_texts) == 1:
            return call("nullif", raw, text(self.scope.null_texts[0]))
        return when(one_of(raw, map(text, self.scope.null_texts)), exp.null(), raw)

    def _step(self, base: Sql, kind: str, path: Sequence[str]) -> tuple[Sql, str]:
        value = step_into(base, kind, path)
        return value, ("JSON" if kind == "JSON" else self.type_of(value))

    def _target(self, path: str) -> tuple[Sql, str]:
        bound = self.scope.target(path)
        made = self.scope.target_rewriter(path)
        self.sources |= made.sources
        self.seeds |= made.seeds
        self.upstream += [*made.upstream, *(f.condition for f in made.failures)]
        return bound, self.type_of(bound)

    def _name(self, node: exp.Column | exp.Dot) -> Sql:
        value, kind = self.resolve(path_of(node))
        if kind == "JSON":
            return self.scalar(value)
        if kind == NANOSECONDS and node.parent is not None:  # as it is only for a text of it all
            value = self.bind(to_the_microsecond(value))
        return self._within_years(value)

    def scalar(self, value: Sql) -> Sql:
        """A JSON value as a text, NULL where the flow says that the text means nothing."""
        scalar = json_text(value)
        nulls = self.scope.null_texts
        return self.bind(
            when(one_of(scalar, map(text, nulls)), exp.null(), scalar) if nulls else scalar
        )
