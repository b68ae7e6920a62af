"""What the values of a column look like: how they are written, how large, how many are there.

Shapes hold no value: letters are ``A`` or ``a``, digits ``9``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from typing import Literal

from pydantic import Field

from lume_dagster.flows.model import Part

Kind = Literal["empty", "number", "date", "code", "text"]

_MOST_SHAPES = 8
_COVERED = 0.95  # of the values, by so few shapes, make a column one of codes
_LONGEST_SHAPE = 40
_NUMERIC = 0.9  # of the values are numbers
_DATED = 0.9
_FEW_VALUES = 50  # are a list of codes, where each comes so often:
_OFTEN = 3
_DIGITS = 3  # of a figure
_FEWEST_CODES = 5  # fewer values do not show how codes are written
_GAPS = 10  # between numbers that count up, on average
_NUMBER = re.compile(r"[-+(]?\s*[$€£]?\s*\d[\d.,' ]*\)?\s*[%€]?-?")
_DATE = re.compile(
    r"(?P<a>\d{1,4})(?P<m>[-/. ])(?P<b>\d{1,2}|[A-Za-z\u00c0-\u024f]{3,9}\.?)(?P=m)"
    r"(?P<c>\d{1,4})(?P<clock>[T ]\d{1,2}:\d{2}.*)?"
)
_LEADING = re.compile(r"0\d+")


class Look(Part):
    """How the values of one column look; shares are of the rows that were looked at."""

    kind: Kind = Field(description="What most values are.")
    filled: float = Field(1.0, description="Share of the rows that have a value.")
    shapes: tuple[str, ...] = Field(
        (), description="How values are written, the most frequent first: letters as A or a, "
        "digits as 9.",
    )  # fmt: skip
    decimal: Literal[".", ","] | None = Field(None, description="The decimal sign of numbers.")
    typical: float | None = Field(
        None, description="The median of the sizes of numbers, to one digit."
    )
    order: Literal["day", "month"] | None = Field(
        None, description="What comes first in dates whose year comes last."
    )
    values: tuple[str, ...] | None = Field(
        None, description="All values there were, where somebody wanted them kept."
    )


def look_at(texts: Sequence[str | None], *, keep_values: bool = False) -> Look:
    """What the values of a column look like."""
    given = [text.strip() for text in texts if text is not None and text.strip()]
    if not given:
        return Look(kind="empty", filled=0.0)
    filled = round(len(given) / len(texts), 2)
    values = _kept(given) if keep_values else None
    for kind, tell in _KINDS:
        told = tell(given)
        if told is not None:
            return Look.model_validate({"kind": kind, "filled": filled, "values": values, **told})
    return Look(kind="text", filled=filled, values=values)


def _kept(given: Sequence[str]) -> tuple[str, ...] | None:
    counted = Counter(given)
    few = len(counted) <= _FEW_VALUES and len(given) >= _OFTEN * len(counted)
    return tuple(sorted(counted)) if few else None


# -- dates ----------------------------------------------------------------------------------------


def _as_dates(given: Sequence[str]) -> dict[str, object] | None:
    found = [m for m in map(_DATE.fullmatch, given) if m is not None and _is_date(m)]
    if len(found) < _DATED * len(given):
        return None
    return {"shapes": _most(map(_date_shape, found)), "order": _order(found)}


def _is_date(found: re.Match[str]) -> bool:
    years = [part for part in (found["a"], found["c"]) if len(part) == 4]
    ends = found["a"], found["c"]
    return len(years) == 1 or (not years and all(len(part) <= 2 for part in ends))


def date_shape_of(text: str) -> str | None:
    """How a date is written; None of what is none."""
    found = _DATE.fullmatch(text)
    return _date_shape(found) if found is not None and _is_date(found) else None


def _date_shape(found: re.Match[str]) -> str:
    """``9999-9-9``: a day has a digit or two, and a month's name as many letters as it has."""
    middle = "9" if found["b"].isdigit() else "Aaa"
    ends = ["9999" if len(found[part]) == 4 else "9" for part in ("a", "c")]
    clock = " 9:9" if found["clock"] else ""
    return f"{ends[0]}{found['m']}{middle}{found['m']}{ends[1]}{clock}"


def _order(found: Sequence[re.Match[str]]) -> str | None:
    """Told where one of the two numbers is too large for a month, and the other never is."""
    pairs = [(int(m["a"]), int(m["b"])) for m in found if len(m["c"]) == 4 and m["b"].isdigit()]
    first = max((a for a, _ in pairs), default=0) > 12
    second = max((b for _, b in pairs), default=0) > 12
    return None if first == second else "day" if first else "month"


# -- numbers --------------------------------------------------------------------------------------


def _as_numbers(given: Sequence[str]) -> dict[str, object] | None:
    found = [text for text in given if _NUMBER.fullmatch(text)]
    codes = sum(bool(_LEADING.fullmatch(text)) for text in found)
    if len(found) < _NUMERIC * len(given) or codes > 0.5 * len(found):
        return None
    decimal = _decimal(found)
    return {"decimal": decimal, "typical": _typical(found, decimal or ".")}


def _typical(found: Sequence[str], decimal: str) -> float | None:
    """The median size; numbers that count up, as keys do, have no typical one."""
    if _count_up(found):
        return None
    sizes = sorted(abs(n) for n in (_size(text, decimal) for text in found) if n is not None)
    return one_digit(sizes[len(sizes) // 2]) if sizes else None


def _count_up(found: Sequence[str]) -> bool:
    """Whole, each once, and close to one another."""
    if len(set(found)) < len(found) or not all(text.isdecimal() for text in found):
        return False
    numbers = [int(text) for text in found]
    return max(numbers) - min(numbers) <= _GAPS * len(numbers)


def _decimal(found: Sequence[str]) -> str | None:
    """The sign that is told: the last of two, or one that does not stand before three digits."""
    votes = Counter(mark for text in found for mark in _marks(text))
    return max(votes, key=lambda mark: (votes[mark], mark)) if votes else None


def _marks(text: str) -> Iterator[str]:
    bare = re.sub(r"[^\d.,]", "", text)
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        yield "." if bare.rindex(".") > bare.rindex(",") else ","
    elif points + commas == 1:
        mark = "." if points else ","
        if len(bare) - bare.index(mark) - 1 != _DIGITS:
            yield mark


def _size(text: str, decimal: str) -> float | None:
    bare = re.sub(r"[^\d.,]", "", text)
    group = "," if decimal == "." else "."
    plain = bare.replace(group, "").replace(decimal, ".")
    try:
        return float(plain)
    except ValueError:
        return None


def one_digit(number: float) -> float:
    """To one significant digit: what is kept says how large numbers are, and not which."""
    if number == 0:
        return 0.0
    places = -math.floor(math.log10(abs(number)))
    return round(number, places)


# -- codes ----------------------------------------------------------------------------------------


def _as_codes(given: Sequence[str]) -> dict[str, object] | None:
    if len(given) < _FEWEST_CODES:
        return None
    for write in (exact_shape, run_shape):
        counted = Counter(map(write, given))
        common = counted.most_common(_MOST_SHAPES)
        repeated = len(counted) == 1 or 2 * len(counted) <= len(set(given))
        if repeated and sum(count for _, count in common) >= _COVERED * len(given):
            shapes = _most(map(write, given))
            return {"shapes": shapes} if _says_something(shapes) else None
    return None


def _says_something(shapes: Collection[str]) -> bool:
    """Words, addresses and names are no codes: any other text would be one too."""
    if any("@" in shape or "://" in shape or (" " in shape and "a" in shape) for shape in shapes):
        return False
    return any("9" in shape for shape in shapes) or all(set(shape) <= {"A"} for shape in shapes)


def exact_shape(text: str) -> str:
    """``AB-1234`` is ``AA-9999``."""
    return "".join(map(_class, text[:_LONGEST_SHAPE]))


def run_shape(text: str) -> str:
    """``AB-1234`` is ``A+-9+``: runs as one."""
    runs = groupby(map(_class, text[:_LONGEST_SHAPE]))
    return "".join(f"{kind}+" if kind in "Aa9" else kind for kind, _ in runs)


def _class(letter: str) -> str:
    if letter.isdigit():
        return "9"
    if letter.isalpha():
        return "A" if letter.isupper() else "a"
    return letter


def _most(shapes: Iterator[str]) -> tuple[str, ...]:
    counted = Counter(shapes)
    ordered = sorted(counted, key=lambda shape: (-counted[shape], shape))
    return tuple(ordered[:_MOST_SHAPES])


_KINDS: tuple[tuple[Kind, Callable[[Sequence[str]], dict[str, object] | None]], ...] = (
    ("date", _as_dates),
    ("number", _as_numbers),
    ("code", _as_codes),
)
