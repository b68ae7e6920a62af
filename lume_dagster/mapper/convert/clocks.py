"""Lengths of time written as 1:02:03 or PT1H2M3S."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lume_dagster.mapper.convert.facts import Facts, Want
from lume_dagster.mapper.convert.number_task import rounded
from lume_dagster.mapper.convert.program import Program
from lume_dagster.mapper.terms.units import UNITS, factor_sql, unit_of_target

_CLOCK = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2}))?")
_ISO = re.compile(r"PT(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?", re.IGNORECASE)
_SHORT = ("song", "track", "call", "lap", "video", "clip")


def duration_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """Programs for a column of lengths of time."""
    if facts.values and all(_ISO.fullmatch(v) for v in facts.values):
        text = f"regexp_replace({facts.read}, '(?i)^PT', '')"
        value = f"parse_quantity({text}, {{'h': 3600, 'm': 60, 's': 1}})"
        yield from _in_unit(facts, want, value, ("The values are ISO 8601 durations.", 0.95))
        return
    found = [m for v in facts.values if (m := _CLOCK.fullmatch(v))]
    if not found or len(found) < len(facts.values):
        return
    one, two, three = (f"CAST(split_part({facts.read}, ':', {n}) AS BIGINT)" for n in (1, 2, 3))
    if all(m[3] for m in found):
        value = f"{one} * 3600 + {two} * 60 + {three}"
        yield from _in_unit(facts, want, value, ("The values are h:mm:ss.", 0.95))
    elif not any(m[3] for m in found):
        short = want.says(*_SHORT) or not all(int(m[1]) < 24 for m in found)
        minutes = ("The values are taken as m:ss, not as h:mm.", 0.8 if short else 0.5)
        hours = ("The values are taken as h:mm, not as m:ss.", 0.15 if short else 0.45)
        made = list(_in_unit(facts, want, f"{one} * 60 + {two}", minutes))
        made += _in_unit(facts, want, f"{one} * 3600 + {two} * 60", hours)
        yield from (replace(p, review=True) for p in made)


def _in_unit(facts: Facts, want: Want, seconds: str, taken: tuple[str, float]) -> Iterator[Program]:
    """Seconds in the unit of the target; where it states none, nobody knows what is wanted."""
    why, prior = taken
    target = unit_of_target(want.field)
    if target is None or target.family != "time":
        made = Program(seconds, "unit", prior * 0.6, (why,), review=True, nulls=facts.nulls)
        yield made
        return
    divide = factor_sql(UNITS["time", "s"], target)
    value = f"({seconds}){divide}" if divide and "+" in seconds else seconds + divide
    yield from rounded(Program(value, "unit", prior, (why,), nulls=facts.nulls), want)
