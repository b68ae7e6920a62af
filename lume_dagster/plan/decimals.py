"""Round a decimal to fewer places, exactly, without the engine's slow division of wide ones.

DuckDB keeps decimals of more than 18 digits in 128 bits and divides those bit by bit: half a second
of CPU for a million products of money. The nearest double rounds to the right cent for nearly all,
which a subtraction proves; only what it does not prove is divided.
"""

from __future__ import annotations

import re

from sqlglot import exp

from lume_dagster.plan.sql import Bind, Sql, call, cast, number, try_cast, when

_WIDEST, _NARROW = 38, 18  # digits of a decimal; those that fit a 64-bit integer
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)", re.IGNORECASE)


def round_decimal(x: Sql, of: str, to: str, bind: Bind) -> Sql:
    """``TRY_CAST(x AS to)`` for a decimal ``x`` of type ``of``: the same value, sooner."""
    plain = try_cast(x, to)
    if not _is_worthwhile(of, to):
        return plain
    near = bind(try_cast(cast(x, "DOUBLE"), to))
    away = call("abs", exp.Sub(this=x.copy(), expression=near.copy()))
    half = number(f"0.{'0' * _digits(to)[1]}5")
    return when(exp.LT(this=away, expression=half), near, plain)


def _is_worthwhile(of: str, to: str) -> bool:
    """Wide, losing places, and narrow enough that the candidate can be subtracted from ``x``."""
    if not (_DECIMAL.fullmatch(of) and _DECIMAL.fullmatch(to)):
        return False
    (digits, places), (kept_digits, kept_places) = _digits(of), _digits(to)
    fits = kept_digits - kept_places + places <= _WIDEST
    return digits > _NARROW and places > kept_places and fits


def _digits(decimal: str) -> tuple[int, int]:
    found = _DECIMAL.fullmatch(decimal)
    assert found is not None  # noqa: S101 - asked only of what matched
    return int(found[1]), int(found[2])
