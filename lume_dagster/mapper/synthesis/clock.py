"""Dates as the engine reads and writes them: its strptime and strftime, format by format."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from lume_dagster.mapper.synthesis.letters import trim

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_BLANK = " \t\n\r\f\v"
_PARTS = re.compile(r"%-?[A-Za-z]|[ \t]+|[^%]")
_FIRST_YEAR = 1000
_PIVOT = 69  # %y: 69 is 1969, 68 is 2068

#: What a part of a format takes from a text.
_TAKES = {
    "Y": "(?P<Y>[0-9]{1,4})",
    "y": "(?P<y>[0-9]{1,2})",
    "m": "(?P<m>[0-9]{1,2})",
    "d": "(?P<d>[0-9]{1,2})",
    "H": "(?P<H>[0-9]{1,2})",
    "I": "(?P<I>[0-9]{1,2})",
    "M": "(?P<M>[0-9]{1,2})",
    "S": "(?P<S>[0-9]{1,2})",
    "f": "(?P<f>[0-9]{1,9})",
    "j": "(?P<j>[0-9]{1,3})",
    "p": "(?P<p>[AaPp][Mm])",
    "b": f"(?P<b>(?i:{'|'.join(m[:3] for m in MONTHS)}))",
    "B": f"(?P<B>(?i:{'|'.join(MONTHS)}))",
    "a": f"(?:(?i:{'|'.join(d[:3] for d in DAYS)}))",
    "A": f"(?:(?i:{'|'.join(DAYS)}))",
}
_MONTH_OF = {m[:3].lower(): i for i, m in enumerate(MONTHS, 1)}


@lru_cache(maxsize=4096)
def _reader(date_format: str) -> re.Pattern[str]:
    """The engine never goes back to take less: its digits are greedy, whatever follows."""
    made = [f"[{_BLANK}]*"]
    for part in _PARTS.findall(date_format):
        if part[0] == "%":
            made.append(f"(?>{_TAKES[part[-1]]})")
        elif part[0] in " \t":
            made.append(f"[{_BLANK}]+")
        else:
            made.append(re.escape(part))
    return re.compile("".join(made) + f"[{_BLANK}]*")


@lru_cache(maxsize=100_000)
def strptime(text: str, date_format: str) -> datetime | None:
    """One format, as try_strptime reads it."""
    found = _reader(date_format).fullmatch(text)
    if found is None:
        return None
    got = {name: value for name, value in found.groupdict().items() if value is not None}
    try:
        return _moment(got)
    except ValueError:
        return None


def _moment(got: dict[str, str]) -> datetime:
    year = int(got.get("Y", 1900))
    if "y" in got:
        short = int(got["y"])
        year = short + (1900 if short >= _PIVOT else 2000)
    month = int(got.get("m", 1))
    for name in ("b", "B"):
        if name in got:
            month = _MONTH_OF[got[name][:3].lower()]
    hour = int(got.get("H", 0))
    if "I" in got:
        hour = _twelve(int(got["I"]), got.get("p", "am").lower())
    elif "p" in got and hour:
        hour = _twelve(hour, got["p"].lower())
    micro = int(got.get("f", "0").ljust(9, "0")[:6])
    day, minute, second = (
        int(got.get(part, least)) for part, least in (("d", 1), ("M", 0), ("S", 0))
    )
    return datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001 - no zone here


def _twelve(hour: int, half: str) -> int:
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if half == "pm" else 0)


def read_date(text: str, formats: tuple[str, ...]) -> datetime | None:
    """The first format that fits, as the helpers parse_date and parse_timestamp read."""
    trimmed = trim(text)
    for date_format in formats:
        moment = strptime(trimmed, date_format)
        if moment is not None and not ("%Y" in date_format and moment.year < _FIRST_YEAR):
            return moment
    return None


_WRITES: dict[str, Callable[[datetime], str]] = {
    "Y": lambda t: f"{t.year:04d}",
    "y": lambda t: f"{t.year % 100:02d}",
    "m": lambda t: f"{t.month:02d}",
    "-m": lambda t: str(t.month),
    "d": lambda t: f"{t.day:02d}",
    "-d": lambda t: str(t.day),
    "H": lambda t: f"{t.hour:02d}",
    "-H": lambda t: str(t.hour),
    "I": lambda t: f"{(t.hour + 11) % 12 + 1:02d}",
    "-I": lambda t: str((t.hour + 11) % 12 + 1),
    "M": lambda t: f"{t.minute:02d}",
    "-M": lambda t: str(t.minute),
    "S": lambda t: f"{t.second:02d}",
    "p": lambda t: "PM" if t.hour >= 12 else "AM",
    "b": lambda t: MONTHS[t.month - 1][:3],
    "B": lambda t: MONTHS[t.month - 1],
    "a": lambda t: DAYS[t.weekday()][:3],
    "A": lambda t: DAYS[t.weekday()],
    "j": lambda t: f"{t.timetuple().tm_yday:03d}",
    "-j": lambda t: str(t.timetuple().tm_yday),
    "G": lambda t: f"{t.isocalendar()[0]:04d}",
    "V": lambda t: f"{t.isocalendar()[1]:02d}",
    "u": lambda t: str(t.isoweekday()),
}


def strftime(moment: datetime, date_format: str) -> str:
    """One moment written out."""
    return re.sub(r"%(-?[A-Za-z])", lambda part: _WRITES[part[1]](moment), date_format)
