"""Steps on numbers: reading, scaling, rounding, writing; all of them doubles, as in the engine."""

from __future__ import annotations

import math
import re

from lume_dagster.mapper.synthesis.op import Op, listed, plain_number
from lume_dagster.mapper.synthesis.units import AFFINE, RATIOS
from lume_dagster.plan.quantities import MONEY, amount

_HALF = 0.500000001
_LARGEST = 1e15
_WHOLE = 2.0**52  # from here on a double has no halves


def _as_python(pattern: str) -> re.Pattern[str]:
    """A pattern of the engine's RE2 that says the same to Python."""
    blanks = pattern.replace(r"\s", r" \t\n\r\f")
    return re.compile(re.sub(r"\\x\{(\w+)\}", r"\\u\1", blanks), re.ASCII)


def _signed_one_way(decimal: str, group: str) -> re.Pattern[str]:
    digits = rf"[0-9'\u2019{re.escape(group)}]*({re.escape(decimal)}[0-9]+)?"
    return re.compile(rf"[+-]?{digits}|{digits}-|\({digits}\)")


_GROUPS = {".": ",", ",": "."}  # by the decimal sign
_MONEY = _as_python(MONEY)
_AMOUNT = {mark: _as_python(amount(mark, group)) for mark, group in _GROUPS.items()}
_WRITTEN = {mark: _signed_one_way(mark, group) for mark, group in _GROUPS.items()}


def read_number(text: str, decimal: str) -> float | None:
    """What the helper parse_number makes of a text, as a DOUBLE."""
    bare = _MONEY.sub("", text)
    if not (_WRITTEN[decimal].fullmatch(bare) and _AMOUNT[decimal].fullmatch(text)):
        return None
    digits = "".join(c for c in bare if c in "0123456789" or c == decimal).replace(",", ".")
    if not any(c in "0123456789" for c in digits):
        return None
    negative = bare.startswith(("-", "(")) or bare.endswith("-")
    return _finite(float(f"-{digits}" if negative else digits))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def format_number(value: float, places: int, group: str = "") -> str | None:
    """What the helper of that name gives."""
    power = float(f"1e{places}")
    if abs(value) * power >= _WHOLE:
        return f"{value:{group}.{places}f}"
    size = math.floor(abs(value) * power + _HALF) / power
    return f"{0.0 - size if value < 0 else size:{group}.{places}f}"


def significant(value: float, digits: int) -> str | None:
    """What the helper of that name gives."""
    if abs(value) < 5e-16:
        return "0"
    places = min(15, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
    return _bare(f"{value:.{places}f}")


def _bare(written: str) -> str:
    return written.rstrip("0").rstrip(".") if "." in written else written


def _at_most(value: float, places: int) -> str | None:
    return _bare(format_number(value, places) or "")


def _steps(value: float, step: float, shift: float, way: str) -> float | None:
    """The multiple of a step below, above or next to a value, counted from a shift."""
    parts = (value - shift) / step
    if way == "near":
        return math.floor(parts + 0.5) * step + shift
    return (math.ceil(parts) if way == "up" else math.floor(parts)) * step + shift


def _steps_sql(inner: str, step: float, shift: float, way: str) -> str:
    offset = f" - {plain_number(shift)}" if shift else ""
    back = f" + {plain_number(shift)}" if shift else ""
    parts = f"({inner}{offset}) / {plain_number(step)}"
    whole = {"near": f"floor({parts} + 0.5)", "up": f"ceil({parts})", "down": f"floor({parts})"}
    return f"({whole[way]} * {plain_number(step)}{back})"


_WAYS = {"near": "rounded", "up": "rounded up", "down": "rounded down"}


def _whole(value: float) -> str | None:
    return str(math.trunc(value)) if abs(value) < _LARGEST else None


def _fraction(text: str) -> float | None:
    """3/4, 7 1/4 and 129."""
    if re.fullmatch("[0-9]{1,9}", text):
        return float(text)
    found = _FRACTION.fullmatch(text)
    if found is None:
        return None
    return float(found[1] or 0) + float(found[2]) / float(found[3])


_FRACTION = re.compile("(?:([0-9]{1,9}) )?([0-9]{1,9})/(0*[1-9][0-9]*)")


def _clock(text: str) -> float | None:
    """Hours, minutes and, if given, seconds of a text such as 102:30:05, as seconds."""
    if not re.fullmatch("[0-9]{1,5}:[0-9]{1,2}(:[0-9]{1,2})?", text):
        return None
    hours, minutes, seconds = (*map(float, text.split(":")), 0.0)[:3]
    return hours * 3600 + minutes * 60 + seconds


_FRACTION_SQL = (
    "CASE WHEN regexp_full_match({0}, '[0-9]{{1,9}}') THEN CAST({0} AS DOUBLE) "
    "WHEN regexp_full_match({0}, '([0-9]{{1,9}} )?[0-9]{{1,9}}/0*[1-9][0-9]*') THEN "
    "coalesce(CAST(nullif(regexp_extract({0}, '^([0-9]+) ', 1), '') AS DOUBLE), 0) + "
    "CAST(regexp_extract({0}, '([0-9]+)/', 1) AS DOUBLE) "
    "/ nullif(CAST(regexp_extract({0}, '/([0-9]+)', 1) AS DOUBLE), 0) END"
)
_CLOCK_SQL = (
    "CASE WHEN regexp_full_match({0}, '[0-9]{{1,5}}:[0-9]{{1,2}}(:[0-9]{{1,2}})?') THEN "
    "CAST(split_part({0}, ':', 1) AS DOUBLE) * 3600 + CAST(split_part({0}, ':', 2) AS DOUBLE) * 60"
    " + coalesce(CAST(nullif(split_part({0}, ':', 3), '') AS DOUBLE), 0) END"
)


def _constant_cost(k: float) -> float:
    """Known ratios are no surprise; of others every digit is."""
    if k in _KNOWN:
        return 0.9
    return 1.3 + 0.6 * len(plain_number(abs(k)).replace(".", "").strip("0"))


_KNOWN = frozenset({*RATIOS, *(k for pair in AFFINE for k in pair)})
_MARKS = {".": "", ",": ", ','"}

NUMBER_OPS = listed(
    Op(
        "number",
        lambda mark: 0.8 + (mark == ","),
        read_number,
        lambda x, mark: f"CAST(parse_number({x}{_MARKS[mark]}) AS DOUBLE)",
        "the number {0}",
    ),
    Op("fraction", 1.5, _fraction, _FRACTION_SQL, "the number or fraction {0}"),
    Op("clock", 1.6, _clock, _CLOCK_SQL, "the seconds of the duration {0}"),
    Op("times", _constant_cost, lambda x, k: _finite(x * k), "({0} * {1})", "{0} times {1}"),
    Op("over", _constant_cost, lambda x, k: _finite(x / k), "({0} / {1})", "{0} divided by {1}"),
    Op(
        "plus",
        lambda k: 0.4 + _constant_cost(k),
        lambda x, k: _finite(x + k),
        "({0} + {1})",
        "{0} plus {1}",
    ),
    Op("sum", 1.6, lambda x, y: _finite(x + y), "({0} + {1})", "{0} plus {1}"),
    Op("difference", 1.7, lambda x, y: _finite(x - y), "({0} - {1})", "{0} minus {1}"),
    Op("product", 1.7, lambda x, y: _finite(x * y), "({0} * {1})", "{0} times {1}"),
    Op(
        "quotient",
        1.8,
        lambda x, y: _finite(x / y) if y else None,
        "({0} / nullif({1}, 0))",
        "{0} divided by {1}",
    ),
    Op("modulo", 1.4, math.fmod, "mod({0}, {1})", "the rest of {0} over {1}"),
    Op(
        "exponent",
        1.8,
        lambda x: float(math.floor(math.log10(abs(x)))) if x else None,
        "floor(log10(nullif(abs({0}), 0)))",
        "the power of ten of {0}",
    ),
    Op(
        "mantissa",
        1.8,
        lambda x: x / math.pow(10, math.floor(math.log10(abs(x)))) if x else None,
        "({0} / power(10, floor(log10(nullif(abs({0}), 0)))))",
        "{0} as digits before a power of ten",
    ),
    Op("size", 0.9, abs, "abs({0})", "{0} without its sign"),
    Op(
        "steps",
        lambda _step, shift, _way: 1.6 + (0.5 if shift else 0.0),
        _steps,
        _steps_sql,
        lambda x, step, shift, way: (
            f"{x} {_WAYS[way]} to steps of {plain_number(step)}"
            + (f" from {plain_number(shift)}" if shift else "")
        ),
    ),
    Op(
        "fixed",
        lambda places: 0.7 + 0.1 * places,
        format_number,
        "format_number({0}, {1})",
        "{0} with {1} decimals",
    ),
    Op(
        "grouped",
        lambda places: 1.0 + 0.1 * places,
        lambda x, places: format_number(x, places, ","),
        "format_number({0}, {1}, ',')",
        "{0} with {1} decimals and thousands parted",
    ),
    Op(
        "at_most",
        lambda places: 1.0 + 0.02 * places,
        _at_most,
        "rtrim(rtrim(format_number({0}, {1}), '0'), '.')",
        "{0} with at most {1} decimals",
    ),
    Op(
        "significant",
        lambda digits: 0.95 + 0.02 * digits,
        significant,
        "significant({0}, {1})",
        "{0} to {1} significant digits",
    ),
    Op(
        "whole",
        0.9,
        _whole,
        "CASE WHEN abs({0}) < 1e15 THEN CAST(CAST(trunc({0}) AS BIGINT) AS VARCHAR) END",
        "the whole part of {0}",
    ),
)
