"""Read a plain sentence on how a field is made, without a model: a small, closed grammar.

A sentence is one or more steps, with "then" or ";" between them. Each step begins with the
expression as it is so far: the field's current one, until a step names columns of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from lume_dagster.errors import InvalidRequestError, did_you_mean
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.sample import Sample

_HINT = (
    "without a model these are understood: use column X; always X; default X; leave empty; trim; "
    "upper case; lower case; join X and Y with a space; the first word of X; the first 3 "
    "characters of X; part 2 of X split by '-'; map A to B, C to D; date in the format "
    "%d/%m/%Y; as a number; as a number with a decimal comma; yes or no; round to 2 decimals; "
    "multiply by 100; divide by 60. A model understands more: pip install 'lume-dagster[llm]'."
)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a step may look at."""

    sentence: str
    references: Mapping[str, str]  # folded path -> as an expression writes it
    names: tuple[str, ...]
    field: SchemaField

    def column(self, words: str) -> str:
        """The column that is named."""
        name = _unquoted(words.strip().removeprefix("column ").removeprefix("the column "))
        found = self.references.get(_folded(name))
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


_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_Step = Callable[[_Reading, re.Match[str], str | None], str]


def read_sentence(sentence: str, sample: Sample, field: SchemaField, current: str | None) -> str:
    """The expression that a sentence says.

    Raises:
        InvalidRequestError: it is not understood, or names a column there is not.
    """
    columns = [column for column in sample.columns if "[]" not in column.path]
    reading = _Reading(
        sentence,
        {_folded(c.path): c.reference for c in reversed(columns)},
        tuple(c.path for c in columns),
        field,
    )
    made = current
    steps = re.split(r"\s*(?:;|,?\s+(?:and\s+)?then\s)\s*", sentence.strip().rstrip("."))
    for step in steps:
        made = _step(step.strip(), reading, made)
    return str(made)


def _step(step: str, reading: _Reading, current: str | None) -> str:
    for pattern, read in _STEPS:
        found = pattern.fullmatch(step)
        if found is not None:
            return read(reading, found, current)
    raise InvalidRequestError(
        f"{reading.field.path}: the sentence {reading.sentence!r} is not understood.", hint=_HINT
    )


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _unquoted(words: str) -> str:
    words = words.strip()
    quoted = len(words) > 1 and words[0] == words[-1] and words[0] in "'\"`"
    return words[1:-1] if quoted else words


def _quote(text: str) -> str:
    return exp.Literal.string(text).sql("duckdb")


# -- steps ----------------------------------------------------------------------------------------


def _of(reading: _Reading, found: re.Match[str], current: str | None) -> str:
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


def _wrapped(template: str) -> _Step:
    def read(reading: _Reading, found: re.Match[str], current: str | None) -> str:
        words = {name: value for name, value in found.groupdict().items() if name != "of"}
        return template.format(_of(reading, found, current), **words)

    return read


def _use(reading: _Reading, found: re.Match[str], _: str | None) -> str:
    return reading.column(found["column"])


def _always(reading: _Reading, found: re.Match[str], _: str | None) -> str:
    return reading.literal(found["value"])


def _default(reading: _Reading, found: re.Match[str], current: str | None) -> str:
    value = found["value"]
    if current is None:
        return reading.literal(value)
    return f"coalesce({current}, {_quote(_unquoted(value))})"


def _nothing(_: _Reading, __: re.Match[str], ___: str | None) -> str:
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


def _join(reading: _Reading, found: re.Match[str], _: str | None) -> str:
    named = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", found["columns"].strip())
    columns = ", ".join(reading.column(name) for name in named)
    mark = _mark(found["mark"] or "a space")
    return f"concat_ws({_quote(mark)}, {columns})" if mark else f"concat({columns})"


def _part(reading: _Reading, found: re.Match[str], current: str | None) -> str:
    mark = _quote(_mark(found["mark"]))
    return f"nullif(split_part({_of(reading, found, current)}, {mark}, {found['n']}), '')"


_ORDINALS = {"first": 1, "second": 2, "third": 3, "last": -1}


def _word(reading: _Reading, found: re.Match[str], current: str | None) -> str:
    place = _ORDINALS[found["which"].lower()]
    return f"nullif(split_part(squash({_of(reading, found, current)}), ' ', {place}), '')"


_PAIR = re.compile(
    r"(?P<a>'[^']*'|\"[^\"]*\"|.+?)\s+(?:to|->|=>|=)\s+(?P<b>'[^']*'|\"[^\"]*\"|.+)", re.IGNORECASE
)


def _map(reading: _Reading, found: re.Match[str], current: str | None) -> str:
    pairs = []
    for piece in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", found["pairs"]):
        pair = _PAIR.fullmatch(piece.strip())
        if pair is None:
            raise InvalidRequestError(
                f"{reading.field.path}: {piece!r} is no pair.", hint="map A to B, C to D."
            )
        pairs.append(f"{_quote(_unquoted(pair['a']))}: {_quote(_unquoted(pair['b']))}")
    return f"code_list({_of(reading, found, current)}, {{{', '.join(pairs)}}})"


def _date(reading: _Reading, found: re.Match[str], current: str | None) -> str:
    function = "parse_timestamp" if reading.field.format == "date-time" else "parse_date"
    form = _unquoted(found["form"])
    if "%" not in form:
        form = _worded_format(form)
    return f"{function}({_of(reading, found, current)}, {_quote(form)})"


_FORMAT_WORDS = (("yyyy", "%Y"), ("yy", "%y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"),
                 ("mm", "%M"), ("ss", "%S"))  # fmt: skip


def _worded_format(words: str) -> str:
    """``dd/MM/yyyy HH:mm``; before a clock, ``mm`` is the month as well."""
    day, _, clock = words.replace("DD", "dd").replace("YYYY", "yyyy").partition(" ")
    day = day.replace("mm", "MM")
    for word, mark in _FORMAT_WORDS:
        day, clock = day.replace(word, mark), clock.replace(word, mark)
    return f"{day} {clock}".strip()


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_OF = r"(?:\s+(?:of|for|from|in)\s+(?P<of>.+))?"
_THE = r"(?:(?:take|use|give|get)\s+)?(?:the\s+)?"
_STEPS: tuple[tuple[re.Pattern[str], _Step], ...] = (
    (_pattern(r"(?:leave (?:it |this )?empty|nothing|null)"), _nothing),
    (_pattern(r"(?:it is |set (?:it )?to |always |constant )(?:always )?(?P<value>.+)"), _always),
    (
        _pattern(
            r"(?:default(?:s)?(?: to| is)?|(?:if|when) (?:empty|missing|null),?(?: use)?) "
            r"(?P<value>.+?)(?: (?:if|when) (?:it is )?(?:empty|missing|null))?"
        ),
        _default,
    ),
    (
        _pattern(
            r"(?:join|concat|concatenate|combine) (?P<columns>.+? and .+?)"
            r"(?: (?:with|by|using) (?P<mark>.+))?"
        ),
        _join,
    ),
    (_pattern(rf"{_THE}(?P<which>first|second|third|last) word{_OF}"), _word),
    (_pattern(rf"{_THE}first (?P<n>\d+) (?:characters|letters|digits){_OF}"), _wrapped("left({0}, {n})")),
    (_pattern(rf"{_THE}last (?P<n>\d+) (?:characters|letters|digits){_OF}"), _wrapped("right({0}, {n})")),
    (_pattern(r"(?:the )?part (?P<n>\d+)(?: of (?P<of>.+?))? split (?:by|at|on) (?P<mark>.+)"), _part),
    (
        _pattern(
            r"(?:map|translate|replace) (?:(?P<of>\S+): )?(?P<pairs>.+? (?:to|->|=>|=) .+)"
        ),
        _map,
    ),
    (
        _pattern(
            rf"(?:parse (?:it )?as (?:a )?|as (?:a )?)?date(?: in)?(?: the)?(?: format)?"
            rf" (?P<form>\S*[%dyDY]\S*(?: \S*[%HhSs:]\S*)?){_OF}"
        ),
        _date,
    ),
    (_pattern(rf"(?:parse )?as (?:a )?number with (?:a )?decimal comma{_OF}"), _wrapped("parse_number({0}, ',')")),
    (_pattern(rf"(?:parse )?as (?:a )?number{_OF}"), _wrapped("parse_number({0})")),
    (_pattern(rf"(?:as )?(?:yes or no|true or false|(?:a )?boolean){_OF}"), _wrapped("parse_boolean({0})")),
    (_pattern(rf"round(?: it)? to (?P<n>\d+) (?:decimals?|places?|digits?){_OF}"), _wrapped("round(parse_number({0}), {n})")),
    (_pattern(r"(?:multiply|multiplied)(?: (?P<of>.+?))? by (?P<n>\d+(?:\.\d+)?)"), _wrapped("parse_number({0}) * {n}")),
    (_pattern(r"(?:divide|divided)(?: (?P<of>.+?))? by (?P<n>\d+(?:\.\d+)?)"), _wrapped("parse_number({0}) / {n}")),
    (_pattern(rf"(?:(?:in|to|make (?:it )?) ?)?(?:upper ?case|uppercase|capitals){_OF}"), _wrapped("upper({0})")),
    (_pattern(rf"(?:(?:in|to|make (?:it )?) ?)?(?:lower ?case|lowercase){_OF}"), _wrapped("lower({0})")),
    (_pattern(rf"(?:trim|strip)(?: it| spaces)?{_OF}"), _wrapped("trim({0})")),
    (_pattern(r"(?:use|take|copy|from|is)(?: the)?(?: value of)?(?: column)? (?P<column>.+?)(?: column)?(?: as it is)?"), _use),
)  # fmt: skip
