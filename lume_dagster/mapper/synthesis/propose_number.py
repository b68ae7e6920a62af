"""Candidate parts of an output that are numbers computed from numbers in the source."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from lume_dagster.mapper.synthesis.node import Node
from lume_dagster.mapper.synthesis.setting import Setting, Vector, step
from lume_dagster.mapper.synthesis.units import AFFINE, RATIOS

_FIGURE = re.compile(r"-?\d[\d,]*\.?\d*|-?\.\d+")
_STEPS = (
    1,
    2,
    3,
    5,
    10,
    15,
    20,
    25,
    30,
    50,
    60,
    100,
    200,
    250,
    500,
    1000,
    *(0.1, 0.01, 0.05, 0.25),
)
_MOST_NUMBERS = 6
_LIKELY = frozenset({"column", "trim", "token", "keep", "split", "squash"})


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as an output writes it."""

    value: float
    decimals: int
    digits: int  # significant
    grouped: bool
    text: str


def figures(wanted: Sequence[str]) -> list[Figure] | None:
    """The first number of each output, or None where one has none."""
    found = [_FIGURE.search(out) for out in wanted]
    if not all(found):
        return None
    return [_figure(match[0]) for match in found if match]


def _figure(text: str) -> Figure:
    bare = text.replace(",", "").rstrip(".")
    decimals = len(bare.partition(".")[2])
    digits = len(re.sub(r"\D", "", bare).lstrip("0")) or 1
    return Figure(float(bare or 0), decimals, digits, "," in text, text)


def numbers(setting: Setting, bases: Sequence[Node]) -> list[Node]:
    """The numbers that can be read in the source, the likeliest ones."""
    made: dict[object, Node] = {}
    for base in bases:
        first = (setting.texts(base) or ("",))[0]
        if base.op not in _LIKELY or not (len(first) == 1 or any(map(str.isdigit, first))):
            continue
        for node in _readings(base, thorough=setting.thorough):
            values = setting.seen(node)
            if None not in values:
                made.setdefault((values, setting.unseen(node)), node)
    return list(made.values())[:_MOST_NUMBERS]


def _readings(base: Node, *, thorough: bool) -> Iterator[Node]:
    yield step("number", base, ".")
    yield step("number", base, ",")
    if base.op in ("column", "trim"):
        yield step("clock", base)
        yield step("letter_code", base)
        yield step("fraction", base)
        if thorough:
            yield from (step("from_base", base, radix) for radix in (2, 16, 8))


def number_atoms(setting: Setting, bases: Sequence[Node]) -> Iterator[Node]:
    """Numbers as they are, computed with, rounded, converted; written as the outputs are."""
    found = numbers(setting, bases)
    wanted = figures(setting.wanted)
    romans = (step("from_roman", base) for base in bases if base.op in _LIKELY)
    yield from filter(setting.fits, (step("at_most", roman, 1) for roman in romans))
    for node in found:
        yield from filter(setting.fits, _other_writings(node))
    if wanted is None:
        return
    for node in found:
        yield from _computed_and_written(setting, node, wanted)
    if setting.thorough:
        for node in _pairs(setting, found):
            yield from filter(setting.fits, _written(setting, node, wanted))


def _other_writings(node: Node) -> Iterator[Node]:
    yield from (step("to_base", node, base) for base in (2, 8, 16))
    yield step("lower", step("to_base", node, 16))
    yield step("pad", step("to_base", node, 16), 2, "0")
    yield step("to_roman", node)
    yield step("letter", node)
    yield step("fixed", step("exponent", node), 0)
    yield step("at_most", step("mantissa", node), 9)
    yield from (step("fixed", step("mantissa", node), places) for places in range(4))
    yield from (_written_clock(node))


def _written_clock(node: Node) -> Iterator[Node]:
    """Seconds, or minutes, as H:MM:SS."""
    for scale in (1, 60, 3600):
        seconds = step("times", node, scale) if scale > 1 else node
        for op, unit in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
            whole = step(
                "steps", step("over", seconds, unit) if unit > 1 else seconds, 1, 0, "down"
            )
            rest = whole if op == "hours" else step("modulo", whole, 60)
            shown = step("fixed", rest, 0)
            yield shown
            yield step("pad", shown, 2, "0")


def _computed_and_written(setting: Setting, node: Node, wanted: Sequence[Figure]) -> Iterator[Node]:
    for value in (node, *_computed(setting, node, wanted)):
        changes = value is node or not _same(setting.seen(value), setting.seen(node))
        if changes and _near(setting, value, wanted):
            yield from filter(setting.fits, _written(setting, value, wanted))


def _same(values: Vector, others: Vector) -> bool:
    """Whether a computation changes none of the examples: then they do not show it."""
    return all(
        isinstance(a, int | float) and isinstance(b, int | float) and math.isclose(a, b)
        for a, b in zip(values, others, strict=True)
    )


def _near(setting: Setting, node: Node, wanted: Sequence[Figure]) -> bool:
    """Whether a number may be what the first example writes: for a part of it, always."""
    value, figure = setting.seen(node)[0], wanted[0]
    if not isinstance(value, int | float):
        return False
    whole = figure.text == setting.wanted[0]
    return not whole or abs(value - figure.value) <= 0.6 * 10.0**-figure.decimals * (
        1 if figure.decimals else max(1.0, abs(figure.value) * 0.1)
    )


def _written(setting: Setting, node: Node, wanted: Sequence[Figure]) -> Iterator[Node]:
    """A number as the outputs write theirs: what they have in common is how they are rounded."""
    values = setting.seen(node)
    exact = all(
        isinstance(v, int | float) and abs(v - f.value) <= 1e-9 * max(1.0, abs(v))
        for v, f in zip(values, wanted, strict=True)
    )
    yield from (
        step(op, node) if digits is None else step(op, node, digits)
        for op, digits in _writers(wanted, exact=exact)
    )


def _writers(wanted: Sequence[Figure], *, exact: bool) -> Iterator[tuple[str, int | None]]:
    decimals, digits = {f.decimals for f in wanted}, {f.digits for f in wanted}
    most = max(decimals)
    if len(decimals) == 1:
        yield ("grouped" if any(f.grouped for f in wanted) else "fixed", min(most, 9))
        if most == 0:
            yield "whole", None
    if exact:
        yield ("at_most", 9)
    elif len(decimals) == 1 and len(wanted) > 1:
        if most:
            yield ("at_most", min(most, 9))
    else:
        if most and len(digits) > 1:
            yield ("at_most", min(most, 9))
        yield ("significant", max(2, min(15, max(digits))))


def _pairs(setting: Setting, found: Sequence[Node]) -> Iterator[Node]:
    for one, other in combinations(found[:3], 2):  # feet and inches, pounds and ounces, hours
        for ratio in (12, 16, 60):
            yield Node("sum", (step("times", one, ratio), other))
    for one, other in combinations(found[:4], 2):
        for op in ("sum", "difference", "product", "quotient"):
            for node in (Node(op, (one, other)), Node(op, (other, one))):
                if None not in setting.seen(node):
                    yield node


def _computed(setting: Setting, node: Node, wanted: Sequence[Figure]) -> Iterator[Node]:
    values = [float(v) for v in setting.seen(node) if isinstance(v, int | float)]
    yield from _rounded(node)
    yield from _scaled(node, values, wanted)
    yield from _moved(node, values, wanted)
    yield step("size", node)


def _rounded(node: Node) -> Iterator[Node]:
    for size in _STEPS:
        for way in ("down", "near", "up"):
            yield step("steps", node, size, 0, way)
        low = step("steps", node, size, 0, "down")
        yield step("plus", low, size)
        yield step("plus", low, size - 1 if size > 1 else size)
        if size > 1:
            yield step("steps", node, size, 1, "down")
            yield step("plus", step("steps", node, size, 1, "down"), size - 1)


# -- conversions: the constant lies in an interval that every example narrows ----------------------


def _half(figure: Figure) -> float:
    """How far the true value may lie from what is written: more than a half for sloppy rounding."""
    return 0.51 * 10.0**-figure.decimals


def _interval(
    values: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> tuple[float, float] | None:
    """The k with low <= k * value <= high for all."""
    low, high = -math.inf, math.inf
    for value, a, b in zip(values, lows, highs, strict=True):
        if value == 0:
            if not a <= 0 <= b:
                return None
            continue
        ends = sorted((a / value, b / value))
        low, high = max(low, ends[0]), min(high, ends[1])
    return (low, high) if low <= high and math.isfinite(low) else None


def _shortest(low: float, high: float) -> float:
    """The number of fewest digits in an interval."""
    if low <= 0 <= high:
        return 0.0
    middle = (low + high) / 2
    for digits in range(1, 15):
        short = float(f"{middle:.{digits}g}")
        if low <= short <= high:
            return short
    return float(f"{middle:.15g}")


def _bounds(wanted: Sequence[Figure], shift: float = 0.0) -> tuple[list[float], list[float]]:
    return (
        [f.value - _half(f) - shift for f in wanted],
        [f.value + _half(f) - shift for f in wanted],
    )


def _scaled(node: Node, values: Sequence[float], wanted: Sequence[Figure]) -> Iterator[Node]:
    known = _interval(values, *_bounds(wanted))
    if known is not None and known[0] > 0:
        low, high = known
        yield from (step("times", node, r) for r in RATIOS if low <= r <= high)
        yield from (step("over", node, r) for r in RATIOS if low <= 1 / r <= high)
        yield step("times", node, _shortest(low, high))
    for ratio, shift in AFFINE:
        between = _interval(values, *_bounds(wanted, shift))
        if between is not None and between[0] <= ratio <= between[1]:
            scaled = step("times", node, ratio) if ratio != 1 else node
            yield step("plus", scaled, shift)


def _moved(node: Node, values: Sequence[float], wanted: Sequence[Figure]) -> Iterator[Node]:
    low = max(f.value - _half(f) - v for f, v in zip(wanted, values, strict=True))
    high = min(f.value + _half(f) - v for f, v in zip(wanted, values, strict=True))
    if low <= high and not low <= 0 <= high:
        yield step("plus", node, _shortest(low, high))
    first, last = values.index(min(values)), values.index(max(values))
    if len(set(values)) < 3:
        return
    gap = values[last] - values[first]
    slack = (_half(wanted[first]) + _half(wanted[last])) / gap
    slope = (wanted[last].value - wanted[first].value) / gap
    ratio = _shortest(slope - slack, slope + slack)
    rest = [ratio * v for v in values]
    low = max(f.value - _half(f) - r for f, r in zip(wanted, rest, strict=True))
    high = min(f.value + _half(f) - r for f, r in zip(wanted, rest, strict=True))
    if low <= high and ratio:
        yield step("plus", step("times", node, ratio), _shortest(low, high))
