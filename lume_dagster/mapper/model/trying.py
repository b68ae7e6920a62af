"""Try what a model answered for one field: is it allowed, what is it made from, does it stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from lume_dagster.errors import FlowError, LumeError
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.model.privacy import Veil
from lume_dagster.mapper.model.values import Example, Fault, Judged, Workbench
from lume_dagster.mapper.sample import SampleColumn
from lume_dagster.plan.expressions import DIALECT, parse_expression
from lume_dagster.plan.names import path_of

CAP = 0.75  # what a model alone may be sure of
_MOST_EXAMPLES = 10
_NO_VALUE = Fault("NO_VALUE", 0, (), "every row is empty.")


@dataclass(frozen=True, slots=True)
class Given:
    """What the model said of a field, with paths in place of ids."""

    sources: tuple[str, ...]
    expression: str | None
    examples: tuple[Example, ...]
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: an expression without faults stands; nothing at all was not meant to be.

    ``good`` is the share of the rows with a value that have no fault.
    """

    expression: str | None = None
    sources: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    good: float = 0.0


def given_of(answer: Any, columns: Mapping[str, SampleColumn]) -> Given:
    """From the validated answer of one field."""
    examples = getattr(answer, "examples", None) or []
    return Given(
        tuple(dict.fromkeys(columns[key].path for key in answer.sources)),
        (answer.expression or "").strip() or None,
        tuple(Example(tuple(e.inputs), e.output) for e in examples[:_MOST_EXAMPLES]),
        min(answer.confidence, CAP),
        answer.reason,
    )


def try_out(
    field: SchemaField,
    given: Given,
    columns: Sequence[SampleColumn],
    veil: Veil,
    workbench: Workbench,
    *,
    constants: bool = False,
) -> Outcome:
    """Run it on the sample; ``constants`` is whether a person asked for one."""
    try:
        expression = _expression(field, given, veil, workbench)
        if expression is None:
            return _no_program(given)
        used = columns_in(expression, columns, given.sources)
    except FlowError as error:
        return Outcome(faults=(Fault("NOT_ALLOWED", 0, (), str(error)),))
    if not used and not constants and len(field.enum or ()) != 1:
        return Outcome(faults=(Fault("CONSTANT", 0, (), "no column is in the expression."),))
    judged = _judged(field, expression, used, workbench)
    faults = () if judged.ok else judged.faults or (_NO_VALUE,)
    return Outcome(expression, used, faults, judged.good)


def _expression(field: SchemaField, given: Given, veil: Veil, workbench: Workbench) -> str | None:
    if given.expression is not None:
        return veil.reveal(given.expression)
    fits = all(len(example.inputs) == len(given.sources) for example in given.examples)
    if not given.examples or not given.sources or not fits or workbench.synthesize is None:
        return None
    return workbench.synthesize(field, given.sources, given.examples)


def _no_program(given: Given) -> Outcome:
    if not given.examples:
        return Outcome()
    said = "no program was found for the examples; each needs an input for every source."
    return Outcome(faults=(Fault("NO_PROGRAM", 0, (), said),))


def _judged(
    field: SchemaField, expression: str, used: tuple[str, ...], workbench: Workbench
) -> Judged:
    try:
        return workbench.judge(field, expression, used)
    except LumeError as error:
        return Judged(ok=False, faults=(Fault("REFUSED", 0, (), str(error)),))


def columns_in(
    expression: str, columns: Sequence[SampleColumn], meant: Sequence[str] = ()
) -> tuple[str, ...]:
    """The paths of the columns an expression speaks of; of alike ones, those that were meant.

    Raises:
        FlowError: it is not allowed, or speaks of what is not among the columns.
    """
    tree = parse_expression(expression, "the expression")
    known: dict[tuple[str, ...], list[str]] = {}
    for column in columns:
        known.setdefault(_path(column.reference), []).append(column.path)
    found: dict[str, None] = {}
    for node in _names(tree):
        alike = _nearest(path_of(node), known)
        if not alike:
            raise FlowError(f"{node.sql(DIALECT)} is not among the columns.",
                            hint='write a column as its "write" says.')  # fmt: skip
        found[next((path for path in alike if path in meant), alike[0])] = None
    return tuple(found)


def _path(reference: str) -> tuple[str, ...]:
    tree = parse_expression(reference, "a column")
    return tuple(part.casefold() for part in path_of(tree))  # type: ignore[arg-type]


def _names(tree: exp.Expr) -> list[exp.Column | exp.Dot]:
    """The outermost name of each path."""
    return [
        node
        for node in tree.walk()
        if isinstance(node, exp.Column | exp.Dot) and not isinstance(node.parent, exp.Dot)
    ]


def _nearest(path: tuple[str, ...], known: Mapping[tuple[str, ...], list[str]]) -> list[str]:
    """The column itself, or the one whose nested value the path leads into."""
    folded = tuple(part.casefold() for part in path)
    for length in range(len(folded), 0, -1):
        if folded[:length] in known:
            return known[folded[:length]]
    return []


def canonical(expression: str) -> str:
    """The same text for expressions that differ in spacing, case of functions or quoting only."""
    tree = parse_expression(expression, "the expression").copy()
    for name in tree.find_all(exp.Identifier):
        name.set("quoted", True)
    return tree.sql(DIALECT, normalize_functions="upper")
