"""What one step of a transformation is: its meaning in Python, its SQL, its words, its cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp

#: What flows between steps. Texts come in and go out; None is "no value" everywhere.
Value = str | float | datetime
#: What a step is told beside its inputs; all of it can stand in JSON.
Arg = str | int | float


@dataclass(frozen=True, slots=True)
class Op:
    """One kind of step.

    ``apply`` takes the inputs, then the arguments, and is only called when no input is None.
    ``sql`` and ``say`` are templates of the same, in that order; in ``sql`` texts come quoted.
    ``cost`` says how surprising the step is: programs of less cost are tried and preferred.
    """

    name: str
    cost: float | Callable[..., float]
    apply: Callable[..., Value | None]
    sql: str | Callable[..., str]
    say: str | Callable[..., str]

    def price(self, args: tuple[Arg, ...]) -> float:
        """What a step with these arguments costs, its inputs aside."""
        return self.cost(*args) if callable(self.cost) else self.cost

    def render(self, inputs: tuple[str, ...], args: tuple[Arg, ...]) -> str:
        """The step as an expression of the flow language, over its inputs' expressions."""
        if callable(self.sql):
            return self.sql(*inputs, *args)
        return self.sql.format(*inputs, *map(literal, args))

    def describe(self, inputs: tuple[str, ...], args: tuple[Arg, ...]) -> str:
        """The step in words."""
        return self.say(*inputs, *args) if callable(self.say) else self.say.format(*inputs, *args)


def literal(value: Arg) -> str:
    """A value as SQL writes it: texts quoted, numbers plain."""
    if isinstance(value, str):
        return exp.Literal.string(value).sql("duckdb")
    return plain_number(value)


def plain_number(value: float) -> str:
    """At most 15 significant digits, which the engine and Python read alike.

    Only numbers next to nothing have an exponent.
    """
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    short = f"{value:.15g}"
    if "e" not in short:
        return short
    return short if "e-" in short else f"{value:.0f}"


def ordinal(k: int) -> str:
    """``first``, ``second``, ..., ``last``, as people count parts."""
    names = {1: "first", 2: "second", 3: "third", -1: "last", -2: "last but one"}
    if k in names:
        return names[k]
    return with_ending(str(k)) if k > 0 else f"{ordinal(-k)} from the end"


def with_ending(number: str) -> str:
    """``1st``, ``12th``, ``22nd``."""
    teen = number[-2:-1] == "1"
    return number + ("th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th"))


def letters_of(count: int) -> str:
    """``letter``, ``2 letters``, ..."""
    return "letter" if count == 1 else f"{count} letters"


def listed(*ops: Op) -> dict[str, Op]:
    """A table of steps by name."""
    return {op.name: op for op in ops}


def some(text: Any) -> Any:
    """NULLIF(text, '')."""
    return text or None
