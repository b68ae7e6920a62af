"""Columns of dates and points in time, and what they say."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.mapping.corpus.case import Case, Gold
from benchmarks.mapping.corpus.writing import DATE, MOMENT, NULLS, column, day_of, seeded

_DE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_ES = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
_EN = (
    "January February March April May June July August September October November December".split()
)


def _ordinal(n: int) -> str:
    return f"{n}{'th' if 10 <= n % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


_DATE_WRITERS: dict[str, Callable[[dt.date], str]] = {
    "iso": lambda d: d.isoformat(),
    "slash-dmy": lambda d: d.strftime("%d/%m/%Y"),
    "slash-mdy": lambda d: d.strftime("%m/%d/%Y"),
    "slash-mdy-short": lambda d: f"{d.month}/{d.day}/{d.year}",
    "slash-mdy-yy": lambda d: f"{d.month}/{d.day}/{d:%y}",
    "dot-dmy": lambda d: d.strftime("%d.%m.%Y"),
    "dot-dmy-short": lambda d: f"{d.day}.{d.month}.{d.year}",
    "dot-dmy-yy": lambda d: d.strftime("%d.%m.%y"),
    "dash-dmy": lambda d: d.strftime("%d-%m-%Y"),
    "dash-mdy": lambda d: d.strftime("%m-%d-%Y"),
    "ymd-slash": lambda d: d.strftime("%Y/%m/%d"),
    "ymd-dot": lambda d: d.strftime("%Y.%m.%d"),
    "compact": lambda d: d.strftime("%Y%m%d"),
    "compact-dmy": lambda d: d.strftime("%d%m%Y"),
    "mon-dash": lambda d: f"{d.day:02}-{_EN[d.month - 1][:3]}-{d.year}",
    "mon-dash-upper": lambda d: f"{d.day:02}-{_EN[d.month - 1][:3].upper()}-{d:%y}",
    "english": lambda d: f"{_EN[d.month - 1]} {d.day}, {d.year}",
    "english-short": lambda d: f"{_EN[d.month - 1][:3]} {d.day}, {d.year}",
    "english-day": lambda d: f"{d.day} {_EN[d.month - 1]} {d.year}",
    "english-ordinal": lambda d: f"{_EN[d.month - 1]} {_ordinal(d.day)}, {d.year}",
    "ordinal-day": lambda d: f"{_ordinal(d.day)} {_EN[d.month - 1]} {d.year}",
    "weekday": lambda d: f"{d:%a}, {d.day:02} {_EN[d.month - 1][:3]} {d.year}",
    "long-weekday": lambda d: f"{d:%A}, {_EN[d.month - 1]} {d.day}, {d.year}",
    "german": lambda d: f"{d.day}. {_DE[d.month - 1]} {d.year}",
    "german-short": lambda d: f"{d.day:02}. {_DE[d.month - 1][:3]} {d.year}",
    "french": lambda d: f"{d.day} {_FR[d.month - 1]} {d.year}",
    "spanish": lambda d: f"{d.day} de {_ES[d.month - 1]} de {d.year}",
    "serial": lambda d: str((d - dt.date(1899, 12, 30)).days),
    "midnight": lambda d: f"{d.isoformat()}T00:00:00",
    "us-midnight": lambda d: f"{d.month}/{d.day}/{d.year} 12:00:00 AM",
    "epoch-midnight": lambda d: str((d - dt.date(1970, 1, 1)).days * 86400),
    "week-day": lambda d: "{}-W{:02}-{}".format(*d.isocalendar()),
    "space-ymd": lambda d: d.strftime("%Y %m %d"),
}
_DATE_NAMES = (
    *(
        ("order_date", "Ordered on"),
        ("birth_date", "DOB"),
        ("start", "Start Dt"),
        ("due", "due_dt"),
    ),
    *(("invoice_date", "Rechnungsdatum"), ("released", "release"), ("valid_from", "gueltig_ab")),
)


def dates() -> Iterator[Case]:
    for number, (slug, write) in enumerate(_DATE_WRITERS.items()):
        name, source = _DATE_NAMES[number % len(_DATE_NAMES)]
        if slug.endswith(("yy", "upper")):
            name, source = "order_date", "Ordered on"
        nulls = NULLS[number % len(NULLS)] if number % 3 == 0 else None
        make = lambda rng, write=write: (lambda d: (write(d), d.isoformat()))(day_of(rng))  # noqa: E731
        yield column("date", f"date-{slug}", dict(DATE), name, source, make, 36, nulls)
    mixes = {
        "iso-dot": ("iso", "dot-dmy"), "slash-english": ("slash-mdy", "english-short"),
        "iso-compact": ("iso", "compact"), "three": ("iso", "slash-dmy", "english-day"),
        "dash-mon": ("dash-dmy", "mon-dash"), "german": ("dot-dmy", "german", "dot-dmy-yy"),
    }  # fmt: skip
    for slug, writers in mixes.items():

        def mixed(rng: random.Random, writers: Sequence[str] = writers) -> tuple[str, Gold]:
            day = day_of(rng)
            return _DATE_WRITERS[rng.choice(writers)](day), day.isoformat()

        yield column("date", f"date-mix-{slug}", dict(DATE), "created", "created", mixed, 45)
    for slug in ("slash-dmy", "slash-mdy", "dash-dmy", "dot-dmy"):  # nobody can tell but for luck

        def low(
            rng: random.Random, write: Callable[[dt.date], str] = _DATE_WRITERS[slug]
        ) -> tuple[str, Gold]:
            day = day_of(rng).replace(day=rng.randint(1, 12))
            return write(day), day.isoformat()

        yield column("date", f"date-low-{slug}", dict(DATE), "paid_on", "paid", low, 20)
    for slug in ("slash-dmy", "slash-mdy"):  # another column of the file tells
        case = column("date", f"date-sibling-{slug}", dict(DATE), "paid_on", "paid",
                       lambda rng, w=_DATE_WRITERS[slug]: (lambda d: (w(d), d.isoformat()))(
                           day_of(rng).replace(day=rng.randint(1, 12))), 20)  # fmt: skip
        rng = seeded(f"beside {slug}")
        beside = {"shipped": [_DATE_WRITERS[slug](day_of(rng)) for _ in range(20)]}
        yield Case(case.id, case.family, case.target, case.name, case.columns, case.gold, beside)
    for slug, form, pattern in (("us", "%m/%d/%Y", r"^\d{2}/\d{2}/\d{4}$"), ("compact", "%Y%m%d", r"^\d{8}$"),
                                ("month", "%Y-%m", r"^\d{4}-\d{2}$")):  # fmt: skip
        target = {"type": "string", "pattern": pattern, "examples": [dt.date(2024, 3, 25).strftime(form)],
                  "description": "Date of the booking"}  # fmt: skip

        def out(rng: random.Random, form: str = form) -> tuple[str, Gold]:
            day = day_of(rng)
            return day.strftime("%d.%m.%Y"), day.strftime(form)

        yield column("date", f"date-text-{slug}", target, "booking_date", "Buchung", out)


_MOMENT_WRITERS: dict[str, Callable[[dt.datetime], str]] = {
    "iso-t": lambda m: m.isoformat(),
    "iso-z": lambda m: m.isoformat() + "Z",
    "iso-zone": lambda m: (m + dt.timedelta(hours=2)).isoformat() + "+02:00",
    "iso-millis": lambda m: m.isoformat() + ".000Z",
    "us-pm": lambda m: f"{m.month}/{m.day}/{m.year} {m.hour % 12 or 12}:{m:%M} {m:%p}",
    "us-pm-seconds": lambda m: m.strftime("%m/%d/%Y %I:%M:%S %p"),
    "us-pm-close": lambda m: m.strftime("%Y-%m-%d %I:%M:%S") + m.strftime("%p").lower(),
    "german": lambda m: m.strftime("%d.%m.%Y %H:%M:%S"),
    "german-comma": lambda m: m.strftime("%d.%m.%Y, %H:%M:%S"),
    "slash-dmy": lambda m: m.strftime("%d/%m/%Y %H:%M:%S"),
    "epoch": lambda m: str(int((m - dt.datetime(1970, 1, 1)).total_seconds())),
    "epoch-ms": lambda m: str(int((m - dt.datetime(1970, 1, 1)).total_seconds()) * 1000),
    "compact": lambda m: m.strftime("%Y%m%d%H%M%S"),
    "compact-t": lambda m: m.strftime("%Y%m%dT%H%M%SZ"),
    "apache": lambda m: f"{m.day:02}/{_EN[m.month - 1][:3]}/{m.year}:{m:%H:%M:%S} +0000",
    "rfc": lambda m: f"{m:%a}, {m.day:02} {_EN[m.month - 1][:3]} {m.year} {m:%H:%M:%S} GMT",
    "english-at": lambda m: (
        f"{_EN[m.month - 1]} {m.day}, {m.year} at {m.hour % 12 or 12}:{m:%M} {m:%p}"
    ),
    "slashes": lambda m: m.strftime("%Y/%m/%d %H:%M:%S"),
}


def moments() -> Iterator[Case]:
    for number, (slug, write) in enumerate(_MOMENT_WRITERS.items()):
        whole = slug in ("us-pm", "english-at")

        def make(rng: random.Random, write: Any = write, whole: bool = whole) -> tuple[str, Gold]:
            second = 0 if whole else rng.randint(0, 59)
            clock = dt.time(rng.randint(0, 23), rng.randint(0, 59), second)
            moment = dt.datetime.combine(day_of(rng), clock)
            return write(moment), str(moment)

        names = (("created_at", "created"), ("login_at", "Last Login"), ("event_time", "ts"))[
            number % 3
        ]
        nulls = NULLS[number % len(NULLS)] if number % 4 == 0 else None
        yield column("moment", f"moment-{slug}", dict(MOMENT), *names, make, 36, nulls)
    clocks: dict[str, Callable[[dt.time], str]] = {
        "pm": lambda t: t.strftime("%I:%M %p"),
        "short": lambda t: f"{t.hour}:{t:%M}",
        "dot": lambda t: t.strftime("%H.%M"),
        "compact": lambda t: t.strftime("%H%M"),
    }
    for slug, write_clock in clocks.items():

        def clock(
            rng: random.Random, write: Callable[[dt.time], str] = write_clock
        ) -> tuple[str, Gold]:
            time = dt.time(rng.randint(0, 23), rng.randint(0, 59))
            return write(time), str(time)

        yield column(
            "moment", f"time-{slug}", {"type": "string", "format": "time"}, "opens", "open", clock
        )
