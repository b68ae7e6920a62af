"""Numbers with their units: each unit counts what the flow says, and an unknown one is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from lume_dagster.errors import FlowError
from lume_dagster.plan.arguments import literals, pairs_of
from lume_dagster.plan.sql import (
    Bind,
    Sql,
    all_of,
    attempt,
    call,
    lambda_,
    matches,
    not_,
    number,
    text,
    try_cast,
    when,
)
from lume_dagster.plan.strict import Conversion

SPACES = r"[\s\x{00A0}\x{2009}\x{202F}]"
_CURRENCIES = "€$£¥₹₽₺₪₩₫฿₴₦"
_CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|ZAR|TRY"
_DOLLARS = r"\b(?:US|CA|AU|NZ|HK|[CAS])\$"
_CURRENCY = rf"(?:{_DOLLARS}|[{_CURRENCIES}]|(?i:\b(?:{_CODES})\b))"
MONEY = rf"{SPACES}|{_CURRENCY}"  # and blanks: what may stand around and within a number
_NUMBER = "DECIMAL(20,8)"  # times a factor of 17 digits it is still exact
_LONGEST_FACTOR = 17
_EXAMPLE = "{'min': 60, 'h': 3600}"
_META = re.compile(r"([\\.+*?()|\[\]{}^$])")
_SHOWN = 8


def without_money(x: Sql) -> Sql:
    """A text without blanks, currency signs and codes."""
    return call("regexp_replace", x, text(MONEY), text(""), text("g"))


def amount(decimal: str, group: str) -> str:
    """One number with money and signs around it; of blanks only those between groups within it."""
    marks = (rf"[{group}]", r"['\x{2019}]", rf"{SPACES}+")
    number_ = rf"(?:\d+|{'|'.join(map(in_groups, marks))})?(?:\{decimal}\d+)?"
    return rf"(?:{MONEY}|[-+(])*{number_}(?:{MONEY}|[-)])*"


def in_groups(marks: str, most: str = "") -> str:
    """Digits in groups of three, parted by one of the marks; a number does not begin with a 0."""
    return rf"[1-9]\d{{0,2}}(?:{marks}\d{{3}}){{1,{most}}}"


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
    fitting = attempt(signed)
    known = ", ".join([u or "none" for u in factors][:_SHOWN])
    more = ", ..." if len(factors) > _SHOWN else ""
    message = f"is not a number with a unit of {known}{more}"
    written = all_of([matches(bare, whole), not_(_is_torn(args[0], marks[0]))])
    return Conversion(when(written, fitting), "INVALID_QUANTITY", message)


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
    """As many as _NUMBER holds: what it would round or not hold at all is no number here."""
    group = r"\," if decimal == "." else r"\."
    grouped = in_groups(rf"['\x{{2019}}{group}]", "3")
    return rf"(?:{grouped}|\d{{1,12}})(?:\{decimal}\d{{1,8}}0*)?"


def _is_torn(x: Sql, decimal: str) -> Sql:
    """Whether a currency stands within digits, or a blank other than between groups of three."""
    first = r"(?:^|[^\p{L}\d])"  # the 2 of m2 is no digit of a number
    mark = r"[.,'\x{2019}]"
    before = rf"{first}\d{{4,}}|(?:^|[^\p{{L}}\d\s\p{{Z}}]){SPACES}*0\d*|\{decimal}\d+"
    blank = rf"(?:{before}){SPACES}+\d|{first}\d+{SPACES}+(?:\d{{1,2}}|\d{{4,}})(?:\D|$)"
    apart = rf"{first}\d+(?:{SPACES}*{mark}{SPACES}+|{SPACES}+{mark})\d"
    money = rf"(?:\d|{mark}){SPACES}*{_CURRENCY}(?:{SPACES}|{_CURRENCY})*{mark}?\d"
    return call("regexp_matches", x, text(f"{blank}|{apart}|{money}"))


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
