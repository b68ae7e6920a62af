"""Numbers that carry their units, or words for thousands and millions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from lume_dagster.mapper.convert.facts import sql_text
from lume_dagster.mapper.convert.number_shapes import read_number
from lume_dagster.mapper.convert.number_task import Task, rounded, wants_fraction
from lume_dagster.mapper.convert.program import Program
from lume_dagster.mapper.convert.scales import degrees
from lume_dagster.mapper.terms.units import UNITS, WRITTEN, Unit, plain

_PART = re.compile(r"\s*[-+]?(\d[\d.,]*)\s*([^\d\s.,]+)\.?")
_AMBIGUOUS_BYTES = frozenset({"kb", "mb", "gb", "tb"})
_MOST_DIGITS = 12


def several_units(values: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The units of values that are numbers with units, one or more each: ``1h 30min``."""
    found = {}
    for value in values:
        parts = list(_PART.finditer(value.lower()))
        read = "".join(part[0] for part in parts).strip(" .")
        if parts and read == value.lower().strip(" ."):
            found[value] = tuple(part[2] for part in parts)
    return found


@dataclass(frozen=True)
class _Plan:
    """What the units are taken for: the unit that comes out, and how sure that is."""

    named: Mapping[str, Unit]  # by how they are written
    wanted: Unit
    prior: float
    reason: str
    loss: tuple[str, ...] = ()


def quantity_programs(task: Task, units: Mapping[str, tuple[str, ...]]) -> Iterator[Program]:
    """Programs for values with these units; an empty one is a number without."""
    spelled = list(dict.fromkeys(u for found in units.values() for u in found))
    known = [u for u in spelled if u]
    if not known or not all(u in WRITTEN for u in known):
        return
    for family in sorted(set.intersection(*(set(WRITTEN[u]) for u in known))):
        plan = _plan(task, family, {u: WRITTEN[u][family] for u in known})
        made = _program(task, plan, bare="" in spelled)
        if made is not None:
            yield from rounded(made, task.want)


def _plan(task: Task, family: str, named: Mapping[str, Unit]) -> _Plan:
    """Which unit the target wants."""
    shown = ", ".join(named)
    if family == "ratio":
        return _share(task, named)
    if family == "count":
        counted = task.target is not None and task.target.family == "count"
        wanted = task.target if counted and task.target else UNITS["count", "one"]
        vague = set(named) <= {"m", "b"} and not _has_money(task)
        why = f"{shown} stand for thousands, millions and the like."
        return _Plan(named, wanted, 0.8 if vague else 0.95, why)
    if task.target is not None and task.target.family == family:
        why = f"The values are in {shown}, the target in {task.target.name}."
        return _Plan(named, task.target, 0.95, why)
    loss = (f"The unit {shown} is dropped, and the target does not name it.",)
    if len({u.base for u in named.values()}) > 1:
        largest = max(named.values(), key=lambda u: u.base)
        return _Plan(named, largest, 0.3, "The values have several units.", loss)
    return _Plan(named, next(iter(named.values())), 0.75, f"All values are in {shown}.", loss)


def _share(task: Task, named: Mapping[str, Unit]) -> _Plan:
    fraction = wants_fraction(task.want)
    wanted = UNITS["ratio", "fraction" if fraction else "percent"]
    if fraction is None:
        why = "The values are in percent; whether the target is a fraction nobody says."
        return _Plan(named, wanted, 0.6, why)
    why = f"The values are in percent; the target is {'a fraction' if fraction else 'in percent'}."
    return _Plan(named, wanted, 0.95, why)


def _has_money(task: Task) -> bool:
    read = (read_number(v) for v in task.facts.values)
    return any(one is not None and one.currency for one in read)


def _program(task: Task, plan: _Plan, *, bare: bool) -> Program | None:
    """The program of a plan; ``bare`` is whether numbers stand without a unit too."""
    units, reasons, prior = plan.named, [plan.reason], plan.prior
    if any(u.family == "temperature" for u in units.values()):
        return _degrees(task, plan)
    if bare and plan.wanted.family != "count":
        prior *= 0.7
        reasons.append("Numbers without a unit are taken to be in that of the target.")
    if any(u.family == "data" and u.name in _AMBIGUOUS_BYTES for u in units.values()):
        prior *= 0.85
        reasons.append("A kilobyte is taken as 1000 bytes.")
    factors, divide = _factors(units, plan.wanted)
    if bare:
        factors[""] = plain(plan.wanted.base) if divide else plain(Decimal(1))
    return _made(task, plan, f"{_parse(task, factors)}{divide}", prior, reasons)


def _parse(task: Task, factors: Mapping[str, str]) -> str:
    listed = ", ".join(f"{sql_text(u)}: {f}" for u, f in factors.items())
    return f"parse_quantity({task.facts.read}, {{{listed}}}{task.comma})"


def _made(
    task: Task, plan: _Plan, expression: str, prior: float, reasons: Sequence[str]
) -> Program:
    made = task.program(expression, prior, reasons, "unit")
    losses = (*made.losses, *plan.loss)
    return replace(made, losses=losses, review=made.review or prior < 0.9)


def _factors(named: Mapping[str, Unit], wanted: Unit) -> tuple[dict[str, str], str]:
    """What each unit counts in the wanted one; or in the smallest, and what to divide by then."""
    exact = {u: unit.base / wanted.base for u, unit in named.items()}
    if all(
        len(f.as_tuple().digits) <= _MOST_DIGITS and f * wanted.base == named[u].base
        for u, f in exact.items()
    ):
        return {u: plain(f) for u, f in exact.items()}, ""
    return {u: plain(unit.base) for u, unit in named.items()}, f" / {plain(wanted.base)}"


def _degrees(task: Task, plan: _Plan) -> Program | None:
    """Degrees of one scale; of several there is no one expression."""
    if len({u.name for u in plan.named.values()}) > 1:
        return None
    unit = next(iter(plan.named.values()))
    value = _parse(task, dict.fromkeys(plan.named, "1"))
    turned = value if unit == plan.wanted else degrees(value, unit, plan.wanted)
    return None if turned is None else _made(task, plan, turned, plan.prior, [plan.reason])
