"""Compile a flow for the columns of a batch: the pure function from Flow to Plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlglot import exp

from lume_dagster.errors import FlowError, LumeError, PlanError, did_you_mean
from lume_dagster.flows.model import Flow, Handling, Rule
from lume_dagster.flows.schema import SchemaField
from lume_dagster.plan.chain import Chain
from lume_dagster.plan.columns import as_required, severity_of, target_column
from lume_dagster.plan.error_origins import Origin, Origins
from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.fields import Compiled, Test, compile_field
from lume_dagster.plan.handlers import HANDLERS
from lume_dagster.plan.plan import (
    BatchMeasure,
    MappedColumn,
    Plan,
    RowTest,
    SourceColumn,
    TypeOracle,
)
from lume_dagster.plan.queries import Queries
from lume_dagster.plan.rewrite import Rewriter, Scope
from lume_dagster.plan.seed_slots import SeedSlots
from lume_dagster.plan.sql import (
    Sql,
    any_of,
    call,
    cast,
    text,
)


class Compiler:
    """A flow and the columns of a batch; ``seed_columns`` are the headers of the flow's seeds.

    ``empty_is_null`` is True for CSV, where an empty text means no value.
    """

    def __init__(
        self,
        flow: Flow,
        columns: Sequence[SourceColumn],
        seed_columns: Mapping[str, tuple[str, ...]],
        oracle: TypeOracle,
        *,
        empty_is_null: bool = False,
    ) -> None:
        self._flow = flow
        self._columns = tuple(columns)
        self._seeds = SeedSlots(flow.seeds, seed_columns)
        self._chain = Chain()
        self._fields = {f.name: f for f in flow.target_schema.fields}
        self._done: dict[str, tuple[Compiled, Rewriter]] = {}
        self._busy: list[str] = []
        nulls = (*(("",) if empty_is_null else ()), *flow.source.format.nulls)
        self._scope = Scope(
            chain=self._chain,
            columns=self._columns,
            also_called=flow.source.also_called,
            null_texts=tuple(dict.fromkeys(nulls)),
            seeds=self._seeds,
            oracle=oracle,
            handlers=HANDLERS,
            target=self._target,
            target_rewriter=lambda path: self._done[path.split(".")[0]][1],
        )

    # -- fields -------------------------------------------------------------------------------

    def _compiled(self, name: str) -> Compiled:
        if name in self._done:
            return self._done[name][0]
        if name in self._busy:
            loop = " -> ".join([*self._busy[self._busy.index(name) :], name])
            raise FlowError(f"mapping.{name}: fields are computed from each other: {loop}.")
        self._busy.append(name)
        rewriter = Rewriter(self._scope)
        compiled = compile_field(
            self._field(name), self._flow.mapping.get(name), rewriter, self._severity
        )
        self._busy.pop()
        self._done[name] = (compiled, rewriter)
        return compiled

    def _field(self, name: str) -> SchemaField:
        return as_required(self._flow, self._fields[name])

    def _target(self, path: str) -> Sql:
        name, *rest = path.split(".")
        if name not in self._fields:
            raise FlowError(
                f"there is no target field {name!r}.", hint=did_you_mean(name, self._fields)
            )
        value = self._compiled(name).value
        for part in rest:
            value = call("struct_extract", value, text(part))
        return value

    def _severity(self, path: str, keyword: str) -> Handling:
        return severity_of(self._flow, path, keyword)

    # -- rules --------------------------------------------------------------------------------

    def _rule(self, rule: Rule) -> Test:
        where = f"rules.{rule.name}"
        rewriter = Rewriter(self._scope)
        try:
            holds = rewriter.rewrite(parse_expression(rule.check, where))
            kind = rewriter.type_of(holds)
        except (FlowError, PlanError) as error:
            raise _under(error, where) from None
        if kind != "BOOLEAN":
            raise PlanError(f"{where}: a rule is true or false, this gives {kind}.")
        false = exp.EQ(this=exp.paren(holds), expression=exp.false())
        broken = any_of([false, *(f.condition for f in rewriter.failures)])
        row = RowTest(
            id=f"rule:{rule.name}",
            kind="rule",
            field=rule.name,
            code="RULE_FAILED",
            severity=rule.on_fail,
            message=rule.message or f"breaks the rule {rule.check}",
        )
        return Test(row, broken, _shown(rewriter.sources, self._columns))

    # -- the plan -----------------------------------------------------------------------------

    def plan(self) -> Plan:
        """By which the flow maps the batch.

        Raises:
            FlowError: an expression that is not allowed or makes no sense for any batch.
            PlanError: a column the batch does not have, or a type that cannot become the field's.
        """
        compiled = [(f, self._compiled(f.name)) for f in self._flow.target_schema.fields]
        tests = [t for _, c in compiled for t in c.tests] + [
            self._rule(r) for r in self._flow.rules
        ]
        values = tuple((f.name, c.value) for f, c in compiled)
        queries = Queries(self._chain, self._columns, values, tuple(tests), self._flow.target.key)
        return Plan(
            columns=tuple(self._mapped_column(f) for f, _ in compiled),
            key=self._flow.target.key,
            seeds=self._seeds.tables(),
            tests=queries.row_tests(),
            mapped=queries.mapped(),
            rejects=queries.rejects(),
            side_tests=queries.side_tests(),
            repeated_keys=queries.repeated_keys(),
            duplicates=queries.duplicates(),
            measures=tuple(_measures(self._flow)),
            tries_twice=self._scope.tried.twice,
        )

    def origins(self) -> Origins:
        """What each field and rule of a flow that compiles comes down to."""
        parts = []
        for field in self._flow.target_schema.fields:
            made = self._compiled(field.name)
            tested = [sql for test in made.tests for sql in (test.broken, test.value)]
            parts.append(Origin(f"mapping.{field.name}", (made.value, *tested)))
        for rule in self._flow.rules:
            test = self._rule(rule)
            parts.append(Origin(f"rules.{rule.name}", (test.broken, test.value)))
        return Origins(self._chain, tuple(parts))

    def problems(self) -> tuple[LumeError, ...]:
        """What ``plan`` would stop at, for every field and rule instead of the first."""
        found: list[LumeError] = []
        steps: list[Callable[[], object]] = [
            *(partial(self._compiled, f.name) for f in self._flow.target_schema.fields),
            *(partial(self._rule, r) for r in self._flow.rules),
        ]
        for step in steps:
            try:
                step()
            except LumeError as error:
                found.append(error)
            self._busy.clear()
        return tuple({str(error): error for error in found}.values())

    def _mapped_column(self, field: SchemaField) -> MappedColumn:
        rewriter = self._done[field.name][1]
        return replace(
            target_column(self._flow, field),
            sources=tuple(sorted(rewriter.sources)),
            seeds=tuple(sorted(rewriter.seeds)),
        )


def _under(error: LumeError, where: str) -> LumeError:
    if error.message.startswith(where):
        return error
    return type(error)(f"{where}: {error.message}", hint=error.hint)


def _shown(sources: Iterable[str], columns: Sequence[SourceColumn]) -> Sql:
    """What a rule looked at: the one value, or name and value of each."""
    used = [c for c in columns if c.name in set(sources)]
    values = [cast(exp.column(c.id), "VARCHAR") for c in used]
    if len(values) == 1:
        return values[0]
    named = [call("concat", text(f"{c.name}="), v) for c, v in zip(used, values, strict=True)]
    return call("concat_ws", text(", "), *named) if named else cast(exp.null(), "VARCHAR")


def _measures(flow: Flow) -> Iterable[BatchMeasure]:
    for check in flow.checks:
        if check.unique is not None:
            names = (check.unique,) if isinstance(check.unique, str) else check.unique
            yield BatchMeasure(f"unique:{','.join(names)}", _repeated(names))
        if check.null_rate is not None:
            field = exp.column(check.null_rate.field, quoted=True)
            yield BatchMeasure(
                f"null_rate:{check.null_rate.field}", f"count(*) - count({field.sql('duckdb')})"
            )


def _repeated(names: tuple[str, ...]) -> str:
    columns = [exp.column(n, quoted=True) for n in names]
    value = columns[0] if len(columns) == 1 else call("row", *columns)
    return (
        f"count(*) - count(DISTINCT {value.sql('duckdb')})"
        if len(columns) > 1
        else (f"count({value.sql('duckdb')}) - count(DISTINCT {value.sql('duckdb')})")
    )
