"""Columns of numbers, with marks and units, and what they count."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.mapping.corpus.case import Case, Gold
from benchmarks.mapping.corpus.writing import NULLS, column


def _grouped(value: float, places: int, group: str, point: str) -> str:
    text = f"{value:,.{places}f}"
    return text.replace(",", "\0").replace(".", point).replace("\0", group)


def numbers() -> Iterator[Case]:
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

        nulls = NULLS[number % len(NULLS)] if number % 3 == 1 else None
        names = (("amount", "Betrag"), ("price", "Unit Price"), ("total", "TOTAL"))[number % 3]
        yield column("number", f"number-{slug}", dict(money), *names, make, 30, nulls)
    yield from (*_negatives(), *_counts(), *_magnitudes(), *_percents())


def _negatives() -> Iterator[Case]:
    negatives: dict[str, Callable[[float], str]] = {
        "brackets": lambda v: f"({-v:,.2f})" if v < 0 else f"{v:,.2f}",
        "behind": lambda v: f"{-v:,.2f}-" if v < 0 else f"{v:,.2f}",
        "dollar-minus": lambda v: f"-${-v:,.2f}" if v < 0 else f"${v:,.2f}",
    }
    for slug, write in negatives.items():

        def balance(rng: random.Random, write: Callable[[float], str] = write) -> tuple[str, Gold]:
            value = round(rng.uniform(-5000, 9000), 2)
            return write(value), value

        yield column(
            "number", f"number-neg-{slug}", {"type": "number"}, "balance", "Saldo", balance
        )


def _counts() -> Iterator[Case]:
    counts: dict[str, Callable[[int], str]] = {
        "us": lambda v: f"{v:,}",
        "german": lambda v: f"{v:,}".replace(",", "."),
        "space": lambda v: f"{v:,}".replace(",", " "),
        "float": lambda v: f"{v}.0",
        "plain": str,
    }
    for slug, write_count in counts.items():

        def population(
            rng: random.Random, write: Callable[[int], str] = write_count
        ) -> tuple[str, Gold]:
            value = int(10 ** rng.uniform(1, 6))
            return write(value), value

        yield column(
            "number",
            f"count-{slug}",
            {"type": "integer", "minimum": 0},
            "population",
            "Einwohner",
            population,
            30,
            "n/a" if slug == "us" else None,
        )


def _magnitudes() -> Iterator[Case]:
    def big(rng: random.Random) -> tuple[str, Gold]:
        unit, factor = rng.choice((("K", 1_000), ("M", 1_000_000), ("B", 1_000_000_000)))
        value = rng.randint(10, 999)
        return f"${value / 10:.1f}{unit}", value * factor // 10

    yield column(
        "number",
        "magnitude-letters",
        {"type": "number", "description": "Annual revenue in US dollars"},
        "revenue",
        "Revenue",
        big,
    )

    def words(rng: random.Random) -> tuple[str, Gold]:
        unit, factor = rng.choice((("million", 1_000_000), ("billion", 1_000_000_000)))
        value = rng.randint(10, 999)
        return f"{value / 10:.1f} {unit}", value * factor // 10

    yield column(
        "number",
        "magnitude-words",
        {"type": "integer", "description": "Market value in dollars"},
        "market_value",
        "Mkt Val",
        words,
        30,
        "-",
    )

    def german(rng: random.Random) -> tuple[str, Gold]:
        unit, factor = rng.choice((("Mio. €", 1_000_000), ("Mrd. €", 1_000_000_000)))
        value = rng.randint(10, 999)
        return f"{value / 10:.1f} {unit}".replace(".", ",", 1), value * factor // 10

    yield column(
        "number",
        "magnitude-german",
        {"type": "number", "description": "Umsatz in Euro"},
        "umsatz",
        "Umsatz",
        german,
    )


def _percents() -> Iterator[Case]:
    for slug, target, factor in (
        ("fraction", {"type": "number", "minimum": 0, "maximum": 1}, 0.01),
        ("percent", {"type": "number", "minimum": 0, "maximum": 100}, 1),
        ("described", {"type": "number", "description": "Share as a fraction between 0 and 1"}, 0.01),
        ("examples", {"type": "number", "examples": [0.19, 0.07], "description": "VAT rate"}, 0.01),
    ):  # fmt: skip

        def percent(rng: random.Random, factor: float = factor) -> tuple[str, Gold]:
            value = rng.randint(0, 1000) / 10
            return f"{value}%" if rng.random() < 0.7 else f"{value} %", round(value * factor, 6)

        yield column("number", f"percent-{slug}", target, "rate", "Satz", percent)

    def bare(rng: random.Random) -> tuple[str, Gold]:
        value = rng.randint(0, 1000) / 10
        return str(value), round(value / 100, 6)

    yield column(
        "number",
        "percent-by-name",
        {"type": "number", "minimum": 0, "maximum": 1},
        "discount",
        "discount_pct",
        bare,
    )


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
    (
        "kb-to-b",
        "size_bytes",
        "integer",
        "size_kb",
        "Size in bytes, 1 kB is 1000 bytes",
        1000,
        (1, 9000, 0),
    ),
    ("cents", "price", "number", "price_cents", "Price in euros", 0.01, (5, 99999, 0)),
    (
        "thousands",
        "revenue",
        "integer",
        "revenue_thousands",
        "Revenue in dollars",
        1000,
        (5, 99999, 0),
    ),
    ("g-to-kg", "mass_kg", "number", "mass_g", "", 0.001, (5, 99999, 0)),
    ("same", "weight_kg", "number", "Gewicht (kg)", "", 1, (5, 999, 1)),
)


def units() -> Iterator[Case]:
    for slug, name, kind, source, description, factor, (low, high, places) in _CONVERSIONS:
        target = {"type": kind} | ({"description": description} if description else {})

        def make(
            rng: random.Random,
            factor: float = factor,
            low: int = low,
            high: int = high,
            places: int = places,
        ) -> tuple[str, Gold]:
            value = round(rng.uniform(low, high), places)
            return (f"{value:.{places}f}", round(value * factor, 9))

        yield column("unit", f"unit-{slug}", target, name, source, make)
    for slug, to, (zero, scale) in (("f-c", "celsius", (32, 5 / 9)),):

        def degrees(
            rng: random.Random, zero: float = zero, scale: float = scale
        ) -> tuple[str, Gold]:
            value = rng.randint(-20, 110)
            return f"{value}°F", (value - zero) * scale

        yield column(
            "unit",
            f"unit-{slug}",
            {"type": "number", "description": f"Temperature in {to}"},
            "temp",
            "Temp",
            degrees,
        )
    yield from (*_written_units(), *_durations())


def _written_units() -> Iterator[Case]:
    texts: dict[str, tuple[dict[str, Any], str, str, dict[str, float]]] = {
        "mixed-weight": (
            {"type": "number"},
            "weight_kg",
            "Weight",
            {"kg": 1, "g": 0.001, "lb": 0.45359237},
        ),
        "mixed-length": (
            {"type": "number", "description": "Length in centimetres"},
            "length",
            "Len",
            {"cm": 1, "mm": 0.1, "m": 100},
        ),
        "mixed-time": (
            {"type": "integer", "description": "Duration in seconds"},
            "duration",
            "Dauer",
            {"min": 60, "h": 3600, "s": 1},
        ),
        "mixed-data": (
            {"type": "integer", "description": "Bytes; 1 KB = 1000 bytes"},
            "size",
            "Size",
            {"KB": 1e3, "MB": 1e6, "GB": 1e9},
        ),
        "one-unit": ({"type": "number"}, "weight_kg", "Gewicht", {"kg": 1}),
        "volume": (
            {"type": "number", "description": "Content in litres"},
            "content",
            "Inhalt",
            {"ml": 0.001, "l": 1, "cl": 0.01},
        ),
    }
    for slug, (target, name, source, units) in texts.items():

        def written(rng: random.Random, units: dict[str, float] = units) -> tuple[str, Gold]:
            unit = rng.choice(sorted(units))
            value = rng.randint(1, 400)
            return f"{value}{rng.choice((' ', ''))}{unit}", round(value * units[unit], 9)

        yield column("unit", f"unit-text-{slug}", target, name, source, written)


def _durations() -> Iterator[Case]:
    def spoken(rng: random.Random) -> tuple[str, Gold]:
        hours, minutes = rng.randint(0, 5), rng.randint(1, 59)
        return (f"{hours}h {minutes}min" if hours else f"{minutes}min"), hours * 60 + minutes

    yield column(
        "unit",
        "unit-hours-minutes",
        {"type": "integer", "description": "Running time in minutes"},
        "runtime",
        "Runtime",
        spoken,
    )

    def clock(rng: random.Random) -> tuple[str, Gold]:
        h, m, s = rng.randint(0, 3), rng.randint(0, 59), rng.randint(0, 59)
        return f"{h}:{m:02}:{s:02}", h * 3600 + m * 60 + s

    yield column(
        "unit",
        "unit-clock",
        {"type": "integer", "description": "Length in seconds"},
        "length",
        "Playtime",
        clock,
    )

    def track(rng: random.Random) -> tuple[str, Gold]:
        m, s = rng.randint(1, 9), rng.randint(0, 59)
        return f"{m}:{s:02}", m * 60 + s

    yield column(
        "unit",
        "unit-track",
        {"type": "integer", "description": "Length of the track in seconds"},
        "length",
        "Time",
        track,
    )

    def iso(rng: random.Random) -> tuple[str, Gold]:
        h, m = rng.randint(1, 3), rng.randint(1, 59)
        return f"PT{h}H{m}M", h * 3600 + m * 60

    yield column(
        "unit",
        "unit-iso",
        {"type": "integer", "description": "Duration in seconds"},
        "duration",
        "dur",
        iso,
    )

    def feet(rng: random.Random) -> tuple[str, Gold]:
        f, i = rng.randint(4, 6), rng.randint(0, 11)
        return f"{f}'{i}\"", round((f * 12 + i) * 2.54, 6)

    yield column(
        "unit",
        "unit-feet-inches",
        {"type": "number", "description": "Height in cm"},
        "height",
        "Height",
        feet,
    )
