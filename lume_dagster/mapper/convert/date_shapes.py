"""How one text is written as a date or a point in time: the formats that may read it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from lume_dagster.mapper.convert.months import DAYS, MONTH, month_format, month_of

DAY_FIRST, MONTH_FIRST, YEAR_FIRST, YEAR_DAY = "dmy", "mdy", "ymd", "ydm"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text: the format, the order it takes numbers in, and the day it finds.

    ``order`` is empty where there is no choice. ``named`` is whether month names must be made
    English first, ``ordinal`` whether ``1st`` must become ``1``.
    """

    format: str
    order: str
    day: date
    has_time: bool = False
    midnight: bool = True
    short_year: bool = False
    partial: str = ""  # month or year, where the day is not said
    named: bool = False
    ordinal: bool = False
    am_pm_dots: bool = False


_NUMERIC = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})(?!\d)(.*)", re.DOTALL)
_DAY_MONTH = re.compile(
    rf"(\d{{1,2}})(st|nd|rd|th|er|º|°)?((?:\. ?|[-/ ])?)(de )?({MONTH})(\.?)(,? ?|[-/])(de |del )?"
    r"'?(\d{4}|\d{2})(?!\d)(.*)",
    re.IGNORECASE | re.DOTALL,
)
_MONTH_DAY = re.compile(
    rf"({MONTH})(\.?)([ -]?)(\d{{1,2}})(st|nd|rd|th)?(, ?| |-)(\d{{4}})(?!\d)(.*)",
    re.IGNORECASE | re.DOTALL,
)
_YEAR_MONTH_DAY = re.compile(
    rf"(\d{{4}})([-/ ])({MONTH})(\.?)\2(\d{{1,2}})(?!\d)(.*)", re.IGNORECASE | re.DOTALL
)
_MONTH_YEAR = re.compile(rf"({MONTH})(\.?)([ ,/-]+)(\d{{4}}|\d{{2}})", re.IGNORECASE)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:([T ]?)(\d{2})(\d{2})(\d{2})?(Z?))?")
_WEEKDAY = re.compile(r"([A-Za-z]{3,9})(\.?,? +)(?=[\dA-Za-z])")
_CLOCK = re.compile(
    r"([T ]|, |,| at | - |:)(\d{1,2})(:)(\d{2})(?:(:)(\d{2})(?:([.,])(\d{1,9}))?)?"
    r"(?:( ?)([ap]\.?m\.?))?(?:( ?)(Z|UTC|GMT|[+-]\d{2}:?\d{2}))?",
    re.IGNORECASE,
)


@lru_cache(maxsize=20_000)
def readings(text: str) -> tuple[Reading, ...]:
    """Every way to read a text; none where it is no date."""
    text = " ".join(text.split())
    prefix = ""
    weekday = _WEEKDAY.match(text)
    if weekday and weekday[1].lower() in DAYS:
        prefix = DAYS[weekday[1].lower()] + weekday[2]
        text = text[weekday.end() :]
    for shape in (_numeric, _day_month, _month_day, _year_month_day, _compact, _partial):
        found = shape(text)
        if found:
            return tuple(_prefixed(r, prefix) for r in found) if prefix else found
    return ()


def _prefixed(reading: Reading, prefix: str) -> Reading:
    return replace(reading, format=prefix + reading.format)


def _numeric(text: str) -> tuple[Reading, ...]:
    match = _NUMERIC.fullmatch(text)
    if match is None:
        return ()
    a, mark, b, c, rest = match.groups()
    orders: tuple[str, ...] = ()
    if len(a) == 4 and len(c) <= 2:
        orders = (YEAR_FIRST, YEAR_DAY)
    elif len(c) == 4 and len(a) <= 2:
        orders = (DAY_FIRST, MONTH_FIRST)
    elif len(a) <= 2 and len(c) == 2:
        orders = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
    short = max(len(a), len(c)) < 4
    marks = {"d": "%d", "m": "%m", "y": "%y" if short else "%Y"}
    found = []
    for order in orders:
        parts = dict(zip(order, (int(a), int(b), int(c)), strict=True))
        year = _full_year(parts["y"]) if short else parts["y"]
        form = mark.join(marks[part] for part in order)
        found += _with_clock(form, order, (year, parts["m"], parts["d"]), rest, short=short)
    return tuple(found)


def _full_year(year: int) -> int:
    return year + (1900 if year >= 69 else 2000)  # as the engine takes %y


def _with_clock(  # noqa: PLR0913 - what a reading is made of
    form: str,
    order: str,
    ymd: tuple[int, int, int],
    rest: str,
    *,
    short: bool = False,
    named: bool = False,
    ordinal: bool = False,
) -> list[Reading]:
    try:
        day = date(*ymd)
    except ValueError:
        return []
    if day.year < 1000:
        return []
    if not rest:
        return [Reading(form, order, day, short_year=short, named=named, ordinal=ordinal)]
    clock = clock_format(rest)
    if clock is None:
        return []
    written, midnight, dots = clock
    return [Reading(form + written, order, day, True, midnight, short, "", named, ordinal, dots)]


def clock_format(text: str) -> tuple[str, bool, bool] | None:
    """The format of a time of day after a date, whether it is midnight, and a.m. with points."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    lead, hour, _, minute, _, second, point, fraction, gap, half, zone_gap, zone = match.groups()
    if int(hour) > (12 if half else 23) or int(minute) > 59 or int(second or 0) > 60:
        return None
    form = lead + ("%I" if half else "%H") + ":%M"
    if second is not None:
        form += ":%S"
    if fraction is not None:
        form += f"{point}%f"
    if half:
        form += gap + "%p"
    if zone:
        form += zone_gap + ("%z" if zone[0] in "+-" else zone)
    twelve = int(hour) % 12 == 0 and half.lower().startswith("a") if half else int(hour) == 0
    midnight = bool(twelve) and int(minute) == 0 and int(second or 0) == 0
    return form, midnight, bool(half and "." in half)


def _day_month(text: str) -> tuple[Reading, ...]:
    match = _DAY_MONTH.fullmatch(text)
    if match is None:
        return ()
    day, suffix, gap, of, word, point, mark, of2, year, rest = match.groups()
    short = len(year) == 2
    named, month = _month(word, point)
    quote = "'" if "'" in text else ""
    form = f"%d{gap}{of or ''}{month}{'' if named else point}{mark}{of2 or ''}{quote}"
    form += "%y" if short else "%Y"
    ymd = (_full_year(int(year)) if short else int(year), month_of(word) or 0, int(day))
    found = _with_clock(form, "", ymd, rest, short=short, named=named, ordinal=bool(suffix))
    return tuple(found)


def _month(word: str, point: str) -> tuple[bool, str]:
    known = None if point and word.lower() == "sept" else month_format(word)
    return (known is None, known or "%b")


def _month_day(text: str) -> tuple[Reading, ...]:
    match = _MONTH_DAY.fullmatch(text)
    if match is None:
        return ()
    word, point, gap, day, suffix, mark, year, rest = match.groups()
    named, month = _month(word, point)
    form = f"{month}{'' if named else point}{gap}%d{mark}%Y"
    ymd = (int(year), month_of(word) or 0, int(day))
    return tuple(_with_clock(form, "", ymd, rest, named=named, ordinal=bool(suffix)))


def _year_month_day(text: str) -> tuple[Reading, ...]:
    match = _YEAR_MONTH_DAY.fullmatch(text)
    if match is None:
        return ()
    year, mark, word, point, day, rest = match.groups()
    named, month = _month(word, point)
    form = f"%Y{mark}{month}{'' if named else point}{mark}%d"
    return tuple(
        _with_clock(form, "", (int(year), month_of(word) or 0, int(day)), rest, named=named)
    )


def _compact(text: str) -> tuple[Reading, ...]:
    match = _COMPACT.fullmatch(text)
    if match is None:
        return ()
    a, b, c, gap, hour, minute, second, zone = match.groups()
    found = []
    if 1900 <= int(a) <= 2100:
        form = "%Y%m%d" + (f"{gap}%H%M{'%S' if second else ''}{zone}" if hour else "")
        found += _with_clock(form, YEAR_FIRST, (int(a), int(b), int(c)), "")
    if hour:
        if int(hour) > 23 or int(minute) > 59:
            return ()
        midnight = (hour, minute, second or "00") == ("00", "00", "00")
        return tuple(Reading(r.format, "", r.day, True, midnight) for r in found)
    year = int(b + c)
    if 1900 <= year <= 2100:
        found += _with_clock("%d%m%Y", DAY_FIRST, (year, int(a[2:]), int(a[:2])), "")
        found += _with_clock("%m%d%Y", MONTH_FIRST, (year, int(a[:2]), int(a[2:])), "")
    return tuple(found)


def is_compact_moment(text: str) -> bool:
    """Whether digits alone are a day and a time of it, down to the minute or second."""
    return text.isdigit() and len(text) in (12, 14) and bool(_compact(text))


_PARTIALS = (
    (re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})"), "%Y-%m", "month"),
    (re.compile(r"(?P<y>\d{4})/(?P<m>\d{2})"), "%Y/%m", "month"),
    (re.compile(r"(?P<m>\d{1,2})/(?P<y>\d{4})"), "%m/%Y", "month"),
    (re.compile(r"(?P<m>\d{1,2})\.(?P<y>\d{4})"), "%m.%Y", "month"),
    (re.compile(r"(?P<y>\d{4})"), "%Y", "year"),
)


def _partial(text: str) -> tuple[Reading, ...]:
    """A month or a year: its first day."""
    match = _MONTH_YEAR.fullmatch(text)
    if match:
        named, month = _month(match[1], match[2])
        short = len(match[4]) == 2
        year = _full_year(int(match[4])) if short else int(match[4])
        form = f"{month}{'' if named else match[2]}{match[3]}{'%y' if short else '%Y'}"
        first = date(year, month_of(match[1]) or 1, 1)
        return (Reading(form, "", first, partial="month", named=named, short_year=short),)
    for pattern, form, what in _PARTIALS:
        match = pattern.fullmatch(text)
        if match:
            month_number = int(match.groupdict().get("m") or 1)
            if 1 <= month_number <= 12 and 1000 <= int(match["y"]) <= 2200:
                return (Reading(form, "", date(int(match["y"]), month_number, 1), partial=what),)
    return ()
