"""Bare numbers: as they are, or in the unit of the target where both sides state theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lume_dagster.mapper.convert.number_task import Task, rounded, wants_fraction
from lume_dagster.mapper.convert.program import Program
from lume_dagster.mapper.terms.units import UNITS, Unit, factor_sql


def scaled(task: Task, number: str) -> Iterator[Program]:
    """Programs for a column of bare numbers; ``number`` is the expression for them."""
    kind = "identity" if number in (task.facts.plain, task.facts.column.reference) else "number"
    made = task.program(number, 0.97, ("The values are numbers.",), kind)
    source, target = task.source, task.target
    if source and target and source.family == target.family and source != target:
        yield from _converted(task, made, source, target)
    elif source and source.name == "percent" and wants_fraction(task.want):
        why = f"{task.facts.name} is in percent, the target is a fraction."
        expression = f"{_typed(task, made)} / 100"
        yield replace(made, expression=expression, kind="unit", prior=0.95, reasons=(why,))
        yield replace(made, prior=0.05, review=True)
    else:
        yield from _other_scale(task, made)
        yield from rounded(_doubted(task, made), task.want)


def _converted(task: Task, made: Program, source: Unit, target: Unit) -> Iterator[Program]:
    why = f"{task.facts.name} is in {source.name}, the target in {target.name}."
    value = _typed(task, made)
    expression = degrees(value, source, target) or value + factor_sql(source, target)
    prior = made.prior * 0.98
    unit = replace(made, expression=expression, kind="unit", prior=prior, reasons=(why,))
    yield from rounded(unit, task.want)
    yield replace(made, prior=0.05, reasons=(f"Taken as it is, though {why}",), review=True)


def _typed(task: Task, made: Program) -> str:
    """The number as something that can be calculated with, exactly."""
    if made.kind == "number" or not task.facts.is_text:
        return made.expression
    return f"parse_number({made.expression})"


def _doubted(task: Task, made: Program) -> Program:
    """Less sure where the unit of one side alone is stated, or the numbers look otherwise."""
    source, target, name = task.source, task.target, task.facts.name
    if target and not source and _out_of_bounds(task):
        return replace(made, prior=made.prior * 0.3)
    if target and not source and target.family not in ("count", "ratio"):
        why = f"The target is in {target.name}; in what unit {name} is nobody says."
        return _unsure(made, 0.87, why)
    if source and not target and source.name not in ("one", "percent"):
        why = f"{name} is in {source.name}; in what unit the target is nobody says."
        return _unsure(made, 0.72, why)
    if source and target and source.family != target.family and target.name != "one":
        return _unsure(made, 0.6, f"{name} is in {source.name}, the target in {target.name}.")
    if _looks_smaller(task):
        return _unsure(made, 0.72, f"The values of {name} are far below what the target allows.")
    return made


def _unsure(made: Program, factor: float, why: str) -> Program:
    return replace(made, prior=made.prior * factor, reasons=(*made.reasons, why), review=True)


def _out_of_bounds(task: Task) -> bool:
    """Whether most numbers break the bounds of the target, as in another unit."""
    low, high = task.want.field.minimum, task.want.field.maximum
    numbers = task.floats()
    bad = [n for n in numbers if (low is not None and n < low) or (high is not None and n > high)]
    return len(bad) * 2 > len(numbers) > 0


def _looks_smaller(task: Task) -> bool:
    """Scores from 0 to 10 where the target goes to 100."""
    numbers = [abs(n) for n in task.floats()]
    top = task.want.field.maximum
    scored = task.want.says("score", "rating", "percent", "percentage", "share", "rate")
    return bool(numbers and top is not None and scored and max(numbers) <= float(top) / 10)


def _other_scale(task: Task, made: Program) -> Iterator[Program]:
    """Thousands or cents where the target does not say that it counts in one."""
    source = task.source
    if source is None or task.target is not None or source.family != "count":
        return
    if source.name == "one":
        return
    why = f"{task.facts.name} is in {source.name}, and the target does not say that it is."
    expression = _typed(task, made) + factor_sql(source, UNITS["count", "one"])
    yield replace(made, expression=expression, kind="unit", prior=0.75, reasons=(why,), review=True)


def degrees(value: str, source: Unit, target: Unit) -> str | None:
    """A temperature in another scale; None for other families."""
    if source.family != "temperature":
        return None
    return {
        ("f", "c"): f"({value} - 32) * 5 / 9",
        ("c", "f"): f"{value} * 9 / 5 + 32",
        ("c", "k"): f"{value} + 273.15",
        ("k", "c"): f"{value} - 273.15",
    }.get((source.name, target.name))
