"""What people decided of the same fields in other flows, brought to bear on this sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from lume_dagster.errors import LumeError
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert import Converted
from lume_dagster.mapper.convert.program import Loss
from lume_dagster.mapper.generate.options import Bench, Option
from lume_dagster.mapper.knowledge import Knowledge
from lume_dagster.mapper.match.core import Candidate
from lume_dagster.mapper.proposal import Decision, Shown
from lume_dagster.mapper.review import Remembered
from lume_dagster.plan.expressions import parse_expression
from lume_dagster.plan.items import ITEM, list_read_by
from lume_dagster.plan.names import path_of

_TRUSTED = {Decision.APPROVED: 0.97, Decision.PROPOSED: 0.9}
_SHOWN = 5


def knowing(knowledge: Knowledge, memory: Sequence[Remembered]) -> Knowledge:
    """With the names that people have said go together."""
    pairs = [
        (column, kept.field.name)
        for kept in memory
        for column in columns_in(kept.expression)
        if len(columns_in(kept.expression)) == 1
    ]
    return knowledge.remembering(pairs) if pairs else knowledge


def columns_in(expression: str) -> tuple[str, ...]:
    """The columns an expression reads, each once; none of what cannot be read."""
    try:
        tree = parse_expression(expression, "a remembered expression")
    except LumeError:  # of a flow that needs mending: it remembers nothing
        return ()
    return tuple(dict.fromkeys(path_of(column)[0] for column in _columns(tree)))


def _columns(tree: exp.Expr) -> Iterator[exp.Column]:
    """All but what stands for the items of a list."""
    for column in tree.find_all(exp.Column):
        if path_of(column)[0] != ITEM or list_read_by(column) is None:
            yield column


def remembered_options(
    bench: Bench, field: SchemaField, columns: Sequence[Candidate], memory: Sequence[Remembered]
) -> Iterator[Option]:
    """Expressions of other flows that work here too, on the column that is in theirs' place."""
    for kept in memory:
        if kept.field.path != field.path or len(columns_in(kept.expression)) != 1:
            continue
        for candidate in columns[:1]:
            expression = _on(bench, kept.expression, candidate.column)
            made = _tried(bench, field, expression, candidate.column, kept)
            if made is not None:
                yield Option(made, candidate.probability, candidate.reasons)


def _on(bench: Bench, expression: str, path: str) -> str:
    """The expression with the column of this sample in the place of the one it was made for."""
    tree = parse_expression(expression, "a remembered expression").copy()
    here = bench.sample.column(path).reference
    if columns_in(expression) == (path,):
        return expression
    for column in list(_columns(tree)):
        column.replace(parse_expression(here, "a column").copy())
    return tree.sql("duckdb")


def _tried(
    bench: Bench, field: SchemaField, expression: str, path: str, kept: Remembered
) -> Converted | None:
    """As good as the person's word, where all rows of the sample come out."""
    tried = bench.trial.one(field, expression, path if "[]" in path else "")
    if tried.refused is not None:
        return None
    column = bench.sample.column(path)
    failed = [row for row, error in enumerate(tried.errors) if error is not None]
    given = sum(value is not None for value in column.values)
    valid = 1 - len(failed) / given if given else 0.0
    samples = dict.fromkeys(column.values[row] or "" for row in failed if row < len(column.values))
    shown = zip(column.values, tried.values, tried.errors, strict=False)
    return Converted(
        expression=expression,
        kind="remembered",
        sources=(path,),
        probability=round(_TRUSTED.get(kept.decision, 0.0) * max(0.0, valid), 4),
        loss=Loss(failed=len(failed), failed_samples=tuple(samples)[:_SHOWN]),
        reasons=(f"Somebody {kept.decision.lower()} it for the same field in {kept.flow}.",),
        shown=tuple(Shown({path: before}, *after) for before, *after in list(shown)[:_SHOWN]),
        valid=round(valid, 4),
    )
