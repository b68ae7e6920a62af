"""Numbers out of texts: marks, currencies, magnitudes, percents, and units that are stated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.number_shapes import (
    PLAIN,
    Mark,
    Written,
    comma_locale,
    decimal_marks,
    read_number,
)
from lume_dagster.mapper.convert.program import Program
from lume_dagster.mapper.convert.units import (
    UNITS,
    WRITTEN,
    Unit,
    factor_sql,
    plain,
    unit_of_name,
    unit_of_target,
)

_APPROXIMATE = (
    "~",
    "<",
    ">",
    "ca.",
    "ca",
    "c.",
    "approx.",
    "approx",
    "about",
    "+",
    "≈",
    "est.",
    "circa",
)
_ORDINAL = re.compile(r"\d+(st|nd|rd|th|\.|º|ª|er|e)", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*[-+]?(\d[\d.,]*)\s*([^\d\s.,]+)\.?")
_NUMERIC_TYPES = (
    "TINY",
    "SMALL",
    "INT",
    "BIG",
    "HUGE",
    "UINT",
    "UBIG",
    "DOUBLE",
    "FLOAT",
    "DECIMAL",
)


@dataclass(frozen=True)
class _Task:
    """A column to read as numbers: its facts, what is wanted, how its values are written."""

    facts: Facts
    want: Want
    written: Mapping[str, Written]
    mark: Mark
    source: Unit | None  # the unit the column's name states
    target: Unit | None

    def number(self) -> str:
        """The expression for the bare number."""
        sign = ", ','" if self.mark.sign == "," else ""
        return f"parse_number({self.facts.read}{sign})"

    def program(self, expression: str, prior: float, *reasons: str, **options: object) -> Program:
        """A program whose prior counts how sure the decimal sign is."""
        told = (*reasons, self.mark.reason) if self.mark.reason else reasons
        made = Program(
            expression, "number", prior * self.mark.prior / 0.98, told, nulls=self.facts.nulls
        )
        unclear = self.mark.prior < 0.92
        return replace(
            made,
            review=unclear or bool(options.get("review")),
            **{k: v for k, v in options.items() if k != "review"},
        )  # type: ignore[arg-type]


def number_programs(facts: Facts, want: Want, siblings: Sequence[Facts] = ()) -> Iterator[Program]:
    """Programs for a field of type number or integer."""
    source, target = unit_of_name(facts.column.name), unit_of_target(want)
    if facts.column.type.startswith(_NUMERIC_TYPES):
        yield from _scaled(facts, want, facts.column.reference, source, target)
        return
    values = facts.values
    yield from _out_of(facts, want)
    written = {v: w for v in values if (w := read_number(v)) is not None}
    several = _several(values)
    if len(written) * 2 < len(values):
        if several:
            yield from _quantities(facts, want, several, target, Mark(".", 0.98))
        return
    others = {s.name: s.values for s in siblings}
    whole = want.field.type == "integer" and target is None
    bodies = [w.body for w in written.values()]
    marks = decimal_marks(bodies, whole=whole, comma_locale=comma_locale(others))
    for mark in marks:
        task = _Task(facts, want, written, mark, source, target)
        yield from _programs(task, several)


def _several(values: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The units of values that are numbers with units, one or more each."""
    found = {}
    for value in values:
        parts = list(_SEVERAL.finditer(value.lower()))
        if parts and "".join(p[0] for p in parts).strip() == value.lower().strip(" ."):
            found[value] = tuple(p[2] for p in parts)
    return found


def _programs(task: _Task, several: Mapping[str, tuple[str, ...]]) -> Iterator[Program]:
    facts, written = task.facts, task.written
    after = {w.after.strip(" .") for w in written.values()} - {""}
    before = {w.before for w in written.values()} - {""}
    currencies = {w.currency for w in written.values()} - {""}
    mixed = ("Several currencies are mixed: " + ", ".join(sorted(currencies)) + ".",)
    losses = mixed if len(currencies) > 1 else ()
    if not after and not before:
        if all(PLAIN.fullmatch(v) for v in facts.values) and task.mark.sign == ".":
            yield from _scaled(facts, task.want, facts.plain, task.source, task.target)
        else:
            for program in _scaled(facts, task.want, task.number(), task.source, task.target):
                yield task.program(
                    program.expression, program.prior * (0.75 if losses else 1), *program.reasons,
                    losses=(*program.losses, *losses), review=program.review,
                )  # fmt: skip
        return
    units = {w: WRITTEN[w] for w in after if w in WRITTEN}
    if len(several) > len(written):
        yield from _quantities(facts, task.want, several, task.target, task.mark, losses)
    elif units and not before and len(units) == len(after):
        yield from _quantities(
            facts,
            task.want,
            {
                v: (w.after.strip(" ."),) if w.after.strip(" .") else ("",)
                for v, w in written.items()
            },
            task.target,
            task.mark,
            losses,
        )
    elif several and len(several) * 2 > len(facts.values):
        yield from _quantities(facts, task.want, several, task.target, task.mark, losses)
    yield from _ordinals(task)
    yield from _extracted(task, after | before)


# -- units ------------------------------------------------------------------------------------


def _scaled(
    facts: Facts, want: Want, number: str, source: Unit | None, target: Unit | None
) -> Iterator[Program]:
    """A bare number: as it is, or in the unit of the target where both units are stated."""
    kind = "identity" if number == facts.plain or number == facts.column.reference else "number"
    made = Program(number, kind, 0.97, ("The values are numbers.",), nulls=facts.nulls)
    if source and target and source.family == target.family and source != target:
        why = f"{facts.name} is in {source.name}, the target in {target.name}."
        value = number if number.startswith("parse_number") else f"CAST({number} AS DOUBLE)"
        if facts.is_text and not number.startswith("parse_number"):
            value = f"parse_number({number})"
        scaled = _temperature(value, source, target) or value + factor_sql(source, target)
        yield from _rounded(
            replace(made, expression=scaled, kind="unit", prior=0.95, reasons=(why,)), want
        )
        yield replace(made, prior=0.05, reasons=(f"Taken as it is, though {why}",), review=True)
        return
    yield from _other_scale(made, facts, want, source, target)
    if _is_unclear(facts, want, source, target):
        why = f"What {facts.name} counts in, and what the target does, is not said by both."
        made = replace(made, prior=0.7, reasons=(*made.reasons, why), review=True)
    ratio = _wants_fraction(want)
    if target and not source and _out_of_bounds(facts, want):
        made = replace(made, prior=0.3)
    elif target and not source and target.family not in ("count", "ratio"):
        why = f"The target is in {target.name}; in what unit {facts.name} is nobody says."
        made = replace(made, prior=0.85, reasons=(*made.reasons, why), review=True)
    if ratio and source and source.name == "percent":
        why = f"{facts.name} is in percent, the target is a fraction."
        value = f"parse_number({number})" if facts.is_text and kind == "identity" else number
        yield replace(made, expression=f"{value} / 100", kind="unit", prior=0.95, reasons=(why,))
        made = replace(made, prior=0.05, review=True)
    yield from _rounded(made, want)


def _is_unclear(facts: Facts, want: Want, source: Unit | None, target: Unit | None) -> bool:
    """Whether the unit of one side alone is stated, or the numbers look like another scale."""
    if source is not None and target is None and source.name not in ("one", "percent"):
        return True
    numbers = [abs(float(v)) for v in facts.values if PLAIN.fullmatch(v)]
    top = want.field.maximum
    scored = want.says("score", "rating", "percent", "percentage", "share", "rate")
    return bool(numbers and top is not None and scored and max(numbers) <= float(top) / 10)


def _other_scale(
    made: Program, facts: Facts, want: Want, source: Unit | None, target: Unit | None
) -> Iterator[Program]:
    """Thousands or cents where the target does not say that it counts in one."""
    if source is None or target is not None or source.family != "count" or source.name == "one":
        return
    number = made.expression
    value = number if number.startswith("parse_number") else f"parse_number({facts.read})"
    why = f"{facts.name} counts in {source.name}s, and the target does not say that it does."
    scaled = value + factor_sql(source, UNITS["count", "one"])
    yield replace(made, expression=scaled, kind="unit", prior=0.75, reasons=(why,), review=True)


def _temperature(value: str, source: Unit, target: Unit) -> str | None:
    if source.family != "temperature":
        return None
    return {
        ("f", "c"): f"({value} - 32) * 5 / 9",
        ("c", "f"): f"{value} * 9 / 5 + 32",
        ("c", "k"): f"{value} + 273.15",
        ("k", "c"): f"{value} - 273.15",
    }.get((source.name, target.name))


def _rounded(program: Program, want: Want) -> Iterator[Program]:
    """The program, and the same rounded: only where it must be, for that loses digits."""
    yield program
    field = want.field
    places = 0 if field.type == "integer" else field.scale
    if places is None:
        return
    text = program.expression
    value = f"CAST({text} AS DOUBLE)" if program.kind == "identity" else text
    rounded = f"round({value}, {places})" if places else f"round({value})"
    factor = 0.75 if program.kind == "unit" else 0.5
    lost = (*program.losses, "Decimals are rounded.")
    yield replace(program, expression=rounded, prior=program.prior * factor, losses=lost)


def _out_of_bounds(facts: Facts, want: Want) -> bool:
    """Whether most numbers break the bounds of the target, as in another unit."""
    low, high = want.field.minimum, want.field.maximum
    numbers = [float(v) for v in facts.values if PLAIN.fullmatch(v)]
    bad = [n for n in numbers if (low is not None and n < low) or (high is not None and n > high)]
    return len(bad) * 2 > len(numbers) > 0


def _wants_fraction(want: Want) -> bool | None:
    """Whether a share is wanted from 0 to 1 (True), in percent (False), or nobody says."""
    field = want.field
    top = field.maximum if field.maximum is not None else field.exclusive_maximum
    if top is not None:
        return True if top <= 1 else False if top >= 100 else None
    if want.says(
        "fraction", "between 0 and 1", "0 to 1", "0-1", "as a decimal", "proportion", "0..1"
    ):
        return True
    numbers = [float(e) for e in want.examples if PLAIN.fullmatch(e)]
    if numbers and want.says(
        "rate",
        "share",
        "ratio",
        "percent",
        "percentage",
        "discount",
        "margin",
        "tax",
        "vat",
        "growth",
        "score",
        "pct",
    ):
        return all(abs(n) <= 1 for n in numbers)
    if want.says("percent", "percentage", "pct", "%", "0 to 100", "0-100"):
        return False
    return None


def _quantities(
    facts: Facts,
    want: Want,
    units: Mapping[str, tuple[str, ...]],
    target: Unit | None,
    mark: Mark,
    losses: Sequence[str] = (),
) -> Iterator[Program]:
    """Numbers that carry their units."""
    spelled = list(dict.fromkeys(u for found in units.values() for u in found))
    if not all(u in WRITTEN for u in spelled if u):
        return
    families = set.intersection(*(set(WRITTEN[u]) for u in spelled if u)) if any(spelled) else set()
    ratio = _wants_fraction(want)
    for family in sorted(families):
        named = {u: WRITTEN[u][family] for u in spelled if u}
        made = _quantity(facts, want, named, "" in spelled, target, mark, family, ratio)
        if made is not None:
            lost = (*made.losses, *losses)
            made = replace(
                made, losses=lost, prior=made.prior * mark.prior / 0.98, nulls=facts.nulls
            )
            yield from _rounded(made, want)


def _quantity(  # noqa: PLR0913
    facts: Facts,
    want: Want,
    named: Mapping[str, Unit],
    bare: bool,  # noqa: FBT001 - whether numbers stand without a unit too
    target: Unit | None,
    mark: Mark,
    family: str,
    ratio: bool | None,  # noqa: FBT001
) -> Program | None:
    """The program for one family of units."""
    comma = ", ','" if mark.sign == "," else ""
    wanted, prior, reasons, losses = target, 0.95, [], []
    shown = ", ".join(named)
    if family == "ratio":
        wanted = UNITS["ratio", "fraction" if ratio else "percent"]
        prior = 0.95 if ratio is not None else 0.6
        reasons.append(
            f"The values are in percent; the target is {'a fraction' if ratio else 'in percent'}."
            if ratio is not None
            else "The values are in percent; whether the target is a fraction nobody says."
        )
    elif family == "count":
        wanted = target if target and target.family == "count" else UNITS["count", "one"]
        reasons.append(f"{shown} stand for thousands, millions and the like.")
        if set(named) <= {"m", "b"} and not any(
            w.currency for v in facts.values if (w := read_number(v))
        ):
            prior = 0.8
    elif target is None or target.family != family:
        if len({u.base for u in named.values()}) > 1 or family == "temperature":
            wanted = max(named.values(), key=lambda u: u.base)
            prior = 0.3
        else:
            wanted = next(iter(named.values()))
            prior = 0.75
        losses.append(f"The unit {shown} is dropped, and the target does not name it.")
    else:
        reasons.append(f"The values are in {shown}, the target in {target.name}.")
    assert wanted is not None  # noqa: S101
    if family == "temperature":
        return _degrees(facts, named, wanted, mark, tuple(reasons), tuple(losses), prior)
    if bare and family != "count":
        prior *= 0.7
    if family == "data" and any(u.name in ("kb", "mb", "gb", "tb") for u in named.values()):
        prior *= 0.85
        reasons.append("A kilobyte is taken as 1000 bytes.")
    factors, divide = _factors(named, wanted)
    if bare:
        factors[""] = plain(Decimal(1)) if not divide else plain(wanted.base)
    listed = ", ".join(f"{sql_text(u)}: {f}" for u, f in factors.items())
    expression = f"parse_quantity({facts.read}, {{{listed}}}{comma}){divide}"
    if prior < 0.9:
        return Program(expression, "unit", prior, tuple(reasons), tuple(losses), review=True)
    return Program(expression, "unit", prior, tuple(reasons), tuple(losses))


def _factors(named: Mapping[str, Unit], wanted: Unit) -> tuple[dict[str, str], str]:
    """What each unit counts in the wanted one; or in the smallest, and what to divide by then."""
    exact = {u: unit.base / wanted.base for u, unit in named.items()}
    if all(
        len(f.as_tuple().digits) <= 12 and f * wanted.base == named[u].base
        for u, f in exact.items()
    ):
        return {u: plain(f) for u, f in exact.items()}, ""
    return {u: plain(unit.base) for u, unit in named.items()}, f" / {plain(wanted.base)}"


def _degrees(  # noqa: PLR0913
    facts: Facts,
    named: Mapping[str, Unit],
    wanted: Unit,
    mark: Mark,
    reasons: tuple[str, ...],
    losses: tuple[str, ...],
    prior: float,
) -> Program | None:
    comma = ", ','" if mark.sign == "," else ""
    if len({u.name for u in named.values()}) > 1:
        return None
    unit = next(iter(named.values()))
    listed = ", ".join(f"{sql_text(u)}: 1" for u in named)
    value = f"parse_quantity({facts.read}, {{{listed}}}{comma})"
    made = value if unit == wanted else _temperature(value, unit, wanted)
    if made is None:
        return None
    return Program(made, "unit", prior, reasons, losses, review=bool(losses))


# -- what is written around a number ------------------------------------------------------------


_OF = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/|out of|von|sur)\s*(\d+)")


def _out_of(facts: Facts, want: Want) -> Iterator[Program]:
    """``87/100`` where the target goes to 100."""
    found = [_OF.fullmatch(v) for v in facts.values]
    tops = {int(m[2]) for m in found if m}
    if not facts.values or None in found or tops != {want.field.maximum}:
        return
    number = f"regexp_extract({facts.read}, '^[0-9.]+')"
    why = f"The values are out of {want.field.maximum}, as the target is."
    yield Program(number, "number", 0.95, (why,), nulls=facts.nulls)


def _ordinals(task: _Task) -> Iterator[Program]:
    values = task.facts.values
    if values and all(_ORDINAL.fullmatch(v) or v.isdigit() for v in values):
        text = f"regexp_replace({task.facts.read}, '(?i)(st|nd|rd|th|º|ª|er|e|\\.)$', '')"
        yield Program(
            text, "number", 0.93, ("The values are ordinal numbers.",), nulls=task.facts.nulls
        )


def _extracted(task: _Task, around: set[str]) -> Iterator[Program]:
    """The one number of a text, whatever stands beside it: never without a look."""
    shown = ", ".join(repr(a) for a in sorted(around)[:3])
    number = r"[-+]?[0-9][0-9.,]*[0-9]|[0-9]"
    found = f"regexp_extract({task.facts.read}, '{number}')"
    comma = ", ','" if task.mark.sign == "," else ""
    label = len(around) == 1 and not any(a in _APPROXIMATE for a in around)
    prior = 0.8 if label else 0.55
    lost = (f"What stands beside the numbers is dropped: {shown}.",)
    made = task.program(f"parse_number({found}{comma})", prior, losses=lost)
    yield from _rounded(made, task.want)


# -- clocks -------------------------------------------------------------------------------------

_CLOCK = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2}))?")
_ISO_DURATION = re.compile(r"PT(\d+H)?(\d+M)?(\d+(\.\d+)?S)?", re.IGNORECASE)


def duration_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """Lengths of time written as 1:02:03 or PT1H2M3S."""
    target = unit_of_target(want)
    if not facts.values:
        return
    if target is None or target.family != "time":
        target = None
    if all(_ISO_DURATION.fullmatch(v) and len(v) > 2 for v in facts.values):
        text = f"replace({facts.read}, 'PT', '')"
        value = f"parse_quantity({text}, {{'h': 3600, 'm': 60, 's': 1}})"
        yield from _in_unit(facts, want, value, target, "The values are ISO 8601 durations.", 0.95)
        return
    found = [m for v in facts.values if (m := _CLOCK.fullmatch(v))]
    if len(found) < len(facts.values):
        return
    text, part = facts.read, "CAST(split_part({}, ':', {}) AS BIGINT)"
    one, two, three = (part.format(text, n) for n in (1, 2, 3))
    if all(m[3] for m in found):
        value = f"{one} * 3600 + {two} * 60 + {three}"
        yield from _in_unit(facts, want, f"({value})", target, "The values are h:mm:ss.", 0.94)
    elif not any(m[3] for m in found):
        hours = all(int(m[1]) < 24 for m in found)
        short = want.says("song", "track", "call", "lap", "video", "clip") or not hours
        value, why = f"({one} * 60 + {two})", "The values are taken as m:ss, not as h:mm."
        made = list(_in_unit(facts, want, value, target, why, 0.8 if short else 0.5))
        value, why = f"({one} * 3600 + {two} * 60)", "The values are taken as h:mm, not as m:ss."
        made += _in_unit(facts, want, value, target, why, 0.15 if short else 0.45)
        yield from (replace(p, review=True) for p in made)


def _in_unit(
    facts: Facts, want: Want, seconds: str, target: Unit | None, why: str, prior: float
) -> Iterator[Program]:
    """Seconds in the unit of the target; without one nobody knows what is wanted."""
    if target is None:
        yield Program(seconds, "unit", prior * 0.6, (why,), review=True, nulls=facts.nulls)
        return
    divide = factor_sql(UNITS["time", "s"], target)
    value = seconds.strip("()") if not divide and seconds.startswith("(") else seconds + divide
    if not divide and seconds.startswith("("):
        value = seconds[1:-1]
    yield from _rounded(Program(value, "unit", prior, (why,), nulls=facts.nulls), want)
