"""What the steps of a sentence do: each makes an expression of the one there is so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from lume_dagster.errors import InvalidRequestError, did_you_mean
from lume_dagster.flows.schema import SchemaField
from lume_dagster.plan.expressions import parse_expression


@dataclass(frozen=True, slots=True)
class Reading:
    """What a step may look at."""

    sentence: str
    references: Mapping[str, str]  # folded path -> as an expression writes it
    numbers: frozenset[str]  # those of them that are numbers, and not texts
    names: tuple[str, ...]
    field: SchemaField

    def column(self, words: str) -> str:
        """The column that is named."""
        name = _unquoted(words.strip().removeprefix("column ").removeprefix("the column "))
        found = self.references.get(folded(name))
        if found is None:
            raise InvalidRequestError(
                f"{self.field.path}: {self.sentence!r} names {name!r}, which is no source column.",
                hint=did_you_mean(name, self.names),
            )
        return found

    def literal(self, words: str) -> str:
        """The constant that is named: a number or truth value where the field is one."""
        value = _unquoted(words)
        if self.field.type in ("integer", "number") and _NUMBER.fullmatch(value):
            return value
        if self.field.type == "boolean" and value.lower() in ("true", "false"):
            return value.lower()
        return _quote(value)


#: How the names of DuckDB's types of numbers begin.
NUMERIC = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)
_NUMBERS = (exp.Mul, exp.Div, exp.Round, exp.Add, exp.Sub)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
Step = Callable[[Reading, re.Match[str], str | None], str]


def folded(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _unquoted(words: str) -> str:
    words = words.strip()
    quoted = len(words) > 1 and words[0] == words[-1] and words[0] in "'\"`"
    return words[1:-1] if quoted else words


def _quote(text: str) -> str:
    return exp.Literal.string(text).sql("duckdb")


# -- steps ----------------------------------------------------------------------------------------


def _of(reading: Reading, found: re.Match[str], current: str | None) -> str:
    """The column a step names, or what there is so far."""
    named = found.groupdict().get("of")
    if named is not None:
        return reading.column(named)
    if current is None:
        raise InvalidRequestError(
            f"{reading.field.path}: {reading.sentence!r} names no column, and the field is made "
            "from nothing yet.",
            hint="begin with the column: use column X then ...",
        )
    return current


def wrapped(template: str) -> Step:
    def read(reading: Reading, found: re.Match[str], current: str | None) -> str:
        words = {name: value for name, value in found.groupdict().items() if name != "of"}
        value = _of(reading, found, _text(current) if template.startswith("parse_") else current)
        return template.format(value, number=_as_number(reading, value), **words)

    return read


def _as_number(reading: Reading, value: str) -> str:
    """The value, read as a number where it is a text."""
    tree = parse_expression(value, reading.field.path)
    if value in reading.numbers or isinstance(tree, _NUMBERS) or _is_parsed(tree):
        return value
    return f"parse_number({value})"


def _is_parsed(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Anonymous) and tree.name.lower() == "parse_number"


_READERS = frozenset({"parse_date", "parse_timestamp", "parse_number", "parse_boolean"})


def _text(current: str | None) -> str | None:
    """What is read, where the expression reads a text by a helper: it is to be read otherwise."""
    tree = None if current is None else parse_expression(current, "it")
    is_read = isinstance(tree, exp.Anonymous) and tree.name.lower() in _READERS
    return _written(tree.expressions[0]) if tree is not None and is_read else current


def _written(tree: exp.Expr) -> str:
    return tree.sql("duckdb", normalize_functions=False)


def use(reading: Reading, found: re.Match[str], _: str | None) -> str:
    return reading.column(found["column"])


def always(reading: Reading, found: re.Match[str], _: str | None) -> str:
    return reading.literal(found["value"])


def default(reading: Reading, found: re.Match[str], current: str | None) -> str:
    value = found["value"]
    if current is None:
        return reading.literal(value)
    return f"coalesce({current}, {_quote(_unquoted(value))})"


def nothing(_: Reading, __: re.Match[str], ___: str | None) -> str:
    return "NULL"


_MARKS = {
    "space": " ",
    "comma": ",",
    "dash": "-",
    "hyphen": "-",
    "slash": "/",
    "dot": ".",
    "underscore": "_",
    "semicolon": ";",
    "comma and a space": ", ",
    "nothing": "",
}


def _mark(words: str) -> str:
    bare = re.sub(r"^(?:a|an|the)\s+", "", words.strip())
    return _MARKS.get(bare.casefold(), _unquoted(words))


def join(reading: Reading, found: re.Match[str], _: str | None) -> str:
    named = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", found["columns"].strip())
    columns = ", ".join(reading.column(name) for name in named)
    mark = _mark(found["mark"] or "a space")
    return f"concat_ws({_quote(mark)}, {columns})" if mark else f"concat({columns})"


def part(reading: Reading, found: re.Match[str], current: str | None) -> str:
    mark = _quote(_mark(found["mark"]))
    return f"nullif(split_part({_of(reading, found, current)}, {mark}, {found['n']}), '')"


_ORDINALS = {"first": 1, "second": 2, "third": 3, "last": -1}


def word(reading: Reading, found: re.Match[str], current: str | None) -> str:
    place = _ORDINALS[found["which"].lower()]
    return f"nullif(split_part(squash({_of(reading, found, current)}), ' ', {place}), '')"


_PAIR = re.compile(
    r"(?P<a>'[^']*'|\"[^\"]*\"|.+?)\s+(?:to|->|=>|=)\s+(?P<b>'[^']*'|\"[^\"]*\"|.+)", re.IGNORECASE
)


def translate(reading: Reading, found: re.Match[str], current: str | None) -> str:
    pairs = []
    for piece in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", found["pairs"]):
        pair = _PAIR.fullmatch(piece.strip())
        if pair is None:
            raise InvalidRequestError(
                f"{reading.field.path}: {piece!r} is no pair.", hint="map A to B, C to D."
            )
        pairs.append((_quote(_unquoted(pair["a"])), _quote(_unquoted(pair["b"]))))
    whole = _of(reading, found, current)
    value, known = _codes(whole)
    if {a for a, _ in pairs} <= {b for _, b in known.values()}:  # what comes out is to be another
        value, known = whole, {}
    codes = known | {a.casefold(): (a, b) for a, b in pairs}
    return f"code_list({value}, {{{', '.join(f'{a}: {b}' for a, b in codes.values())}}})"


def _codes(current: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """What a code list looks up, and its pairs; the expression and none where it is no list."""
    tree = parse_expression(current, "it")
    if not (isinstance(tree, exp.Anonymous) and tree.name.lower() == "code_list"):
        return current, {}
    value, pairs = tree.expressions[:2]
    written = ((_quote(pair.this.name), _written(pair.expression)) for pair in pairs.expressions)
    return _written(value), {a.casefold(): (a, b) for a, b in written}


def date(reading: Reading, found: re.Match[str], current: str | None) -> str:
    function = "parse_timestamp" if reading.field.format == "date-time" else "parse_date"
    form = _unquoted(found["form"])
    if "%" not in form:
        form = worded_format(form)
    return f"{function}({_of(reading, found, _text(current))}, {_quote(form)})"


_FORMAT_WORDS = (("yyyy", "%Y"), ("yy", "%y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"),
                 ("mm", "%M"), ("ss", "%S"))  # fmt: skip


def worded_format(words: str) -> str:
    """``dd/MM/yyyy HH:mm``; before a clock, ``mm`` is the month as well."""
    day, _, clock = words.replace("DD", "dd").replace("YYYY", "yyyy").partition(" ")
    day = day.replace("mm", "MM")
    for word, mark in _FORMAT_WORDS:
        day, clock = day.replace(word, mark), clock.replace(word, mark)
    return f"{day} {clock}".strip()
