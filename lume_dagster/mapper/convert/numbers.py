"""Numbers out of texts: marks, currencies, ordinals, and what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lume_dagster.mapper.convert.facts import Facts, Want
from lume_dagster.mapper.convert.number_shapes import (
    PLAIN,
    Mark,
    Written,
    comma_locale,
    decimal_marks,
    read_number,
)
from lume_dagster.mapper.convert.number_task import Task, rounded
from lume_dagster.mapper.convert.program import Program
from lume_dagster.mapper.convert.quantities import quantity_programs, several_units
from lume_dagster.mapper.convert.scales import scaled
from lume_dagster.mapper.terms.units import WRITTEN, unit_of_name, unit_of_target

_APPROXIMATE = frozenset("~ < > ca. ca c. approx. approx about + ≈ est. circa".split())
_ORDINAL = re.compile(r"\d+(st|nd|rd|th|\.|º|ª|er|e)", re.IGNORECASE)
_OF = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/|out of|von|sur)\s*(\d+)")
_TYPES = ("TINY", "SMALL", "INT", "BIG", "HUGE", "UINT", "UBIG", "DOUBLE", "FLOAT", "DECIMAL")
_USUAL = Mark(".", 0.98)


def number_programs(facts: Facts, want: Want, siblings: Sequence[Facts] = ()) -> Iterator[Program]:
    """Programs for a field of type number or integer."""
    source, target = unit_of_name(facts.column.name), unit_of_target(want.field)
    task = Task(facts, want, _USUAL, source, target)
    if facts.column.type.startswith(_TYPES):
        yield from scaled(task, facts.column.reference)
        return
    yield from _out_of(facts, want)
    written = {v: w for v in facts.values if (w := read_number(v)) is not None}
    several = several_units(facts.values)
    if len(written) * 2 < len(facts.values):
        yield from quantity_programs(task, several)
        return
    whole = want.field.type == "integer" and target is None
    comma = comma_locale({s.name: s.values for s in siblings})
    bodies = [w.body for w in written.values()]
    currencies = sorted({w.currency for w in written.values()} - {""})
    mixed = (f"Several currencies are mixed: {', '.join(currencies)}.",)
    losses = mixed if len(currencies) > 1 else ()
    for mark in decimal_marks(bodies, whole=whole, comma_locale=comma):
        yield from _programs(replace(task, mark=mark, losses=losses), written, several)


def _programs(
    task: Task, written: Mapping[str, Written], several: Mapping[str, tuple[str, ...]]
) -> Iterator[Program]:
    """Programs for one reading of the marks, by what stands beside the numbers."""
    after = {w.after.strip(" .") for w in written.values()} - {""}
    before = {w.before for w in written.values()} - {""}
    if not after and not before:
        as_is = task.mark.sign == "." and all(PLAIN.fullmatch(v) for v in task.facts.values)
        yield from scaled(task, task.facts.plain if as_is else task.number)
        return
    if len(several) > len(written) or (len(several) * 2 > len(task.facts.values) and before):
        yield from quantity_programs(task, several)
    elif not before and all(a in WRITTEN for a in after):
        units = {v: (w.after.strip(" ."),) for v, w in written.items()}
        yield from quantity_programs(task, units)
    yield from _ordinals(task)
    known = not before and all(a in WRITTEN for a in after)
    for program in _extracted(task, after | before):
        yield replace(program, prior=program.prior * (0.5 if known else 1))


def _out_of(facts: Facts, want: Want) -> Iterator[Program]:
    """``87/100`` where the target goes to 100."""
    found = [_OF.fullmatch(v) for v in facts.values]
    tops = {int(m[2]) for m in found if m}
    if not facts.values or None in found or tops != {want.field.maximum}:
        return
    number = f"regexp_extract({facts.read}, '^[0-9.]+')"
    why = f"The values are out of {want.field.maximum}, as the target is."
    yield Program(number, "number", 0.95, (why,), nulls=facts.nulls)


def _ordinals(task: Task) -> Iterator[Program]:
    values = task.facts.values
    if values and all(_ORDINAL.fullmatch(v) or v.isdigit() for v in values):
        text = f"regexp_replace({task.facts.read}, '(?i)(st|nd|rd|th|º|ª|er|e|\\.)$', '')"
        yield task.program(text, 0.93, ("The values are ordinal numbers.",))


def _extracted(task: Task, around: set[str]) -> Iterator[Program]:
    """The one number of a text, whatever stands beside it: never without a look."""
    shown = ", ".join(repr(a) for a in sorted(around)[:3])
    number = r"[-+]?[0-9][0-9.,]*[0-9]|[0-9]"
    found = f"regexp_extract({task.facts.read}, '{number}')"
    label = len(around) == 1 and not around & _APPROXIMATE
    made = task.program(f"parse_number({found}{task.comma})", 0.8 if label else 0.55, ())
    lost = (*made.losses, f"What stands beside the numbers is dropped: {shown}.")
    yield from rounded(replace(made, losses=lost), task.want)
