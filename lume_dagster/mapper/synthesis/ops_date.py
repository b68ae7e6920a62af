"""Steps on dates and times: reading by formats, shifting, bucketing, writing."""

from __future__ import annotations

from datetime import datetime, timedelta

from lume_dagster.mapper.synthesis import clock
from lume_dagster.mapper.synthesis.op import Op, listed, literal, plain_number

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - moments have no zone here
_MONDAY = datetime(2000, 1, 3)  # noqa: DTZ001 - where the engine's buckets start
_SERIAL = datetime(1899, 12, 30)  # noqa: DTZ001 - day zero of spreadsheets
_LAST_YEAR = 9999


def _has_clock(formats: tuple[str, ...]) -> bool:
    return any(mark in f for f in formats for mark in ("%H", "%I"))


def _read_sql(inner: str, *formats: str) -> str:
    helper = "parse_timestamp" if _has_clock(formats) else "parse_date"
    return f"{helper}({inner}, {', '.join(map(literal, formats))})"


def _shift(moment: datetime, seconds: float) -> datetime | None:
    """The year 9999 means "no end", and has nothing after it."""
    if seconds > 0 and moment.year >= _LAST_YEAR:
        return None
    return moment + timedelta(seconds=seconds)


def _shift_sql(inner: str, seconds: float) -> str:
    size = abs(seconds)
    units = (("DAY", 86400), ("HOUR", 3600), ("MINUTE", 60), ("SECOND", 1))
    unit, length = next((u, n) for u, n in units if size % n == 0)
    amount = f"INTERVAL {plain_number(size // length)} {unit}"
    if seconds < 0:
        return f"({inner} - {amount})"
    return f"CASE WHEN year({inner}) < {_LAST_YEAR} THEN {inner} + {amount} END"


def _amount(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds % length == 0:
            return f"{plain_number(abs(seconds) // length)} {unit}"
    return f"{plain_number(abs(seconds))} seconds"


def _bucket(moment: datetime, minutes: int) -> datetime:
    width = minutes * 60
    gone = (moment - _MONDAY) // timedelta(seconds=1)
    return _MONDAY + timedelta(seconds=gone // width * width)


def _serial(days: float) -> datetime | None:
    if not 1 <= days < 2_900_000 or days != int(days):
        return None
    return _SERIAL + timedelta(days=days)


def _unix(seconds: float) -> datetime | None:
    if not 0 <= seconds < 4e9 or seconds != int(seconds):
        return None
    return _EPOCH + timedelta(seconds=seconds)


def _epoch(moment: datetime) -> float:
    return (moment - _EPOCH).total_seconds()


DATE_OPS = listed(
    Op(
        "date",
        lambda *formats: 1.0 + 0.3 * (len(formats) - 1),
        lambda x, *formats: clock.read_date(x, formats),
        _read_sql,
        lambda x, *formats: f"the date in {x} (written {' or '.join(formats)})",
    ),
    Op(
        "strftime",
        lambda f: 1.1 + 0.05 * len(f),
        clock.strftime,
        "strftime({0}, {1})",
        "{0} written as {1}",
    ),
    Op(
        "quarter",
        1.9,
        lambda t: str((t.month + 2) // 3),
        "CAST(quarter({0}) AS VARCHAR)",
        "the quarter of {0}",
    ),
    Op(
        "shift",
        2.0,
        _shift,
        _shift_sql,
        lambda x, seconds: f"{_amount(seconds)} {'before' if seconds < 0 else 'after'} {x}",
    ),
    Op(
        "bucket",
        1.8,
        _bucket,
        "time_bucket(INTERVAL {1} MINUTE, {0})",
        "{0} cut to steps of {1} minutes",
    ),
    Op(
        "serial",
        2.5,
        _serial,
        "CASE WHEN {0} BETWEEN 1 AND 2899999 AND {0} = floor({0}) "
        "THEN DATE '1899-12-30' + CAST({0} AS INTEGER) END",
        "the day of the spreadsheet number {0}",
    ),
    Op(
        "unix",
        2.5,
        _unix,
        "CASE WHEN {0} BETWEEN 0 AND 3999999999 AND {0} = floor({0}) "
        "THEN make_timestamp(CAST({0} AS BIGINT) * 1000000) END",
        "the moment {0} seconds after 1970",
    ),
    Op("epoch", 2.2, _epoch, "epoch({0})", "the seconds from 1970 to {0}"),
)
