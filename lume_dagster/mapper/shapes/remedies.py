"""Another conversion for values that are written otherwise now: found, tried, and put beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import Flow
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert import Converted, convert
from lume_dagster.mapper.lineage import lineage_of
from lume_dagster.mapper.nodes import Leaf, leaves, with_node
from lume_dagster.mapper.sample import Sample
from lume_dagster.mapper.shapes.compare import ShapeChange
from lume_dagster.mapper.trial import Trial
from lume_dagster.mapper.workshop.running import changed_flow
from lume_dagster.plan.expressions import DIALECT, parse_expression

_READ = frozenset({"written", "numbers", "decimal", "order"})  # what another conversion may mend
_VALID = 0.95  # of the values must be read
_BETTER = 0.1  # more of them than now
_DATES = {"date": "parse_date", "date-time": "parse_timestamp"}
_ISO = "%Y-%m-%d"


@dataclass(frozen=True, slots=True)
class Remedy:
    """Another expression for a field, and what share of the batch's values each of them reads."""

    path: str
    before: str
    after: str
    reads_before: float
    reads_after: float
    keeps: bool  # what the field was made from before is read as well

    @property
    def sentence(self) -> str:
        """What it would do."""
        shares = f"reads {self.reads_after:.0%} of them, {self.before} {self.reads_before:.0%}"
        older = "" if self.keeps else "; batches as they were need the old one"
        return f"{self.path}: {self.after} {shares}{older}."


def remedies(
    flow: Flow, changes: Sequence[ShapeChange], sample: Sample, settings: EngineSettings
) -> tuple[Remedy, ...]:
    """What could be changed in the mapping; fields with a list of allowed values are left out.

    Raises:
        MissingExtraError: ``lume-dagster[mapper]`` is not there.
    """
    whats = {change.path: change.what for change in changes if change.what in _READ}
    there = {column.path for column in sample.columns}
    fields = {field.path: field for field in flow.target_schema.walk()}
    if not whats:
        return ()
    source = flow.source
    with Trial(
        settings, sample, nulls=source.format.nulls, also_called=source.also_called
    ) as trial:
        found = [
            _remedy(trial, fields[leaf.path], leaf, path, whats[path])
            for leaf, path in _made_of(flow, whats)
            if path in there and fields[leaf.path].enum is None
        ]
    return tuple(one for one in found if one is not None)


def with_remedies(flow: Flow, found: Sequence[Remedy]) -> Flow:
    """The flow with the other expressions."""
    mapping: Mapping[str, object] = flow.mapping
    for remedy in found:
        mapping = with_node(mapping, flow.target_schema, remedy.path, remedy.after)
    return changed_flow(flow, mapping=dict(mapping))


def _made_of(flow: Flow, paths: Mapping[str, object]) -> Iterator[tuple[Leaf, str]]:
    """The fields that are made of one of the columns, and of nothing else."""
    for leaf in leaves(flow.mapping, flow.target_schema):
        lineage = lineage_of(leaf.expression, f"mapping.{leaf.path}", leaf.variables)
        sources = () if lineage.seeds or lineage.fields or leaf.variables else lineage.sources
        if len(sources) == 1 and sources[0] in paths:
            yield leaf, sources[0]


def _remedy(trial: Trial, field: SchemaField, leaf: Leaf, path: str, what: str) -> Remedy | None:
    now = _reads(trial, field, leaf.expression)
    made = convert(field, [trial.sample.column(path)], trial)
    best = next((one for one in made if _may_stand(one, leaf.expression)), None)
    if best is None or (best.valid < now + _BETTER and what != "order"):
        return None
    both = None if what == "order" else _both(field, leaf.expression, best.expression)
    if both is not None and _reads(trial, field, both) >= best.valid:
        return Remedy(leaf.path, leaf.expression, both, now, best.valid, keeps=True)
    return Remedy(leaf.path, leaf.expression, best.expression, now, best.valid, keeps=False)


def _may_stand(made: Converted, current: str) -> bool:
    return made.expression != current and made.valid >= _VALID and not made.review


def _reads(trial: Trial, field: SchemaField, expression: str) -> float:
    """The share of the values that an expression has a good result for."""
    tried = trial.one(field, expression)
    failed = sum(error is not None for error in tried.errors)
    return round(tried.good / (tried.good + failed), 4) if tried.good + failed else 0.0


def _both(field: SchemaField, before: str, after: str) -> str | None:
    """For dates one expression that reads both: the formats of both, the old ones first."""
    function = _DATES.get(field.format or "")
    old, new = (_formats(text, function) for text in (before, after)) if function else (None, None)
    if old is None or new is None or old[0] != new[0]:
        return None
    formats = dict.fromkeys((*old[1], *new[1]))
    if len({_marks(one) for one in formats}) < len(formats):
        return None  # the same digits would be read in two ways
    return f"{function}({old[0]}, {', '.join(exp.Literal.string(f).sql(DIALECT) for f in formats)})"


def _formats(expression: str, function: str | None) -> tuple[str, tuple[str, ...]] | None:
    """The column and the formats of ``parse_date(column, ...)``; a date as it is, is ISO's."""
    tree = parse_expression(expression, "the expression")
    if isinstance(tree, exp.Column | exp.Dot) and function == "parse_date":
        return expression, (_ISO,)
    if not isinstance(tree, exp.Anonymous) or tree.name.lower() != function:
        return None
    column, *rest = tree.expressions
    if not all(isinstance(one, exp.Literal) and one.is_string for one in rest):
        return None
    return column.sql(DIALECT), tuple(one.name for one in rest) or (_ISO,)


def _marks(date_format: str) -> str:
    """What is left of a format without its letters: formats that differ in it fit other texts."""
    return "".join(c for c in date_format.replace("%-", "%") if not c.isalpha() and c != "%") + (
        "Y" if date_format.startswith("%Y") else ""
    )
