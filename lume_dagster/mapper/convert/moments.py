"""Dates that are numbers or weeks (epochs, spreadsheet serials), times of day, parts of dates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from lume_dagster.mapper.convert.date_shapes import is_compact_moment, readings
from lume_dagster.mapper.convert.dates import covers, date_programs
from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.program import Program

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}( 00:00:00)?")
_ISO_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s*([Zz]|[+-]\d{2}(:?\d{2})?)?"
)
_EPOCHS = (
    (re.compile(r"\d{9,10}(\.\d{1,6})?"), 1, "seconds since 1970"),
    (re.compile(r"\d{12,13}"), 1_000, "milliseconds since 1970"),
    (re.compile(r"\d{15,16}"), 1_000_000, "microseconds since 1970"),
)
_SERIAL = re.compile(r"(\d{5})(\.\d+)?")
_WEEK = re.compile(r"\d{4}-?W\d{2}(-\d)?")
_DAY = 86_400


def temporal_programs(
    facts: Facts, want: Want, siblings: Sequence[Facts] = ()
) -> Iterator[Program]:
    """Programs for a field of format date or date-time."""
    values = facts.values
    iso = _ISO_DAY if want.field.format == "date" else _ISO_MOMENT
    typed = ("DATE",) if want.field.format == "date" else ("DATE", "TIMESTAMP")
    if facts.column.type.startswith(typed):
        yield Program(facts.column.reference, "identity", 0.98, ("The column is one already.",))
    elif values and all(iso.fullmatch(v) for v in values):
        why = "The values are written as ISO 8601 says."
        yield Program(facts.read, "identity", 0.98, (why,), nulls=facts.nulls)
    yield from _epochs(facts, want)
    yield from _serials(facts, want)
    yield from _weeks(facts)
    yield from date_programs(facts, want, siblings)


def _epochs(facts: Facts, want: Want) -> Iterator[Program]:
    for written, factor, words in _EPOCHS:
        numbers = [float(v) for v in facts.values if written.fullmatch(v)]
        if numbers and all(map(is_compact_moment, facts.values)):
            return  # 202402140715 is a morning in 2024
        years = [1970 + n / factor / _DAY / 365.25 for n in numbers]
        if not numbers or len(numbers) < len(facts.values) * 0.8 or not _recent(years):
            continue
        count = f"CAST({facts.read} AS DOUBLE)"
        seconds = count if factor == 1 else f"{count} / {factor}"
        moment = f"TIMESTAMP '1970-01-01 00:00:00' + {seconds} * INTERVAL 1 SECOND"
        why = (f"The values are {words}.",)
        if want.field.format == "date-time":
            yield Program(moment, "date", 0.95, why, nulls=facts.nulls)
            continue
        timed = any(n / factor % _DAY for n in numbers)
        losses = ("The time of day is dropped.",) if timed else ()
        expression = f"CAST({moment} AS DATE)"
        prior = 0.85 if timed else 0.95
        yield Program(expression, "date", prior, why, losses, nulls=facts.nulls)


def _recent(years: Sequence[float]) -> bool:
    return all(1973 <= year <= 2105 for year in years)


def _serials(facts: Facts, want: Want) -> Iterator[Program]:
    """Days since 1899-12-30, as spreadsheets count them."""
    found = [m for v in facts.values if (m := _SERIAL.fullmatch(v))]
    if not found or len(found) < len(facts.values) * 0.8:
        return
    if not all(15_000 <= int(m[1]) <= 75_000 for m in found):
        return
    timed = any(m[2] and m[2].strip(".0") for m in found)
    why = ("The values are spreadsheet serials: days since 1899-12-30.",)
    if not timed:
        days = facts.read if not any(m[2] for m in found) else f"CAST({facts.read} AS DOUBLE)"
        expression = f"DATE '1899-12-30' + CAST({days} AS INTEGER)"
        yield Program(expression, "date", 0.93, why, nulls=facts.nulls)
        return
    seconds = f"round(CAST({facts.read} AS DOUBLE) * {_DAY})"
    moment = f"TIMESTAMP '1899-12-30 00:00:00' + {seconds} * INTERVAL 1 SECOND"
    if want.field.format == "date":
        lost = ("The time of day is dropped.",)
        yield Program(f"CAST({moment} AS DATE)", "date", 0.85, why, lost, nulls=facts.nulls)
    else:
        yield Program(moment, "date", 0.92, why, nulls=facts.nulls)


def _weeks(facts: Facts) -> Iterator[Program]:
    found = [m for v in facts.values if (m := _WEEK.fullmatch(v))]
    if not found or len(found) < len(facts.values) * 0.8:
        return
    week = "%G-W%V" if "-" in found[0][0][:5] else "%GW%V"
    if all(m[1] for m in found):
        expression = f"parse_date({facts.read}, '{week}-%u')"
        yield Program(expression, "date", 0.95, ("The values are days of ISO weeks.",))
    elif not any(m[1] for m in found):
        expression = f"parse_date({facts.read} || '-1', '{week}-%u')"
        why = "The values are ISO weeks: the Monday is taken."
        yield Program(expression, "date", 0.85, (why,), review=True, nulls=facts.nulls)


# -- times of day -----------------------------------------------------------------------------

_TIMES = (
    (re.compile(r"\d{1,2}:\d{2}"), "%H:%M"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2}"), "%H:%M:%S"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2}\.\d{1,6}"), "%H:%M:%S.%f"),
    (re.compile(r"\d{1,2}:\d{2} [AaPp][Mm]"), "%I:%M %p"),
    (re.compile(r"\d{1,2}:\d{2}[AaPp][Mm]"), "%I:%M%p"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]"), "%I:%M:%S %p"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2}[AaPp][Mm]"), "%I:%M:%S%p"),
    (re.compile(r"\d{1,2} [AaPp][Mm]"), "%I %p"),
    (re.compile(r"\d{1,2}[AaPp][Mm]"), "%I%p"),
    (re.compile(r"\d{1,2}\.\d{2}"), "%H.%M"),
    (re.compile(r"\d{1,2}[hH]\d{2}"), "%Hh%M"),
    (re.compile(r"\d{1,2}\.\d{2} Uhr"), "%H.%M Uhr"),
    (re.compile(r"\d{1,2}:\d{2} Uhr"), "%H:%M Uhr"),
    (re.compile(r"[0-2]\d[0-5]\d"), "%H%M"),
    (re.compile(r"[0-2]\d[0-5]\d[0-5]\d"), "%H%M%S"),
)
_STRICT_TIME = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?")


def time_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """Programs for a field of format time."""
    if facts.column.type == "TIME" or (
        facts.values and all(_STRICT_TIME.fullmatch(v) for v in facts.values)
    ):
        yield Program(facts.plain, "identity", 0.98, ("The values are times of day.",))
    formats = {v: f for v in facts.values for p, f in _TIMES if p.fullmatch(v)}
    if len(formats) * 2 > len(facts.values):
        written = tuple(dict.fromkeys(formats.values()))
        listed = ", ".join(map(sql_text, written))
        expression = f"CAST(parse_timestamp({facts.read}, {listed}) AS TIME)"
        why = f"The values are times of day written {listed}."
        yield Program(expression, "time", 0.94, (why,), nulls=facts.nulls)
    for program in date_programs(facts, want, ()):
        expression = f"CAST({program.expression} AS TIME)"
        if expression.startswith("CAST(parse_timestamp"):
            lost = ("The day is dropped.",)
            yield Program(expression, "time", program.prior * 0.9, program.reasons, lost)


# -- dates as texts and numbers ---------------------------------------------------------------

_WRITTEN = {
    "yyyy-mm-dd": "%Y-%m-%d", "dd/mm/yyyy": "%d/%m/%Y", "mm/dd/yyyy": "%m/%d/%Y",
    "dd.mm.yyyy": "%d.%m.%Y", "yyyymmdd": "%Y%m%d", "yyyy/mm/dd": "%Y/%m/%d",
    "yyyy-mm": "%Y-%m", "mm/yyyy": "%m/%Y", "dd-mm-yyyy": "%d-%m-%Y", "iso 8601": "%Y-%m-%d",
    "iso date": "%Y-%m-%d", "iso8601": "%Y-%m-%d", "yyyy": "%Y",
}  # fmt: skip
_PROBE = datetime(2024, 3, 25)  # noqa: DTZ001 - a day, no instant


def wanted_format(want: Want) -> str | None:
    """How a target of plain texts wants its dates written, if it says so."""
    told = [form for words, form in _WRITTEN.items() if want.says(words)]
    if told:
        return told[0]
    if want.examples:
        found = [{r.format for r in readings(e)} for e in want.examples]
        common = set.intersection(*found)
        if len(common) == 1 and not any(r.partial == "year" for r in readings(want.examples[0])):
            return next(iter(common))
    if want.field.pattern and want.says("date", "day", "month", "week", "since", "until", "period"):
        fits = [
            f
            for f in dict.fromkeys(_WRITTEN.values())
            if want.matches_pattern([_PROBE.strftime(f)])
        ]
        return fits[0] if fits else None
    return None


def written_date_programs(
    facts: Facts, want: Want, siblings: Sequence[Facts] = ()
) -> Iterator[Program]:
    """Dates as texts in the form the target asks for."""
    form = wanted_format(want)
    if form is None:
        return
    for cover, program in zip(
        covers(facts, siblings), date_programs(facts, want, siblings), strict=True
    ):
        call = program.expression
        expression = f"strftime({call}, {sql_text(form)})"
        if form == "%Y-%m-%d" and call.startswith("parse_date"):
            expression = call
        partial = any(r.partial for r in cover.chosen.values())
        fits = form in ("%Y", "%Y-%m", "%m/%Y")
        review = program.review and not (partial and fits and not cover.ambiguous)
        lost = ("The day is dropped.",) if fits and not partial else ()
        if form.endswith("%d") and any(
            r.has_time and not r.midnight for r in cover.chosen.values()
        ):
            lost = ("The time of day is dropped.",)
        yield Program(
            expression,
            "date",
            program.prior * 0.98,
            program.reasons,
            lost,
            review,
            nulls=facts.nulls,
        )


def year_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """A year that is a number, out of dates."""
    if not want.says("year", "yr", "jahr", "année"):
        return
    for cover, program in zip(covers(facts), date_programs(facts, want, ()), strict=True):
        found = cover.chosen.values()
        if all(r.partial == "year" for r in found):
            continue
        lost = "Only the year is kept."
        expression = f"year({program.expression})"
        yield Program(expression, "date", program.prior * 0.93, program.reasons, (lost,))
