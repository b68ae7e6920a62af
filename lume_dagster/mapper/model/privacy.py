"""What of a sample leaves: the one place where columns, expressions and errors become what is sent.

At ``names`` and ``shapes`` no value of the sample is sent. A value in an expression is held back
and ``'@1'`` stands for it; what the model answers with ``'@1'`` gets the value again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlglot import exp

from lume_dagster.errors import FlowError
from lume_dagster.mapper.model.settings import Privacy
from lume_dagster.mapper.model.values import Fault
from lume_dagster.mapper.sample import SampleColumn
from lume_dagster.plan.expressions import DIALECT, parse_expression
from lume_dagster.plan.functions import FUNCTIONS, HELPERS

_LONGEST = 60  # characters of a value that are shown
_SHOWN = 5  # values or shapes of a column
_HELD = re.compile(r"@(\d+)")
_PLACE = re.compile(r"'@\d+'")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\w+")
_END = "\0"
_PART = 3  # characters of a part of a value that would give it away


def shape(value: str) -> str:
    """A value with letters made a or A and digits 9: ``Meier, 12 €`` is ``Aaaaa, 99 €``."""
    return "".join(map(_masked, value[:_LONGEST]))


def _masked(letter: str) -> str:
    if letter.isdecimal() or letter.isnumeric():
        return "9"
    if letter.isalpha():
        return "A" if letter.isupper() else "a"
    return letter if letter.isprintable() else "?"


def _digits(token: str) -> str:
    return "".join("9" if letter.isnumeric() else letter for letter in token)


class Veil:
    """What is between the values of a sample and a model, for one call of a proposer."""

    def __init__(self, privacy: Privacy, columns: Sequence[SampleColumn]) -> None:
        self.privacy = privacy
        self._columns = columns
        self._held: list[exp.Literal] = []
        self._found: dict[str, bool] = {}

    @cached_property
    def _text(self) -> str:
        """All values, one after the other: as large as the sample, and no larger."""
        values = (value for column in self._columns for value in column.values if value)
        return _END + _END.join(value.strip().casefold() for value in values) + _END

    def column(self, column: SampleColumn) -> dict[str, Any]:
        """A column as it is sent; ``write`` is how an expression writes it."""
        told: dict[str, Any] = {"name": column.path, "write": column.reference}
        kind = column.type.partition("(")[0]  # an ENUM lists its values behind it
        told["type"] = f"{kind} list" if column.is_list else kind
        if self.privacy is Privacy.NAMES:
            return told
        filled = [value for value in column.values if value is not None]
        told["filled"] = f"{len(filled)} of {len(column.values)}"
        if self.privacy is Privacy.SHAPES:
            told["shapes"] = _commonest(map(shape, filled))
        else:
            told["values"] = _commonest(value[:_LONGEST] for value in filled)
        return told

    def fault(self, fault: Fault) -> dict[str, Any]:
        """What went wrong, as it is sent."""
        told: dict[str, Any] = {"code": fault.code}
        if fault.count:
            told["rows"] = fault.count
        if fault.message:
            told["message"] = self.sentence(fault.message)
        if fault.values and self.privacy is Privacy.SHAPES:
            told["shapes"] = list(dict.fromkeys(map(shape, fault.values[:_SHOWN])))
        if fault.values and self.privacy is Privacy.SAMPLES:
            told["values"] = [value[:_LONGEST] for value in fault.values[:_SHOWN]]
        return told

    def sentence(self, text: str) -> str:
        """A message without the values of the sample, and without what became of them.

        What is in quotes goes, but for columns, functions and places; of the rest the words that
        are in some value, and every digit.
        """
        if self.privacy is Privacy.SAMPLES:
            return text
        return _TOKEN.sub(self._word_told, text)

    def _word_told(self, found: re.Match[str]) -> str:
        token = found[0]
        if token in self._safe or token.strip("'\"") in self._safe or _PLACE.fullmatch(token):
            return token
        if token[0] in "'\"":
            return f"{token[0]}...{token[0]}"
        return "..." if len(token) >= _PART and self._has(token.casefold()) else _digits(token)

    @cached_property
    def _safe(self) -> frozenset[str]:
        """Words that a message may hold: what the model was shown, and the language."""
        names = {name for c in self._columns for name in (c.path, c.reference)}
        return frozenset({*names, *FUNCTIONS, *HELPERS})

    def _has(self, word: str) -> bool:
        """Whether a word, in small letters, is in some value; a short one as a word of its own."""
        if word not in self._found:
            alone = rf"(?<!\w){re.escape(word)}(?!\w)"
            inside = len(word) >= _PART and word in self._text
            self._found[word] = inside or re.search(alone, self._text) is not None
        return self._found[word]

    def _known(self, text: str) -> bool:
        """Whether a text is a value of the sample, or made of words or parts of its values."""
        if f"{_END}{text.strip().casefold()}{_END}" in self._text and text.strip():
            return True
        if "%" in text and not re.search(r"\w", re.sub(r"%-?[A-Za-z]", "", text)):
            return False  # a date format
        words = (word for word in re.split(r"\W+", text.casefold()) if word)
        return any(map(self._has, words))

    # -- expressions ------------------------------------------------------------------------------

    def hide(self, expression: str) -> str | None:
        """The expression as it is sent, values of the sample held back; None if it is none."""
        if self.privacy is Privacy.SAMPLES:
            return expression
        try:
            tree = parse_expression(expression, "the expression")
        except FlowError:
            return None  # what cannot be read cannot be looked through for values
        if not any(self._is_held(node) for node in tree.walk()):
            return expression
        return tree.copy().transform(self._hidden).sql(DIALECT, normalize_functions="lower")

    def _is_held(self, node: exp.Expr) -> bool:
        return _is_text(node) and (self._known(node.name) or bool(_HELD.fullmatch(node.name)))

    def _hidden(self, node: exp.Expr) -> exp.Expr:
        if not self._is_held(node):
            return node
        held = exp.Literal(this=node.name, is_string=not _is_number(node))
        if held not in self._held:
            self._held.append(held)
        place = f"@{self._held.index(held) + 1}"
        return exp.Literal.string(place) if isinstance(node, exp.Literal) else _key(place)

    def reveal(self, expression: str) -> str:
        """What the model wrote, with the values that were held back.

        Raises:
            FlowError: no expression, or not one that is allowed.
        """
        tree = parse_expression(expression, "the expression")
        if not any(self._place(node) for node in tree.walk()):
            return expression
        return tree.copy().transform(self._revealed).sql(DIALECT, normalize_functions="lower")

    def _place(self, node: exp.Expr) -> re.Match[str] | None:
        if self.privacy is Privacy.SAMPLES or not _is_text(node) or _is_number(node):
            return None
        return _HELD.fullmatch(node.name)

    def _revealed(self, node: exp.Expr) -> exp.Expr:
        place = self._place(node)
        if place is None:
            return node
        number = int(place[1])
        if not 1 <= number <= len(self._held):
            raise FlowError(f"'@{number}' stands for nothing.", hint="write the text itself.")
        held = self._held[number - 1]
        return held.copy() if isinstance(node, exp.Literal) else _key(held.name)


def _is_text(node: exp.Expr) -> bool:
    """A literal, or a key of ``{'p': 'PAID'}``, which sqlglot keeps as a name."""
    is_key = isinstance(node.parent, exp.PropertyEQ) and node.arg_key == "this"
    return isinstance(node, exp.Literal) or (is_key and isinstance(node, exp.Identifier))


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string


def _key(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _commonest(values: Iterable[str]) -> list[str]:
    """The most frequent ones, ties in order of the text."""
    counts: Mapping[str, int] = Counter(values)
    return sorted(counts, key=lambda value: (-counts[value], value))[:_SHOWN]
