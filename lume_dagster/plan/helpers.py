"""The helpers for messy data: each becomes one strict conversion, or a plain expression."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlglot import exp

from lume_dagster.errors import FlowError
from lume_dagster.plan.arguments import literals, pairs_of
from lume_dagster.plan.functions import HELPERS
from lume_dagster.plan.month_names import month_names
from lume_dagster.plan.quantities import (
    SPACES,
    amount,
    in_groups,
    parse_quantity,
    without_money,
)
from lume_dagster.plan.sql import (
    Bind,
    Sql,
    all_of,
    any_of,
    call,
    cast,
    lambda_,
    matches,
    number,
    one_of,
    present,
    text,
    try_cast,
    when,
)
from lume_dagster.plan.strict import Conversion

_SHOWN = 8  # codes a message lists
_FIRST_YEAR = "1000-01-01"  # %Y takes '24' for the year 24; a written year has four digits

_TRUE = [
    "true",
    "t",
    "yes",
    "y",
    "1",
    "on",
    "ja",
    "j",
    "wahr",
    "oui",
    "o",
    "vrai",
    "si",
    "sí",
    "s",
    "verdadero",
    "vero",
    "sim",
    "tak",
    "да",
]
_FALSE = [
    "false",
    "f",
    "no",
    "n",
    "0",
    "off",
    "nein",
    "falsch",
    "non",
    "faux",
    "falso",
    "não",
    "nao",
    "nie",
    "нет",
]


@dataclass(frozen=True, slots=True)
class Helper:
    """One helper: how many arguments it takes, and what it becomes."""

    least: int
    most: int | None
    expand: Callable[[str, list[Sql], Bind], Conversion]


def strptime(name: str, args: list[Sql], bind: Bind, *, date: bool) -> Conversion:
    """Formats tried in turn; the first that fits and has a four-digit year wins."""
    x = args[0]
    formats = literals(name, args[1:])
    moment = _first_format(x, formats, bind)
    value = try_cast(moment, "DATE") if date else moment
    code = "INVALID_DATE_FORMAT" if date or not _has_clock(formats) else "INVALID_TIMESTAMP_FORMAT"
    wanted = ", ".join(repr(f) for f in formats)
    noun = "date" if code == "INVALID_DATE_FORMAT" else "point in time"
    return Conversion(value, code, f"is not a {noun} in the format {wanted}")


def _has_clock(formats: list[str]) -> bool:
    return any(mark in f for f in formats for mark in ("%H", "%I", "%-H", "%-I", "%X", "%c"))


def _first_format(x: Sql, formats: list[str], bind: Bind) -> Sql:
    quick = bind(_by_shape(x, formats))
    if not any("%Y" in f for f in formats):
        return quick
    if len(formats) == 1:
        return _four_digits(quick)
    careful = call("coalesce", *(_one_format(x, f) for f in formats))
    return when(_is_four_digits(quick), quick, when(present(quick), careful))


def _one_format(x: Sql, date_format: str) -> Sql:
    moment = _in_turn(x, [date_format])
    return _four_digits(moment) if "%Y" in date_format else moment


def _four_digits(moment: Sql) -> Sql:
    return when(_is_four_digits(moment), moment)


def _is_four_digits(moment: Sql) -> Sql:
    return exp.GTE(this=moment.copy(), expression=cast(text(_FIRST_YEAR), "TIMESTAMP"))


_DAY = "%Y-%m-%d"


def _parse_date(name: str, args: list[Sql], bind: Bind) -> Conversion:
    args = args if len(args) > 1 else [*args, text(_DAY)]
    found = strptime(name, args, bind, date=True)
    if _DAY not in literals(name, args[1:]):
        return found
    return replace(found, value=call("coalesce", found.value, _day_of_a_sheet(args[0])))


def _day_of_a_sheet(x: Sql) -> Sql:
    """A day as spreadsheets hold it: a time stamp at midnight."""
    trimmed = call("trim", x)
    is_one = exp.Like(this=trimmed, expression=text("____-__-__ 00:00:00"))
    day = call("try_strptime", call("left", trimmed.copy(), number(len("2024-02-29"))), text(_DAY))
    return when(is_one, try_cast(_four_digits(day), "DATE"))


def _parse_timestamp(name: str, args: list[Sql], bind: Bind) -> Conversion:
    default = [text("%Y-%m-%d %H:%M:%S"), text("%Y-%m-%dT%H:%M:%S")]
    conversion = strptime(name, args if len(args) > 1 else [*args, *default], bind, date=False)
    return Conversion(conversion.value, "INVALID_TIMESTAMP_FORMAT", conversion.message)


def _parse_number(name: str, args: list[Sql], _bind: Bind) -> Conversion:
    """The text of a plain number: digits, a point, a sign. Whoever needs it types it."""
    marks = literals(name, args[1:]) or ["."]
    if marks[0] not in (".", ","):
        raise FlowError(f"{name}: the decimal sign is '.' or ',', not {marks[0]!r}.")
    x = args[0]
    decimal, group = marks[0], "," if marks[0] == "." else "."
    plain = matches(x, r"[+-]?\d+(\.\d+)?") if decimal == "." else matches(x, r"[+-]?\d+")
    ungrouped = call("replace", x, text(group), text(""))
    pointed = ungrouped if decimal == "." else call("replace", ungrouped, text(","), text("."))
    value = exp.Case(
        ifs=[
            exp.If(this=plain, true=x.copy()),
            exp.If(this=matches(x, _grouped(decimal, group)), true=pointed),
        ],
        default=_written_number(x, decimal, group),
    )
    return Conversion(value, "INVALID_NUMBER", f"is not a number (decimal sign {decimal!r})")


#: What digits stand for, and how many they are where a text is written in full.
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_DIGITS = re.compile(r"%([YmdHMS])|([-/.: T])")


def _shape(date_format: str) -> str | None:
    """The LIKE pattern of the texts a format of digits and marks fits; None for other formats."""
    found = list(_DIGITS.finditer(date_format))
    if "".join(m[0] for m in found) != date_format:
        return None
    return "".join("_" * _WIDTHS[m[1]] if m[1] else m[2] for m in found)


def _shaped(formats: list[str]) -> dict[str, str]:
    """Shapes by format, of those formats that no earlier one can take a text of that shape from.

    Formats of digits only fit the same text when they have the same marks in the same order.
    """
    shapes: dict[str, str] = {}
    marks: set[str] = set()
    for date_format in formats:
        shape = _shape(date_format)
        if shape is None:
            break
        own = re.sub("[_ ]", "", shape)
        if own not in marks:
            shapes[date_format] = shape
        marks.add(own)
    return shapes


def _in_turn(x: Sql, formats: list[str]) -> Sql:
    wanted: Sql = text(formats[0]) if len(formats) == 1 else exp.array(*map(text, formats))
    return call("try_strptime", call("trim", x), wanted)


def _by_shape(x: Sql, formats: list[str]) -> Sql:
    """All formats in turn; but most texts show by their shape which one they want."""
    in_turn = _in_turn(x, formats)
    ifs = [
        exp.If(
            this=exp.Like(this=x.copy(), expression=text(shape)),
            true=call("coalesce", call("try_strptime", x, text(date_format)), in_turn),
        )
        for date_format, shape in _shaped(formats).items()
    ]
    return exp.Case(ifs=ifs, default=in_turn) if ifs else in_turn


def _grouped(decimal: str, group: str) -> str:
    """What most numbers look like that are not plain; the rest is taken apart slowly."""
    return rf"[+-]?(\d{{1,3}}|{in_groups(rf'[{group}]')})(\{decimal}\d+)?"


def _written_number(x: Sql, decimal: str, group: str) -> Sql:
    bare = without_money(x)
    digits = rf"[\d'\x{{2019}}\{group}]*(\{decimal}\d+)?"
    signed_one_way = rf"[+-]?{digits}|{digits}-|\({digits}\)"
    negative = matches(bare, r"-.*|.*-|\(.*\)")
    kept = call("regexp_replace", bare, text(rf"[^0-9\{decimal}]"), text(""), text("g"))
    pointed = kept if decimal == "." else call("replace", kept, text(","), text("."))
    signed = when(negative, exp.DPipe(this=text("-"), expression=pointed), pointed)
    has_digit = call("regexp_matches", bare, text(r"\d"))
    whole = matches(x, amount(decimal, group))
    return when(all_of([whole, matches(bare, signed_one_way), has_digit]), signed)


def _parse_boolean(_name: str, args: list[Sql], _bind: Bind) -> Conversion:
    word = call("lower", call("trim", args[0]))
    value = exp.Case(
        ifs=[
            exp.If(this=one_of(word, map(text, _TRUE)), true=exp.true()),
            exp.If(this=one_of(word, map(text, _FALSE)), true=exp.false()),
        ]
    )
    return Conversion(value, "INVALID_BOOLEAN", "is neither yes nor no")


def _code_list(name: str, args: list[Sql], _bind: Bind) -> Conversion:
    pairs = pairs_of(name, args[1])
    word = call("lower", call("trim", args[0]))
    case = exp.Case(
        this=word,
        ifs=[exp.If(this=text(code), true=value.copy()) for code, value in pairs.items()],
    )
    known = ", ".join(list(pairs)[:_SHOWN]) + (", ..." if len(pairs) > _SHOWN else "")
    nothing = [text(code) for code, value in pairs.items() if isinstance(value, exp.Null)]
    excused = one_of(word, nothing) if nothing else None
    return Conversion(case, "NOT_IN_CODE_LIST", f"is none of the codes {known}", excused)


def _null_if(name: str, args: list[Sql], _bind: Bind) -> Conversion:
    words = literals(name, args[1:])
    trimmed = call("trim", args[0])
    return Conversion(when(one_of(trimmed, map(text, words)), exp.null(), args[0]))


#: What squash looks for: two spaces, and each blank that is not a space. Looking for one after
#: the other takes half the time of one regular expression.
_BLANKS = ("  ", "\t", "\n", "\r", "\u00a0")


def _squash(_name: str, args: list[Sql], _bind: Bind) -> Conversion:
    x = args[0]
    pair = all_of(
        [call("contains", x, text("\f")), call("regexp_matches", x, text(r"[ \f]\f|\f "))]
    )
    runs = any_of([*(call("contains", x, text(blank)) for blank in _BLANKS), pair])
    one_space = call("regexp_replace", x, text(rf"{SPACES}+"), text(" "), text("g"))
    return Conversion(call("nullif", call("trim", when(runs, one_space, x)), text("")))


_WORD = r"[\p{L}\p{M}\p{N}'\x{2019}]"
_WORDS = rf"{_WORD}+|[^\p{{L}}\p{{M}}\p{{N}}'\x{{2019}}]+"


def _title_case(_name: str, args: list[Sql], _bind: Bind) -> Conversion:
    words = call("regexp_extract_all", call("lower", args[0]), text(_WORDS))
    word = exp.column("word")
    first = call("upper", call("left", word, number(1)))
    raised = exp.DPipe(this=first, expression=call("substr", word, number(2)))
    return Conversion(
        call("array_to_string", call("list_transform", words, lambda_("word", raised)), text(""))
    )


#: The helpers that need nothing but their arguments; lookup is the planner's own.
EXPANSIONS: dict[str, Helper] = {
    "parse_date": Helper(1, None, _parse_date),
    "parse_timestamp": Helper(1, None, _parse_timestamp),
    "parse_number": Helper(1, 2, _parse_number),
    "parse_boolean": Helper(1, 1, _parse_boolean),
    "code_list": Helper(2, 2, _code_list),
    "null_if": Helper(2, None, _null_if),
    "squash": Helper(1, 1, _squash),
    "parse_quantity": Helper(2, 3, parse_quantity),
    "month_names": Helper(1, 1, month_names),
    "title_case": Helper(1, 1, _title_case),
}


def expand(name: str, args: list[Sql], bind: Bind) -> Conversion:
    """What a call of a helper becomes.

    Raises:
        FlowError: a wrong number or kind of arguments.
    """
    helper = EXPANSIONS[name]
    if len(args) < helper.least or (helper.most is not None and len(args) > helper.most):
        raise FlowError(
            f"{name} got {len(args)} argument{'s' * (len(args) != 1)}.", hint=HELPERS[name]
        )
    return helper.expand(name, args, bind)
