"""A column to read as numbers: what is known of its writing, and of the units of both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lume_dagster.mapper.convert.facts import Facts, Want
from lume_dagster.mapper.convert.number_shapes import PLAIN, Mark
from lume_dagster.mapper.convert.program import Program
from lume_dagster.mapper.terms.units import Unit

_CLEAR = 0.92  # less sure of the decimal sign, a person must look
_USUAL = 0.98  # how sure the decimal sign is where nothing speaks against it


@dataclass(frozen=True)
class Task:
    """``source`` is the unit the column's name states, ``target`` the one the field states."""

    facts: Facts
    want: Want
    mark: Mark
    source: Unit | None
    target: Unit | None
    losses: tuple[str, ...] = ()  # of any program: several currencies

    @property
    def comma(self) -> str:
        """The last argument of a helper where the decimal sign is a comma."""
        return ", ','" if self.mark.sign == "," else ""

    @property
    def number(self) -> str:
        """The expression for the bare number."""
        return f"parse_number({self.facts.read}{self.comma})"

    def program(
        self, expression: str, prior: float, reasons: Sequence[str], kind: str = "number"
    ) -> Program:
        """A program whose prior counts how sure the decimal sign is."""
        told = (*reasons, self.mark.reason) if self.mark.reason else tuple(reasons)
        sure = prior * self.mark.prior / _USUAL * (0.75 if self.losses else 1)
        unclear = self.mark.prior < _CLEAR
        nulls = self.facts.nulls
        return Program(expression, kind, sure, told, self.losses, unclear, nulls=nulls)

    def floats(self) -> list[float]:
        """The values that are plain numbers."""
        return [float(v) for v in self.facts.values if PLAIN.fullmatch(v)]


def rounded(program: Program, want: Want) -> Iterator[Program]:
    """The program, and the same rounded: only where it must be, for that loses digits."""
    yield program
    field = want.field
    places = 0 if field.type == "integer" else field.scale
    if places is None:
        return
    text = program.expression
    value = f"CAST({text} AS DOUBLE)" if program.kind == "identity" else text
    short = f"round({value}, {places})" if places else f"round({value})"
    factor = 0.75 if program.kind == "unit" else 0.5
    lost = (*program.losses, "Decimals are rounded.")
    yield replace(program, expression=short, prior=program.prior * factor, losses=lost)


_SHARES = ("rate", "share", "ratio", "percent", "percentage", "discount", "margin", "tax", "vat")
_FRACTIONS = ("fraction", "between 0 and 1", "0 to 1", "0-1", "as a decimal", "proportion", "0..1")


def wants_fraction(want: Want) -> bool | None:
    """Whether a share is wanted from 0 to 1 (True), in percent (False), or nobody says (None)."""
    field = want.field
    top = field.maximum if field.maximum is not None else field.exclusive_maximum
    if top is not None:
        return True if top <= 1 else False if top >= 100 else None
    if want.says(*_FRACTIONS):
        return True
    numbers = [abs(float(e)) for e in want.examples if PLAIN.fullmatch(e)]
    if numbers and want.says(*_SHARES, "growth", "score", "pct"):
        return max(numbers) <= 1
    return False if want.says("percent", "percentage", "pct", "%", "0 to 100", "0-100") else None
