"""Messy columns from true values: each writer states how somebody's system would have written them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.mapping.corpus.case import Case, Gold

_DE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_ES = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
_EN = "January February March April May June July August September October November December".split()
_NULLS = ("", "N/A", "NULL", "-", "n/a", "None")
DATE = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}


def cases() -> Iterator[Case]:
    """All of them, always the same."""
    for make in (_dates, _moments, _numbers, _units, _booleans, _others):
        yield from make()


def _random(name: str) -> random.Random:
    return random.Random(f"corpus {name}")


def _with_nulls(
    rng: random.Random, written: list[str], gold: list[Gold], share: float, token: str
) -> tuple[list[str | None], list[Gold]]:
    texts: list[str | None] = list(written)
    for i in range(len(texts)):
        if rng.random() < share:
            texts[i], gold[i] = token or None, None
    return texts, gold


def _column(
    family: str,
    slug: str,
    target: dict[str, Any],
    name: str,
    source: str,
    make: Callable[[random.Random], tuple[str, Gold]],
    rows: int = 30,
    nulls: str | None = None,
) -> Case:
    rng = _random(slug)
    pairs = [make(rng) for _ in range(rows)]
    texts: list[str | None] = [text for text, _ in pairs]
    gold = [value for _, value in pairs]
    if nulls is not None:
        texts, gold = _with_nulls(rng, [t or "" for t in texts], gold, 0.15, nulls)
    return Case(f"gen-{slug}", family, target, name, {source: texts}, gold)


# -- dates ------------------------------------------------------------------------------------


def _day(rng: random.Random, first: int = 2005, last: int = 2025) -> dt.date:
    start = dt.date(first, 1, 1).toordinal()
    return dt.date.fromordinal(rng.randint(start, dt.date(last, 12, 28).toordinal()))


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
    *(("order_date", "Ordered on"), ("birth_date", "DOB"), ("start", "Start Dt"), ("due", "due_dt")),
    *(("invoice_date", "Rechnungsdatum"), ("released", "release"), ("valid_from", "gueltig_ab")),
)


def _dates() -> Iterator[Case]:
    for number, (slug, write) in enumerate(_DATE_WRITERS.items()):
        name, source = _DATE_NAMES[number % len(_DATE_NAMES)]
        if slug.endswith(("yy", "upper")):
            name, source = "order_date", "Ordered on"
        nulls = _NULLS[number % len(_NULLS)] if number % 3 == 0 else None
        make = lambda rng, write=write: (lambda d: (write(d), d.isoformat()))(_day(rng))  # noqa: E731
        yield _column("date", f"date-{slug}", dict(DATE), name, source, make, 36, nulls)
    mixes = {
        "iso-dot": ("iso", "dot-dmy"), "slash-english": ("slash-mdy", "english-short"),
        "iso-compact": ("iso", "compact"), "three": ("iso", "slash-dmy", "english-day"),
        "dash-mon": ("dash-dmy", "mon-dash"), "german": ("dot-dmy", "german", "dot-dmy-yy"),
    }  # fmt: skip
    for slug, writers in mixes.items():
        def mixed(rng: random.Random, writers: Sequence[str] = writers) -> tuple[str, Gold]:
            day = _day(rng)
            return _DATE_WRITERS[rng.choice(writers)](day), day.isoformat()
        yield _column("date", f"date-mix-{slug}", dict(DATE), "created", "created", mixed, 45)
    for slug in ("slash-dmy", "slash-mdy", "dash-dmy", "dot-dmy"):  # nobody can tell but for luck
        def low(rng: random.Random, write: Callable[[dt.date], str] = _DATE_WRITERS[slug]) -> tuple[str, Gold]:
            day = _day(rng).replace(day=rng.randint(1, 12))
            return write(day), day.isoformat()
        yield _column("date", f"date-low-{slug}", dict(DATE), "paid_on", "paid", low, 20)
    for slug in ("slash-dmy", "slash-mdy"):  # another column of the file tells
        case = _column("date", f"date-sibling-{slug}", dict(DATE), "paid_on", "paid",
                       lambda rng, w=_DATE_WRITERS[slug]: (lambda d: (w(d), d.isoformat()))(
                           _day(rng).replace(day=rng.randint(1, 12))), 20)  # fmt: skip
        rng = _random(f"beside {slug}")
        beside = {"shipped": [_DATE_WRITERS[slug](_day(rng)) for _ in range(20)]}
        yield Case(case.id, case.family, case.target, case.name, case.columns, case.gold, beside)
    for slug, form, pattern in (("us", "%m/%d/%Y", r"^\d{2}/\d{2}/\d{4}$"), ("compact", "%Y%m%d", r"^\d{8}$"),
                                ("month", "%Y-%m", r"^\d{4}-\d{2}$")):  # fmt: skip
        target = {"type": "string", "pattern": pattern, "examples": [dt.date(2024, 3, 25).strftime(form)],
                  "description": "Date of the booking"}  # fmt: skip
        def out(rng: random.Random, form: str = form) -> tuple[str, Gold]:
            day = _day(rng)
            return day.strftime("%d.%m.%Y"), day.strftime(form)
        yield _column("date", f"date-text-{slug}", target, "booking_date", "Buchung", out)


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
    "english-at": lambda m: f"{_EN[m.month - 1]} {m.day}, {m.year} at {m.hour % 12 or 12}:{m:%M} {m:%p}",
    "slashes": lambda m: m.strftime("%Y/%m/%d %H:%M:%S"),
}


def _moments() -> Iterator[Case]:
    for number, (slug, write) in enumerate(_MOMENT_WRITERS.items()):
        whole = slug in ("us-pm", "english-at")

        def make(rng: random.Random, write: Any = write, whole: bool = whole) -> tuple[str, Gold]:
            second = 0 if whole else rng.randint(0, 59)
            clock = dt.time(rng.randint(0, 23), rng.randint(0, 59), second)
            moment = dt.datetime.combine(_day(rng), clock)
            return write(moment), str(moment)

        names = (("created_at", "created"), ("login_at", "Last Login"), ("event_time", "ts"))[number % 3]
        nulls = _NULLS[number % len(_NULLS)] if number % 4 == 0 else None
        yield _column("moment", f"moment-{slug}", dict(MOMENT), *names, make, 36, nulls)
    clocks: dict[str, Callable[[dt.time], str]] = {
        "pm": lambda t: t.strftime("%I:%M %p"),
        "short": lambda t: f"{t.hour}:{t:%M}",
        "dot": lambda t: t.strftime("%H.%M"),
        "compact": lambda t: t.strftime("%H%M"),
    }
    for slug, write_clock in clocks.items():
        def clock(rng: random.Random, write: Callable[[dt.time], str] = write_clock) -> tuple[str, Gold]:
            time = dt.time(rng.randint(0, 23), rng.randint(0, 59))
            return write(time), str(time)
        yield _column("moment", f"time-{slug}", {"type": "string", "format": "time"}, "opens", "open", clock)


# -- numbers ----------------------------------------------------------------------------------


def _grouped(value: float, places: int, group: str, point: str) -> str:
    text = f"{value:,.{places}f}"
    return text.replace(",", "\0").replace(".", point).replace("\0", group)


def _numbers() -> Iterator[Case]:
    money = {"type": "number", "description": "Net amount"}
    writers: dict[str, Callable[[float], str]] = {
        "us": lambda v: _grouped(v, 2, ",", "."),
        "german": lambda v: _grouped(v, 2, ".", ","),
        "swiss": lambda v: _grouped(v, 2, "'", "."),
        "french": lambda v: _grouped(v, 2, " ", ","),
        "french-narrow": lambda v: _grouped(v, 2, "\u202f", ",") + " €",
        "dollar": lambda v: "$" + _grouped(v, 2, ",", "."),
        "euro-after": lambda v: _grouped(v, 2, ".", ",") + " €",
        "code-before": lambda v: "USD " + _grouped(v, 2, ",", "."),
        "code-after": lambda v: _grouped(v, 2, ",", ".") + " CHF",
        "pound": lambda v: "£" + _grouped(v, 2, ",", "."),
        "plain": lambda v: f"{v:.2f}",
        "comma-plain": lambda v: f"{v:.2f}".replace(".", ","),
        "blank": lambda v: f"  {v:.2f} ",
    }
    for number, (slug, write) in enumerate(writers.items()):
        def make(rng: random.Random, write: Callable[[float], str] = write) -> tuple[str, Gold]:
            value = round(10 ** rng.uniform(0, 5.5), 2)
            return write(value), value
        nulls = _NULLS[number % len(_NULLS)] if number % 3 == 1 else None
        names = (("amount", "Betrag"), ("price", "Unit Price"), ("total", "TOTAL"))[number % 3]
        yield _column("number", f"number-{slug}", dict(money), *names, make, 30, nulls)
    negatives: dict[str, Callable[[float], str]] = {
        "brackets": lambda v: f"({-v:,.2f})" if v < 0 else f"{v:,.2f}",
        "behind": lambda v: f"{-v:,.2f}-" if v < 0 else f"{v:,.2f}",
        "dollar-minus": lambda v: f"-${-v:,.2f}" if v < 0 else f"${v:,.2f}",
    }
    for slug, write in negatives.items():
        def balance(rng: random.Random, write: Callable[[float], str] = write) -> tuple[str, Gold]:
            value = round(rng.uniform(-5000, 9000), 2)
            return write(value), value
        yield _column("number", f"number-neg-{slug}", {"type": "number"}, "balance", "Saldo", balance)
    counts: dict[str, Callable[[int], str]] = {
        "us": lambda v: f"{v:,}",
        "german": lambda v: f"{v:,}".replace(",", "."),
        "space": lambda v: f"{v:,}".replace(",", " "),
        "float": lambda v: f"{v}.0",
        "plain": str,
    }
    for slug, write_count in counts.items():
        def population(rng: random.Random, write: Callable[[int], str] = write_count) -> tuple[str, Gold]:
            value = int(10 ** rng.uniform(1, 6))
            return write(value), value
        yield _column("number", f"count-{slug}", {"type": "integer", "minimum": 0}, "population", "Einwohner", population, 30, "n/a" if slug == "us" else None)
    def big(rng: random.Random) -> tuple[str, Gold]:
        unit, factor = rng.choice((("K", 1_000), ("M", 1_000_000), ("B", 1_000_000_000)))
        value = rng.randint(10, 999)
        return f"${value / 10:.1f}{unit}", value * factor // 10
    yield _column("number", "magnitude-letters", {"type": "number", "description": "Annual revenue in US dollars"}, "revenue", "Revenue", big)
    def words(rng: random.Random) -> tuple[str, Gold]:
        unit, factor = rng.choice((("million", 1_000_000), ("billion", 1_000_000_000)))
        value = rng.randint(10, 999)
        return f"{value / 10:.1f} {unit}", value * factor // 10
    yield _column("number", "magnitude-words", {"type": "integer", "description": "Market value in dollars"}, "market_value", "Mkt Val", words, 30, "-")
    def german(rng: random.Random) -> tuple[str, Gold]:
        unit, factor = rng.choice((("Mio. €", 1_000_000), ("Mrd. €", 1_000_000_000)))
        value = rng.randint(10, 999)
        return f"{value / 10:.1f} {unit}".replace(".", ",", 1), value * factor // 10
    yield _column("number", "magnitude-german", {"type": "number", "description": "Umsatz in Euro"}, "umsatz", "Umsatz", german)
    for slug, target, factor in (
        ("fraction", {"type": "number", "minimum": 0, "maximum": 1}, 0.01),
        ("percent", {"type": "number", "minimum": 0, "maximum": 100}, 1),
        ("described", {"type": "number", "description": "Share as a fraction between 0 and 1"}, 0.01),
        ("examples", {"type": "number", "examples": [0.19, 0.07], "description": "VAT rate"}, 0.01),
    ):  # fmt: skip
        def percent(rng: random.Random, factor: float = factor) -> tuple[str, Gold]:
            value = rng.randint(0, 1000) / 10
            return f"{value}%" if rng.random() < 0.7 else f"{value} %", round(value * factor, 6)
        yield _column("number", f"percent-{slug}", target, "rate", "Satz", percent)
    def bare(rng: random.Random) -> tuple[str, Gold]:
        value = rng.randint(0, 1000) / 10
        return str(value), round(value / 100, 6)
    yield _column("number", "percent-by-name", {"type": "number", "minimum": 0, "maximum": 1}, "discount", "discount_pct", bare)


_CONVERSIONS = (
    ("min-to-s", "duration_seconds", "integer", "runtime_min", "", 60, (1, 240, 0)),
    ("s-to-min", "duration_minutes", "number", "length_sec", "", 1 / 60, (30, 9000, 0)),
    ("ms-to-s", "latency_seconds", "number", "latency_ms", "", 0.001, (1, 90000, 0)),
    ("h-to-min", "minutes", "number", "hours", "Working time in minutes", 60, (1, 100, 1)),
    ("lb-to-kg", "weight_kg", "number", "weight_lbs", "", 0.45359237, (90, 300, 1)),
    ("oz-to-g", "weight", "number", "Weight (oz)", "Weight in grams", 28.349523125, (1, 90, 1)),
    ("in-to-cm", "height_cm", "number", "height_in", "", 2.54, (50, 80, 1)),
    ("ft-to-m", "altitude_m", "number", "altitude_ft", "", 0.3048, (10, 30000, 0)),
    ("mi-to-km", "distance_km", "number", "distance [mi]", "", 1.609344, (1, 900, 1)),
    ("m-to-km", "distance", "number", "meters", "Distance in kilometers", 0.001, (10, 90000, 0)),
    ("kb-to-b", "size_bytes", "integer", "size_kb", "Size in bytes, 1 kB is 1000 bytes", 1000, (1, 9000, 0)),
    ("cents", "price", "number", "price_cents", "Price in euros", 0.01, (5, 99999, 0)),
    ("thousands", "revenue", "integer", "revenue_thousands", "Revenue in dollars", 1000, (5, 99999, 0)),
    ("g-to-kg", "mass_kg", "number", "mass_g", "", 0.001, (5, 99999, 0)),
    ("same", "weight_kg", "number", "Gewicht (kg)", "", 1, (5, 999, 1)),
)


def _units() -> Iterator[Case]:
    for slug, name, kind, source, description, factor, (low, high, places) in _CONVERSIONS:
        target = {"type": kind} | ({"description": description} if description else {})
        def make(rng: random.Random, factor: float = factor, low: int = low, high: int = high, places: int = places) -> tuple[str, Gold]:
            value = round(rng.uniform(low, high), places)
            return (f"{value:.{places}f}", round(value * factor, 9))
        yield _column("unit", f"unit-{slug}", target, name, source, make)
    for slug, to, (zero, scale) in (("f-c", "celsius", (32, 5 / 9)),):
        def degrees(rng: random.Random, zero: float = zero, scale: float = scale) -> tuple[str, Gold]:
            value = rng.randint(-20, 110)
            return f"{value}°F", (value - zero) * scale
        yield _column("unit", f"unit-{slug}", {"type": "number", "description": f"Temperature in {to}"}, "temp", "Temp", degrees)
    texts: dict[str, tuple[dict[str, Any], str, str, dict[str, float]]] = {
        "mixed-weight": ({"type": "number"}, "weight_kg", "Weight", {"kg": 1, "g": 0.001, "lb": 0.45359237}),
        "mixed-length": ({"type": "number", "description": "Length in centimetres"}, "length", "Len", {"cm": 1, "mm": 0.1, "m": 100}),
        "mixed-time": ({"type": "integer", "description": "Duration in seconds"}, "duration", "Dauer", {"min": 60, "h": 3600, "s": 1}),
        "mixed-data": ({"type": "integer", "description": "Bytes; 1 KB = 1000 bytes"}, "size", "Size", {"KB": 1e3, "MB": 1e6, "GB": 1e9}),
        "one-unit": ({"type": "number"}, "weight_kg", "Gewicht", {"kg": 1}),
        "volume": ({"type": "number", "description": "Content in litres"}, "content", "Inhalt", {"ml": 0.001, "l": 1, "cl": 0.01}),
    }
    for slug, (target, name, source, units) in texts.items():
        def written(rng: random.Random, units: dict[str, float] = units) -> tuple[str, Gold]:
            unit = rng.choice(sorted(units))
            value = rng.randint(1, 400)
            return f"{value}{rng.choice((' ', ''))}{unit}", round(value * units[unit], 9)
        yield _column("unit", f"unit-text-{slug}", target, name, source, written)
    def spoken(rng: random.Random) -> tuple[str, Gold]:
        hours, minutes = rng.randint(0, 5), rng.randint(1, 59)
        return (f"{hours}h {minutes}min" if hours else f"{minutes}min"), hours * 60 + minutes
    yield _column("unit", "unit-hours-minutes", {"type": "integer", "description": "Running time in minutes"}, "runtime", "Runtime", spoken)
    def clock(rng: random.Random) -> tuple[str, Gold]:
        h, m, s = rng.randint(0, 3), rng.randint(0, 59), rng.randint(0, 59)
        return f"{h}:{m:02}:{s:02}", h * 3600 + m * 60 + s
    yield _column("unit", "unit-clock", {"type": "integer", "description": "Length in seconds"}, "length", "Playtime", clock)
    def track(rng: random.Random) -> tuple[str, Gold]:
        m, s = rng.randint(1, 9), rng.randint(0, 59)
        return f"{m}:{s:02}", m * 60 + s
    yield _column("unit", "unit-track", {"type": "integer", "description": "Length of the track in seconds"}, "length", "Time", track)
    def iso(rng: random.Random) -> tuple[str, Gold]:
        h, m = rng.randint(1, 3), rng.randint(1, 59)
        return f"PT{h}H{m}M", h * 3600 + m * 60
    yield _column("unit", "unit-iso", {"type": "integer", "description": "Duration in seconds"}, "duration", "dur", iso)
    def feet(rng: random.Random) -> tuple[str, Gold]:
        f, i = rng.randint(4, 6), rng.randint(0, 11)
        return f"{f}'{i}\"", round((f * 12 + i) * 2.54, 6)
    yield _column("unit", "unit-feet-inches", {"type": "number", "description": "Height in cm"}, "height", "Height", feet)


# -- yes and no -------------------------------------------------------------------------------

_SPELLINGS = {
    "yn": ("Y", "N"), "yes-no": ("Yes", "No"), "upper": ("YES", "NO"), "tf": ("T", "F"), "bits": ("1", "0"),
    "words": ("true", "false"), "caps": ("TRUE", "FALSE"), "on-off": ("on", "off"), "ja-nein": ("Ja", "Nein"),
    "oui-non": ("oui", "non"), "si-no": ("sí", "no"), "floats": ("1.0", "0.0"), "wahr": ("WAHR", "FALSCH"),
    "minus": ("-1", "0"), "enabled": ("Enabled", "Disabled"), "active": ("active", "inactive"),
    "marks": ("✓", "✗"), "jn": ("J", "N"), "vrai": ("Vrai", "Faux"),
}  # fmt: skip


def _booleans() -> Iterator[Case]:
    for number, (slug, (true, false)) in enumerate(_SPELLINGS.items()):
        def make(rng: random.Random, true: str = true, false: str = false) -> tuple[str, Gold]:
            truth = rng.random() < 0.6
            return true if truth else false, truth
        name, source = (("is_active", "active_flag"), ("subscribed", "Newsletter"), ("has_tax", "Tax?"))[number % 3]
        if slug == "enabled":
            name, source = "is_enabled", "status"
        nulls = _NULLS[number % len(_NULLS)] if number % 4 == 2 else None
        yield _column("boolean", f"bool-{slug}", {"type": "boolean"}, name, source, make, 24, nulls)
    def mess(rng: random.Random) -> tuple[str, Gold]:
        truth = rng.random() < 0.5
        return rng.choice(("yes", "Y", "TRUE", "1") if truth else ("no", "N", "FALSE", "0")), truth
    yield _column("boolean", "bool-mess", {"type": "boolean"}, "verified", "verified", mess, 40)


# -- identifiers, phones, names ---------------------------------------------------------------

_FIRST = "Anna Ben Clara David Emma Felix Grace Henry Ida Jonas Karl Lena Max Nora Oscar Paula Rosa Tom".split()
_LAST = "Adler Baker Costa Dubois Evans Fischer Garcia Hoffmann Ivanov Jones Keller Lopez Meyer Novak Rossi".split()


def _person(rng: random.Random) -> tuple[str, str]:
    return rng.choice(_FIRST), rng.choice(_LAST)


def _others() -> Iterator[Case]:
    e164 = {"type": "string", "pattern": r"^\+[1-9]\d{6,14}$", "description": "Phone number, E.164"}
    def digits(rng: random.Random, n: int) -> str:
        return str(rng.randint(2, 9)) + "".join(str(rng.randint(0, 9)) for _ in range(n - 1))
    def german(rng: random.Random) -> tuple[str, Gold]:
        a, b = digits(rng, 2), digits(rng, 7)
        return f"+49 ({a}) {b[:3]}-{b[3:]}", f"+49{a}{b}"
    yield _column("phone", "phone-intl", e164, "phone", "Telefon", german)
    def zeros(rng: random.Random) -> tuple[str, Gold]:
        a, b = digits(rng, 3), digits(rng, 7)
        lead = rng.choice(("+41 ", "0041 "))
        return f"{lead}{a[:2]} {b}", f"+41{a[:2]}{b}"
    yield _column("phone", "phone-zeros", e164, "phone", "Tel.", zeros)
    def trunk(rng: random.Random) -> tuple[str, Gold]:
        a, b = digits(rng, 2), digits(rng, 8)
        return f"+44 (0){a} {b[:4]} {b[4:]}", f"+44{a}{b}"
    yield _column("phone", "phone-trunk", e164, "mobile", "Mobile No", trunk)
    for country, code, lead in (("US", "1", ""), ("DE", "49", "0"), ("FR", "33", "0")):
        def national(rng: random.Random, code: str = code, lead: str = lead, country: str = country) -> tuple[str, Gold]:
            number = digits(rng, 9 if country == "FR" else 10)
            shown = f"({number[:3]}) {number[3:6]}-{number[6:]}" if country == "US" else f"{lead}{number[:3]} {number[3:]}"
            return shown, f"+{code}{number}"
        case = _column("phone", f"phone-national-{country}", e164, "phone", "Phone", national)
        yield Case(case.id, case.family, case.target, case.name, case.columns, case.gold, country=country)
    def mail(rng: random.Random) -> tuple[str, Gold]:
        first, last = _person(rng)
        address = f"{first}.{last}@Example.com"
        return rng.choice((address, address.upper(), f" {address} ")), address.lower()
    yield _column("text", "email-case", {"type": "string", "format": "email"}, "email", "E-Mail", mail)
    def postal(rng: random.Random) -> tuple[str, Gold]:
        code = rng.choice((rng.randint(1000, 9999), rng.randint(10000, 99999)))
        return str(code), f"{code:05}"
    yield _column("text", "zip-zeros", {"type": "string", "pattern": r"^\d{5}$"}, "zip", "PLZ", postal)
    def sku(rng: random.Random) -> tuple[str, Gold]:
        code = f"{rng.choice('abcdef')}{rng.choice('ghijk')}-{rng.randint(100, 999)}"
        return code, code.upper()
    yield _column("text", "sku-upper", {"type": "string", "pattern": r"^[A-Z]{2}-\d{3}$"}, "sku", "Artikel", sku)
    def uuid(rng: random.Random) -> tuple[str, Gold]:
        raw = f"{rng.getrandbits(128):032x}"
        dashed = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
        return "{" + dashed.upper() + "}", dashed
    yield _column("text", "uuid-braces", {"type": "string", "format": "uuid"}, "id", "GUID", uuid)
    def bare(rng: random.Random) -> tuple[str, Gold]:
        raw = f"{rng.getrandbits(128):032x}"
        return raw, f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
    yield _column("text", "uuid-bare", {"type": "string", "format": "uuid"}, "id", "uid", bare)
    def blanks(rng: random.Random) -> tuple[str, Gold]:
        first, last = _person(rng)
        return f" {first}  {last}", f"{first} {last}"
    yield _column("text", "blanks", {"type": "string"}, "customer", "Customer", blanks)
    for token in ("N/A", "NULL", "-", "?"):
        def nulls(rng: random.Random, token: str = token) -> tuple[str, Gold]:
            first, last = _person(rng)
            return (token, None) if rng.random() < 0.2 else (f"{first} {last}", f"{first} {last}")
        slug = {"N/A": "na", "NULL": "null", "-": "dash", "?": "question"}[token]
        yield _column("text", f"null-{slug}", {"type": ["string", "null"]}, "contact", "Kontakt", nulls)
    def plain(rng: random.Random) -> tuple[str, Gold]:
        text = f"{rng.choice(_LAST)} {rng.choice(('GmbH', 'Ltd', 'Inc.', 'SA'))}"
        return text, text
    yield _column("text", "plain", {"type": "string"}, "company", "Firma", plain)
    yield from _names()
    yield from _lists()


def _names() -> Iterator[Case]:
    for part, field_name in ((0, "first_name"), (1, "last_name")):
        def comma(rng: random.Random, part: int = part) -> tuple[str, Gold]:
            person = _person(rng)
            return f"{person[1]}, {person[0]}", person[part]
        yield _column("parts", f"split-comma-{field_name}", {"type": "string"}, field_name, "Name", comma)
        def space(rng: random.Random, part: int = part) -> tuple[str, Gold]:
            person = _person(rng)
            return " ".join(person), person[part]
        yield _column("parts", f"split-space-{field_name}", {"type": "string"}, field_name, "full_name", space)
    rng = _random("joined")
    people = [_person(rng) for _ in range(25)]
    yield Case("gen-join-names", "parts", {"type": "string"}, "full_name",
               {"LAST_NM": [p[1] for p in people], "FIRST_NAME": [p[0] for p in people]},
               [f"{p[0]} {p[1]}" for p in people])  # fmt: skip
    moments = [dt.datetime.combine(_day(rng), dt.time(rng.randint(0, 23), rng.randint(0, 59))) for _ in range(25)]
    yield Case("gen-join-moment", "parts", dict(MOMENT), "started_at",
               {"Date": [m.strftime("%d/%m/%Y") for m in moments], "Time": [m.strftime("%I:%M %p") for m in moments]},
               [str(m) for m in moments])  # fmt: skip
    days = [_day(rng) for _ in range(25)]
    yield Case("gen-join-days", "parts", dict(DATE), "measured",
               {"Year": [str(d.year) for d in days], "Month": [str(d.month) for d in days], "Day": [str(d.day) for d in days]},
               [d.isoformat() for d in days])  # fmt: skip
    spots = [(round(rng.uniform(-80, 80), 4), round(rng.uniform(-170, 170), 4)) for _ in range(25)]
    for place, name in ((0, "latitude"), (1, "longitude")):
        yield Case(f"gen-split-{name}", "parts", {"type": "number"}, name,
                   {"coords": [f"{a}, {b}" for a, b in spots]}, [spot[place] for spot in spots])  # fmt: skip


def _lists() -> Iterator[Case]:
    target = {"type": "array", "items": {"type": "string"}}
    words = "red green blue black white silver gold".split()
    writers: dict[str, Callable[[list[str]], str]] = {
        "comma": ", ".join, "pipe": "|".join, "semicolon": "; ".join, "messy": " ;".join,
        "json": lambda items: "[" + ", ".join(f'"{i}"' for i in items) + "]",
        "python": lambda items: "[" + ", ".join(f"'{i}'" for i in items) + "]",
    }  # fmt: skip
    for slug, write in writers.items():
        def make(rng: random.Random, write: Callable[[list[str]], str] = write) -> tuple[str, Gold]:
            items = rng.sample(words, rng.randint(1, 4))
            return write(items), items
        yield _column("list", f"list-{slug}", target, "colours", "Colors", make)
