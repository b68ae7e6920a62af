"""Several expressions for one field, compiled as a flow's would be, and told apart row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from sqlglot import exp

from lume_dagster.errors import FlowError, LumeError, PlanError
from lume_dagster.flows.model import Handling, Seed
from lume_dagster.flows.schema import SchemaField
from lume_dagster.plan.chain import ROW, Chain
from lume_dagster.plan.fields import Compiled, compile_field, items_of
from lume_dagster.plan.handlers import HANDLERS
from lume_dagster.plan.plan import SeedTable, SourceColumn, TypeOracle
from lume_dagster.plan.rewrite import Rewriter, Scope
from lume_dagster.plan.seed_slots import SeedSlots
from lume_dagster.plan.sql import Sql, alias, call, cast, column, is_true, lambda_, struct, text

ITEM = "item"  # what stands for an item of a list, in every list


@dataclass(frozen=True, slots=True)
class Source:
    """What expressions may read, and who knows their types."""

    columns: Sequence[SourceColumn]
    seeds: Mapping[str, Seed]
    seed_columns: Mapping[str, tuple[str, ...]]
    oracle: TypeOracle
    null_texts: tuple[str, ...] = ()
    also_called: Mapping[str, Sequence[str]] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)  # of the oracle, for all candidates


@dataclass(frozen=True, slots=True)
class Candidates:
    """A SELECT over ``staged``: for each expression a struct ``c<n>`` of value and error code.

    ``refused`` says of each why it is none, or None. Inside lists each column is a list of structs,
    as deep as the lists are.
    """

    query: str
    refused: tuple[LumeError | None, ...]
    seeds: tuple[SeedTable, ...]


def compile_candidates(
    target: SchemaField, expressions: Sequence[str], source: Source, within: Sequence[str] = ()
) -> Candidates:
    """Compile expressions for a field; ``within`` are the lists it lies in, outermost first.

    Raises:
        FlowError, PlanError: there is no such list.
    """
    scope, slots = _scope(source)
    outer = Rewriter(scope)
    lists = _lists(outer, within, target)
    query = exp.select(column(ROW))
    refused: list[LumeError | None] = []
    for number, expression in enumerate(expressions):
        inner = Rewriter(scope, {ITEM: lists[-1][1]} if lists else {})
        try:
            made = compile_field(target, expression, inner, _rejected)
            query = query.select(alias(_told(made, target, lists), f"c{number}"))
            refused.append(None)
        except (FlowError, PlanError) as error:
            refused.append(error)
    text_ = scope.chain.query(query.from_("chain").order_by(column(ROW)))
    return Candidates(text_, tuple(refused), slots.tables())


def _scope(source: Source) -> tuple[Scope, SeedSlots]:
    slots = SeedSlots(source.seeds, source.seed_columns)
    scope = Scope(
        chain=Chain(),
        columns=tuple(source.columns),
        also_called=source.also_called,
        null_texts=source.null_texts,
        seeds=slots,
        oracle=source.oracle,
        handlers=HANDLERS,
        target=_no_target,
        target_rewriter=_no_target,
        answers=source.answers,
    )
    return scope, slots


def _no_target(path: str) -> NoReturn:
    raise FlowError(
        f"target.{path}: a field that is tried alone cannot read another one.",
        hint="name the source columns it is made from.",
    )


def _rejected(_path: str, _keyword: str) -> Handling:
    return "reject"


def _lists(rewriter: Rewriter, within: Iterable[str], target: SchemaField) -> list[tuple[Sql, str]]:
    """Each list and the type of its items; an inner one is read from an item of the one before."""
    found: list[tuple[Sql, str]] = []
    for each in within:
        items, kind = items_of(each, rewriter, target)
        found.append((items, kind))
        rewriter = Rewriter(rewriter.scope, {ITEM: kind})
    return found


def _told(made: Compiled, target: SchemaField, lists: Sequence[tuple[Sql, str]]) -> Sql:
    """Value and error code of a row, or of each item of its lists."""
    broken = [exp.If(this=is_true(t.broken), true=text(t.row.code)) for t in made.tests]
    nothing = cast(exp.null(), "VARCHAR")
    code = exp.Case(ifs=broken, default=nothing) if broken else nothing
    told = struct([("value", _as_text(made.value, target)), ("error", code)])
    for items, _ in reversed(lists):
        told = call("list_transform", items, lambda_(ITEM, told))
    return told


def _as_text(value: Sql, target: SchemaField) -> Sql:
    """Texts as they are; lists and objects as JSON."""
    nested = target.type in ("object", "array")
    return cast(call("to_json", value) if nested else value, "VARCHAR")
