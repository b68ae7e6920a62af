"""Quarters and half years (``Q3 2024``, ``2024-H1``): their first or last day, number or year."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lume_dagster.mapper.convert.facts import Facts, Want, sql_text
from lume_dagster.mapper.convert.program import Program

_SURE, _GUESS = 0.94, 0.6
_FIRST_DAY = ("start", "starts", "begin", "begins", "beginning", "from", "first day", "opening")
_LAST_DAY = ("end", "ends", "ending", "until", "through", "last day", "closing")


@dataclass(frozen=True, slots=True)
class _Period:
    """One way to write periods of a year: the pattern, and which group holds what."""

    pattern: str
    number: int
    year: int
    months: int  # in a period
    word: str


def _periods() -> Iterator[_Period]:
    for letter, most, months, word in (("Q", 4, 3, "quarter"), ("H", 2, 6, "half")):
        number, year = f"([1-{most}])", r"(\d{4})"
        gap = r"[ /.-]?"
        yield _Period(f"^{letter}{number}{gap}{year}$", 1, 2, months, word)
        yield _Period(f"^{year}{gap}{letter}{number}$", 2, 1, months, word)
        yield _Period(f"^{number}{letter}{gap}{year}$", 1, 2, months, word)


_WRITTEN = tuple(_periods())


def period_programs(facts: Facts, want: Want) -> Iterator[Program]:
    """Programs for a column of quarters or half years, all written in one way."""
    values = [value.upper() for value in facts.values]
    period = next((p for p in _WRITTEN if values and _all(p.pattern, values)), None)
    if period is None:
        return
    text = f"upper(trim({facts.read}))"
    number, year = (
        f"CAST(nullif(regexp_extract({text}, {sql_text(period.pattern)}, {group}), '') AS INTEGER)"
        for group in (period.number, period.year)
    )
    if want.field.format == "date":
        yield from _days(period, number, year, want)
    elif want.field.type in ("integer", "number"):
        yield from _numbers(period, number, year, want)


def _all(pattern: str, values: list[str]) -> bool:
    return all(re.fullmatch(pattern, value) for value in values)


def _days(period: _Period, number: str, year: str, want: Want) -> Iterator[Program]:
    first, last = want.says(*_FIRST_DAY), want.says(*_LAST_DAY)
    told = first != last
    months = period.months
    begin = f"make_date({year}, {months} * {number} - {months - 1}, 1)"
    end = f"last_day(make_date({year}, {months} * {number}, 1))"
    for expression, asked, day in ((begin, first, "first"), (end, last, "last")):
        if told and not asked:
            continue
        prior = _SURE if told else _GUESS if day == "first" else _GUESS / 2
        why = f"The values are {_many(period)}; their {day} day is taken."
        yield Program(expression, "period", prior, (why,), review=not told)


def _numbers(period: _Period, number: str, year: str, want: Want) -> Iterator[Program]:
    counts = want.says(period.word, f"{period.word} number", f"{period.word} of the year")
    dated = want.says("year", "fiscal year")
    if counts and (not dated or want.says(f"{period.word} of the year")):
        yield Program(number, "period", _SURE, (f"The number of the {period.word} is taken.",))
    elif dated and not counts:
        yield Program(year, "period", _SURE, (f"The year of the {period.word} is taken.",))


def _many(period: _Period) -> str:
    return "quarters" if period.word == "quarter" else "half years"
