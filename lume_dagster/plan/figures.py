"""Numbers written as texts: with just so many decimals, or at most so many significant digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from lume_dagster.errors import FlowError
from lume_dagster.plan.functions import HELPERS
from lume_dagster.plan.sql import Bind, Sql, call, cast, number, text, when
from lume_dagster.plan.strict import Conversion

_MOST_DECIMALS = 12
_MOST_DIGITS = 15
#: A half, and a little: 2.675 is a hair less than that in binary, and people see 2.68.
_HALF = "0.500000001"
_WHOLE = 2**52


def _format_number(x: Sql, args: Sequence[Sql]) -> Sql:
    """Rounded by floor, which all versions of the engine agree on."""
    places = _whole("format_number", args[0], 0, _MOST_DECIMALS)
    grouped = len(args) > 1
    if grouped and not (isinstance(args[1], exp.Literal) and args[1].name == ","):
        raise FlowError("format_number: the thousands are parted by ',' or not at all.")
    power = number(f"1e{places}")
    scaled = exp.Mul(this=call("abs", x), expression=power)
    steps = call("floor", exp.Add(this=scaled, expression=number(_HALF)))
    size = exp.Div(this=steps, expression=power.copy())
    negative = exp.LT(this=x.copy(), expression=number(0))
    rounded = when(negative, exp.Sub(this=number("0e0"), expression=size), size)
    # From here on a double has no half of the last place, and adding one would move it.
    few = exp.LT(this=scaled.copy(), expression=number(_WHOLE))
    value = when(few, rounded, x)
    return call("format", text(f"{{:{',' * grouped}.{places}f}}"), value)


def _significant(x: Sql, args: Sequence[Sql]) -> Sql:
    digits = _whole("significant", args[0], 1, _MOST_DIGITS)
    magnitude = cast(
        call("floor", call("log10", call("nullif", call("abs", x), number(0)))), "INTEGER"
    )
    places = exp.Sub(this=number(digits - 1), expression=magnitude)
    shown = call("least", number(_MOST_DIGITS), call("greatest", number(0), places))
    pattern = call("concat", text("{:."), cast(shown, "VARCHAR"), text("f}"))
    written = call("format", pattern, x)
    bare = call("rtrim", call("rtrim", written, text("0")), text("."))
    short = when(call("contains", written, text(".")), bare, written)
    zero = exp.LT(this=call("abs", x), expression=number("5e-16"))
    return when(zero, text("0"), short)


def _whole(name: str, value: Sql, least: int, most: int) -> int:
    good = isinstance(value, exp.Literal) and value.is_int and least <= int(value.name) <= most
    if not good:
        raise FlowError(f"{name}: the second argument is a number from {least} to {most}.")
    return int(value.name)


#: Name -> the least and most arguments, and how a DOUBLE is written.
NUMBER_TEXTS: dict[str, tuple[int, int, Callable[[Sql, Sequence[Sql]], Sql]]] = {
    "format_number": (2, 3, _format_number),
    "significant": (2, 2, _significant),
}


def writer(name: str, args: Sequence[Sql]) -> Callable[[Sql, Bind], Conversion]:
    """What makes the text of a number, once the number is known.

    Raises:
        FlowError: a wrong number or kind of arguments.
    """
    least, most, write = NUMBER_TEXTS[name]
    if not least <= len(args) <= most:
        raise FlowError(
            f"{name} got {len(args)} argument{'s' * (len(args) != 1)}.", hint=HELPERS[name]
        )
    return lambda x, _bind: Conversion(
        when(call("isfinite", x), write(x, args[1:])),
        "INVALID_NUMBER",
        "is not a finite number",
    )
