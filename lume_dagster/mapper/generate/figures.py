"""Figures over a list's items, where a field's name asks for one: ``item_count``, ``total_qty``.

They are for a person to look at, always: that a name says so is no proof of what is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.convert import Converted
from lume_dagster.mapper.convert.program import Loss
from lume_dagster.mapper.generate.lists import list_around
from lume_dagster.mapper.generate.options import Bench, Option
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.core import default_maker, match_columns
from lume_dagster.mapper.proposal import Shown
from lume_dagster.mapper.sample import SampleColumn
from lume_dagster.mapper.terms.words import words_of

_LIKELY = 0.7  # that the figure is meant, where the name says so
_NAMED = 0.89  # where it names the list itself, too
_LEAST_MATCH = 0.5  # of the item's column
_MOST_SHOWN = 5
_NUMBERS = ("integer", "number")

_COUNT = frozenset("count cnt num n anzahl nb".split())
_OTHER: Mapping[str, str] = {
    **dict.fromkeys("total sum summe gesamt overall".split(), "sum_of"),
    **dict.fromkeys("min minimum lowest smallest least earliest".split(), "min_of"),
    **dict.fromkeys("max maximum highest largest greatest latest".split(), "max_of"),
    "first": "first_of",
}
_FILLERS = frozenset("of the a all in per list".split())
_ITEMS = frozenset("item line position entry element row record".split())


@dataclass(frozen=True, slots=True)
class _Asked:
    """A figure that a name asks for, and the words that say of what."""

    function: str
    of: tuple[str, ...]
    said: str


def figure_options(bench: Bench, field: SchemaField, lists: Mapping[str, str]) -> Iterator[Option]:
    """The figures the field may be; ``lists`` are the target's, with what they are made from."""
    found = _whole_lists(bench, lists)
    for asked in _asked_for(field) if found else ():
        for path, names in found.items():
            if asked.function == "count_of":
                yield from _count(bench, field, asked, path, names, alone=len(found) == 1)
            else:
                yield from _of_items(bench, field, asked, path)


def _whole_lists(bench: Bench, lists: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The source's lists that a row has one of, with the words they are called by."""
    found: dict[str, tuple[str, ...]] = {}
    for column in bench.sample.columns:
        if column.is_list and not list_around(column.path):
            targets = [path for path, source in lists.items() if source == column.path]
            named = [column.name, *(path.rpartition(".")[2] for path in targets)]
            found[column.path] = tuple(_stem(w) for name in named for w in words_of(name))
    return found


def _asked_for(field: SchemaField) -> Iterator[_Asked]:
    words = words_of(field.name)
    rest = tuple(word for word in words if word not in _FILLERS)
    if field.type in _NUMBERS:
        counted = tuple(w for w in rest if w not in _COUNT and w != "number")
        if (
            len(counted) < len(rest)
            and counted
            and (set(rest) & _COUNT or words[:1] == ("number",))
        ):
            yield _Asked("count_of", counted, "how many there are")
    for word in rest:
        function = _OTHER.get(word)
        others = tuple(w for w in rest if w != word)
        if function is None or not others:
            continue
        if function == "sum_of" and field.type not in _NUMBERS:
            continue
        if function in ("min_of", "max_of") and not (field.type in _NUMBERS or field.format):
            continue
        yield _Asked(function, others, word)
    if field.type == "string" and field.format is None and rest and _stem(rest[-1]) != rest[-1]:
        yield _Asked("join_of", (*rest[:-1], _stem(rest[-1])), "several")


def _stem(word: str) -> str:
    """A word in the singular, near enough to compare."""
    for end, instead in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if (
            word.endswith(end)
            and len(word) > len(end) + 2
            and not word.endswith(("ss", "us", "is"))
        ):
            return word[: -len(end)] + instead
    return word


def _count(
    bench: Bench,
    field: SchemaField,
    asked: _Asked,
    path: str,
    names: Sequence[str],
    *,
    alone: bool,
) -> Iterator[Option]:
    of = {_stem(word) for word in asked.of}
    if not (of <= set(names) or (alone and of <= _ITEMS)):
        return
    expression = f"count_of({bench.sample.column(path).reference})"
    why = f"The name asks how many items {path} has."
    meant = _NAMED if of <= set(names) else _LIKELY
    for option in _tried(bench, field, expression, (path,), 1.0, (why,)):
        probability = round(meant * option.converted.valid, 4)
        yield replace(option, converted=replace(option.converted, probability=probability))


def _of_items(bench: Bench, field: SchemaField, asked: _Asked, path: str) -> Iterator[Option]:
    inside = [c for c in bench.sample.columns if list_around(c.path) == path and not c.is_list]
    wanted = replace(field, name="_".join(asked.of), title=None, description=None)
    best = _best(inside, wanted)
    if best is None:
        return
    column, likely = best
    listed = bench.sample.column(path).reference
    value = _value(bench, wanted, asked.function, column)
    mark = "', ', " if asked.function == "join_of" else ""
    why = f"The name asks for {asked.said} of what {column.path} holds."
    made = [
        option
        for each in _readings(asked.function, value, column)
        for option in _tried(
            bench,
            field,
            f"{asked.function}({listed}, {mark}{each})",
            (column.path,),
            likely,
            (why,),
        )
    ]
    yield from made[:1] if made and not made[0].converted.loss.failed else made


def _readings(function: str, value: str, column: SampleColumn) -> Iterator[str]:
    """A sum of texts is exact to ten decimals; numbers with more of them are added as they are."""
    yield value
    if function == "sum_of" and value == column.reference:
        yield f"{value}::DOUBLE"


def _best(inside: Sequence[SampleColumn], wanted: SchemaField) -> tuple[SampleColumn, float] | None:
    """The column of the items that bears the name, without the word for the figure."""
    plain = [c for c in inside if not c.path.endswith("[]")]
    if not plain:
        return None
    ours = [Column(path=c.path, name=c.name, values=c.values) for c in plain]
    theirs = [Column(path=wanted.path, name=wanted.name, type=wanted.type)]
    match = match_columns(ours, theirs, default_maker())[0]
    own = {_stem(word) for word in words_of(wanted.name)}
    same = next((c for c in plain if {_stem(w) for w in words_of(c.name)} == own), None)
    if same is not None:
        return same, max(match.probability, _LIKELY)
    if match.column is None or match.probability < _LEAST_MATCH:
        return None
    return next(c for c in plain if c.path == match.column), match.probability


def _value(bench: Bench, wanted: SchemaField, function: str, column: SampleColumn) -> str:
    """How an item's value is read, typed where its order counts."""
    if function in ("first_of", "join_of"):
        return column.reference
    made = bench.convert(wanted, [column.path])
    best = made[0].expression if made else column.reference
    if best != column.reference or function == "sum_of":
        return best
    kind = {"date": "DATE", "date-time": "TIMESTAMP", "time": "TIME"}.get(wanted.format or "")
    return f"{best}::{kind or 'DOUBLE'}"


def _tried(
    bench: Bench,
    field: SchemaField,
    expression: str,
    sources: tuple[str, ...],
    likely: float,
    reasons: tuple[str, ...],
) -> Iterator[Option]:
    tried = bench.trial.one(field, expression)
    if tried.refused is not None or not tried.good:
        return
    failed = sum(error is not None for error in tried.errors)
    valid = tried.good / (tried.good + failed)
    shown = [
        Shown({path: _before(bench, path, row) for path in sources}, value, error)
        for row, (value, error) in enumerate(zip(tried.values, tried.errors, strict=True))
    ]
    made = Converted(
        expression=expression,
        kind="figure",
        sources=sources,
        probability=round(_LIKELY * valid, 4),
        loss=Loss(failed=failed),
        reasons=reasons,
        shown=tuple(shown[:_MOST_SHOWN]),
        valid=round(valid, 4),
        review=True,
    )
    yield Option(made, likely, ())


def _before(bench: Bench, path: str, row: int) -> str | None:
    """The list of a row, whatever of it was used."""
    listed = list_around(path) or path
    return bench.sample.column(listed).values[row]
