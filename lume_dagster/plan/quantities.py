"""Numbers with their units: each unit counts what the flow says, and an unknown one is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from lume_dagster.errors import FlowError
from lume_dagster.plan.arguments import literals, pairs_of
from lume_dagster.plan.sql import Bind, Sql, call, lambda_, matches, number, text, try_cast, when
from lume_dagster.plan.strict import Conversion

SPACES = r"[\s\x{00A0}\x{2009}\x{202F}]"
_CURRENCIES = "€$£¥₹₽₺₪₩₫฿₴₦"
_CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|ZAR|TRY"
_NUMBER = "DECIMAL(20,8)"  # times a factor of 17 digits it is still exact
_LONGEST_FACTOR = 17
_EXAMPLE = "{'min': 60, 'h': 3600}"
_META = re.compile(r"([\\.+*?()|\[\]{}^$])")
_SHOWN = 8


def without_money(x: Sql) -> Sql:
    """A text without blanks, currency signs and codes."""
    money = rf"{SPACES}|\b(?:US|CA|AU|NZ|HK|[CAS])\$|[{_CURRENCIES}]|(?i:\b(?:{_CODES})\b)"
    return call("regexp_replace", x, text(money), text(""), text("g"))


def parse_quantity(name: str, args: list[Sql], bind: Bind) -> Conversion:
    """The sum of all numbers with a unit, each times its factor; '' is a number without one."""
    factors = {re.sub(r"\s", "", unit): factor for unit, factor in _factors(name, args[1]).items()}
    marks = literals(name, args[2:]) or ["."]
    if marks[0] not in (".", ","):
        raise FlowError(f"{name}: the decimal sign is '.' or ',', not {marks[0]!r}.")
    digits = _digits(marks[0])
    units = "|".join(
        _META.sub(r"\\\1", u) for u in sorted(factors, key=lambda u: (-len(u), u)) if u
    )
    bare = bind(call("lower", without_money(args[0])))
    part = rf"{digits}(?:{units})\.?" if units else digits
    alone = rf"[+-]?{digits}"
    whole = rf"[+-]?{part}(?:(?:,|&|and|und|et|y)?{part})*"
    parts = call("regexp_extract_all", bare, text(part))
    if "" in factors:
        whole += f"|{alone}"
        parts = when(matches(bare, alone), exp.array(bare), parts)
    worth = lambda_("part", _worth(factors, digits, marks[0]))
    total = call("list_sum", call("list_transform", parts, worth))
    negative = call("starts_with", bare, text("-"))
    signed = exp.Mul(this=when(negative, number("-1"), number(1)), expression=total)
    known = ", ".join([u or "none" for u in factors][:_SHOWN])
    more = ", ..." if len(factors) > _SHOWN else ""
    message = f"is not a number with a unit of {known}{more}"
    return Conversion(when(matches(bare, whole), signed), "INVALID_QUANTITY", message)


def _factors(name: str, given: Sql) -> Mapping[str, Sql]:
    factors = pairs_of(name, given, _EXAMPLE)
    for unit, factor in factors.items():
        if not isinstance(factor, exp.Literal) or factor.is_string:
            raise FlowError(f"{name}: the factor of {unit!r} must be a positive number.")
        if (
            len(factor.name.replace(".", "").lstrip("0")) > _LONGEST_FACTOR
            or "e" in factor.name.lower()
        ):
            raise FlowError(
                f"{name}: the factor of {unit!r} has more than {_LONGEST_FACTOR} digits."
            )
    return factors


def _digits(decimal: str) -> str:
    group = r"\," if decimal == "." else r"\."
    return rf"(?:\d{{1,3}}(?:['\x{{2019}}{group}]\d{{3}})+|\d+)(?:\{decimal}\d+)?"


def _worth(factors: Mapping[str, Sql], digits: str, decimal: str) -> Sql:
    """What one number with its unit counts; ``part`` is its text."""
    part = exp.column("part")
    written = call("regexp_extract", part, text(digits))
    kept = call("regexp_replace", written, text(rf"[^0-9\{decimal}]"), text(""), text("g"))
    pointed = kept if decimal == "." else call("replace", kept, text(","), text("."))
    unit = call(
        "rtrim", call("regexp_replace", part, text(rf"^[+-]?{digits}"), text("")), text(".")
    )
    ifs = [exp.If(this=text(u.rstrip(".")), true=factor.copy()) for u, factor in factors.items()]
    return exp.Mul(this=try_cast(pointed, _NUMBER), expression=exp.Case(this=unit, ifs=ifs))
