"""Turn what a person wrote into SQL that cannot stop a batch, and into the ways it can fail for a row.

Names become bound columns; casts, strptime, division and the helpers become conversions that give
NULL where they have no answer, each with a Failure that is true for just those rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Protocol

from sqlglot import exp

from lume_dagster.errors import FlowError, LumeError, PlanError, did_you_mean
from lume_dagster.plan import helpers
from lume_dagster.plan.chain import Chain
from lume_dagster.plan.functions import MAY_FAIL
from lume_dagster.plan.names import find_column, json_text, path_of, step_into
from lume_dagster.plan.plan import SourceColumn, TypeOracle
from lume_dagster.plan.sql import (
    Sql,
    all_of,
    attempt,
    call,
    cast,
    is_null,
    is_true,
    not_,
    number,
    one_of,
    present,
    text,
    when,
)
from lume_dagster.plan.strict import Conversion, convert

NESTED_NUMBER = "DECIMAL(28,10)"  # what parse_number is inside a larger expression


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


@dataclass(slots=True)
class Scope:
    """What expressions can see, and the chain they are computed in."""

    chain: Chain
    columns: Sequence[SourceColumn]
    null_texts: tuple[str, ...]
    seeds: Seeds
    oracle: TypeOracle
    target: Callable[[str], exp.Column]  # a target field's typed value, by path
    target_rewriter: Callable[[str], Rewriter]  # how a target field was made, by path

    def type_of(self, value: Sql, variables: Mapping[str, str]) -> str:
        """The DuckDB type of a rewritten expression.

        Raises:
            PlanError: the engine cannot make sense of it; carries its words.
        """
        if isinstance(value, exp.Column):
            return variables.get(value.name) or self.chain.types[value.name]

        known = {**self.chain.types, **variables}
        used = sorted({c.name for c in value.find_all(exp.Column)} & known.keys())
        probe = exp.select(value.copy())
        if used:  # a bare NULL would let the engine take its own guess at types
            typed = exp.select(*(exp.alias_(cast(exp.null(), known[n]), n) for n in used))
            probe = probe.from_(typed.subquery("t"))
        return self.oracle.describe(probe.sql("duckdb"))[0]


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

    @property
    def _free(self) -> bool:
        """Whether values may be computed ahead, for every row."""
        return not self._guards and not self.variables

    # -- the walk ---------------------------------------------------------------------------

    def rewrite(self, tree: Sql) -> Sql:
        """The whole expression, safe to compute for any row."""
        return self.safe(self._walk(tree))

    def _walk(self, node: Sql) -> Sql:
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            return handler(self, node)
        if isinstance(node, exp.Anonymous) and node.name.lower() in _CALLS:
            return _CALLS[node.name.lower()](self, node)
        return self._rebuild(node)

    def _rebuild(self, node: Sql) -> Sql:
        def again(value: object) -> object:
            if isinstance(value, list):
                return [again(v) for v in value]
            if isinstance(value, exp.Identifier | exp.DataType | exp.Var):
                return value.copy()
            return self._walk(value) if isinstance(value, exp.Expression) else value

        return type(node)(**{name: again(value) for name, value in node.args.items()})

    def type_of(self, value: Sql) -> str:
        """The DuckDB type of something rewritten."""
        return self.scope.type_of(value, self.variables)

    def bind(self, value: Sql) -> Sql:
        """Compute a value once, ahead, where that is possible."""
        if not self._free or isinstance(value, exp.Literal | exp.Null | exp.Boolean):
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
        if not any(_may_fail(node) for node in value.walk()):
            return value
        tried = self.bind(attempt(value))
        failed = is_null(attempt(exp.paren(is_null(value))))
        condition = when(is_null(tried), failed, exp.false())
        self.fail("EXPRESSION_FAILED", "could not be computed", condition, exp.null())
        return tried

    def strict(self, value: Sql, make: Callable[[Sql], Conversion]) -> Sql:
        """Convert, and note that what was there before must be there after."""
        given = self.bind(self.safe(value))
        conversion = make(given)
        result = self.bind(conversion.value)
        if conversion.fails:
            lost = all_of([present(given), is_null(result)])
            self.fail(conversion.code, conversion.message, lost, given)
        return result

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
        found = find_column(path[0], self.scope.columns)
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
        if kind != "JSON":
            return value
        scalar = json_text(value)
        nulls = self.scope.null_texts
        return self.bind(when(one_of(scalar, map(text, nulls)), exp.null(), scalar) if nulls else scalar)

    # -- conversions ------------------------------------------------------------------------

    def _cast(self, node: exp.Cast) -> Sql:
        to = node.to.sql("duckdb")
        if isinstance(node.this, exp.Literal) and node.this.is_string and to in _MOMENTS:
            return _constant(node, _MOMENTS[to])
        return self.strict(self._walk(node.this), lambda x: self._converted(x, to))

    def _try_cast(self, node: exp.TryCast) -> Sql:
        self._forgiving += 1
        try:
            return self._cast(node)
        finally:
            self._forgiving -= 1

    def _converted(self, x: Sql, to: str) -> Conversion:
        of = self.type_of(x)
        conversion = convert(x, of, to, explicit=True)
        if conversion is None:
            raise PlanError(f"{of} cannot be cast to {to}.")
        return conversion

    def _strptime(self, node: exp.StrToTime) -> Sql:
        formats = node.args["format"]
        wanted = formats.expressions if isinstance(formats, exp.Array) else [formats]
        args = [exp.null(), *wanted]
        return self._helper("strptime", node.this, lambda x: helpers.strptime("strptime", [x, *args[1:]], date=False))

    def _try_strptime(self, node: exp.Anonymous) -> Sql:
        if len(node.expressions) != 2:
            raise FlowError("try_strptime takes a text and a format, or a list of formats.")
        self._forgiving += 1
        try:
            return self._strptime(exp.StrToTime(this=node.expressions[0], format=node.expressions[1]))
        finally:
            self._forgiving -= 1

    def _expanded(self, node: exp.Anonymous) -> Sql:
        name = node.name.lower()
        first, rest = node.expressions[:1], node.expressions[1:]
        if not first:
            helpers.expand(name, [])
        result = self._helper(name, first[0], lambda x: helpers.expand(name, [x, *rest]))
        if name != "parse_number" or _stands_alone(node):
            return result
        return self.strict(result, lambda x: self._converted(x, NESTED_NUMBER))

    def _helper(self, name: str, argument: Sql, make: Callable[[Sql], Conversion]) -> Sql:
        given = self._walk(argument)
        kind = self.type_of(given)
        if kind not in ("VARCHAR", '"NULL"'):
            raise PlanError(f"{name} reads text, not {kind}.", hint="CAST(... AS VARCHAR) first.")
        return self.strict(cast(given, "VARCHAR") if kind != "VARCHAR" else given, make)

    def _divide(self, node: exp.Binary) -> Sql:
        left, right = self._walk(node.this), self._walk(node.expression)
        if not isinstance(right, exp.Literal) or right.name.strip("0.") == "":
            divisor = self.bind(self.safe(right))
            zero = exp.EQ(this=divisor.copy(), expression=number(0))
            self.fail("DIVISION_BY_ZERO", "divides by zero", is_true(zero), divisor)
            right = call("nullif", divisor, number(0))
        rest = {k: v for k, v in node.args.items() if k not in ("this", "expression")}
        return type(node)(this=left, expression=right, **rest)

    # -- choices: what is not reached cannot fail ---------------------------------------------

    def _under(self, guards: Sequence[Sql], node: Sql) -> Sql:
        before = self._guards
        self._guards = (*before, *guards)
        try:
            return self._walk(node)
        finally:
            self._guards = before

    def _case(self, node: exp.Case) -> Sql:
        subject = self.bind(self._walk(node.this)) if node.this is not None else None
        passed: list[Sql] = []
        branches = []
        for branch in node.args["ifs"]:
            test = self._under(passed, branch.this)
            taken = test if subject is None else exp.EQ(this=subject.copy(), expression=test)
            value = self._under([*passed, is_true(taken)], branch.args["true"])
            passed.append(not_(is_true(taken)))
            branches.append(exp.If(this=taken.copy(), true=value))
        default = node.args.get("default")
        otherwise = None if default is None else self._under(passed, default)
        return exp.Case(ifs=branches, default=otherwise)

    def _if(self, node: exp.If) -> Sql:
        return self._case(exp.Case(ifs=[node.copy()], default=node.args.get("false")))

    def _coalesce(self, node: exp.Coalesce) -> Sql:
        values: list[Sql] = []
        for argument in [node.this, *node.expressions]:
            value = self._under([is_null(v) for v in values], argument)
            values.append(value)
        return call("coalesce", *values)

    # -- lookups ------------------------------------------------------------------------------

    def _look_up(self, node: exp.Anonymous) -> Sql:
        if self.variables:
            raise FlowError("lookup cannot be used inside a list (each).")
        if len(node.expressions) != 3 or not all(
            isinstance(node.expressions[i], exp.Literal) and node.expressions[i].is_string for i in (0, 2)
        ):
            raise FlowError("lookup takes a seed's name, a key and a column's name: lookup('airports', dest, 'name').")
        seed, key, column = node.expressions
        table, slot = self.scope.seeds.slot(seed.name, column.name)
        self.seeds.add((seed.name, column.name))
        chain = self.scope.chain
        asked = self.safe(self._walk(key))
        kind = self.type_of(asked)
        bound = chain.bind(asked if kind == "VARCHAR" else cast(asked, "VARCHAR"), "VARCHAR")
        found = chain.look_up(table, bound, "k")
        if node.name.lower() == "lookup":
            missing = all_of([present(bound), is_null(found)])
            self.fail("LOOKUP_NOT_FOUND", f"is not in the seed {seed.name}", missing, bound)
        return chain.look_up(table, bound, slot)


_MOMENTS: dict[str, Callable[[str], object]] = {
    "DATE": date.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "TIME": time.fromisoformat,
}


def _constant(node: exp.Cast, read: Callable[[str], object]) -> Sql:
    """``DATE '2024-01-01'``: a literal that is wrong is the flow's fault, not the row's."""
    try:
        read(node.this.name)
    except ValueError as error:
        raise FlowError(f"{node.sql('duckdb')}: {error}.") from None
    return node.copy()


_HANDLERS: dict[type[Sql], Callable[[Rewriter, Sql], Sql]] = {
    exp.Column: Rewriter._name,
    exp.Dot: Rewriter._name,
    exp.Cast: Rewriter._cast,
    exp.TryCast: Rewriter._try_cast,
    exp.StrToTime: Rewriter._strptime,
    exp.Case: Rewriter._case,
    exp.If: Rewriter._if,
    exp.Coalesce: Rewriter._coalesce,
    exp.Div: Rewriter._divide,
    exp.IntDiv: Rewriter._divide,
    exp.Mod: Rewriter._divide,
}  # type: ignore[dict-item]

_CALLS: dict[str, Callable[[Rewriter, exp.Anonymous], Sql]] = {
    "lookup": Rewriter._look_up,
    "try_lookup": Rewriter._look_up,
    "try_strptime": Rewriter._try_strptime,
    **dict.fromkeys(helpers.EXPANSIONS, Rewriter._expanded),
}

_RISKY_NODES = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg)


def _may_fail(node: Sql) -> bool:
    if isinstance(node, _RISKY_NODES):
        return not (isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal))
    if isinstance(node, exp.Func) and not isinstance(node, exp.Cast | exp.Case | exp.And | exp.Or):
        name = node.name.lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()
        return bool({name, node.key} & MAY_FAIL) or node.key in _RISKY_KEYS
    return False


_RISKY_KEYS = frozenset({"pow", "timetostr", "timestamptrunc", "datefromparts", "timestampfromparts"})


def _stands_alone(node: Sql) -> bool:
    """The value itself is wanted, not something made of it: the field or a cast decides its type."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return parent is None or isinstance(parent, exp.Cast)


