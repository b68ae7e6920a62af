"""Which source list each list of the target is made from, and what its items are made from.

The lists are chosen first, from how everything matches; then the items of each are a little table
of their own, whose columns are matched with the fields of the target's items and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.knowledge import Knowledge
from lume_dagster.mapper.match.column import Column, columns_of, fields_of
from lume_dagster.mapper.match.core import (
    Candidate,
    FieldMatch,
    candidates,
    default_maker,
    match_columns,
)
from lume_dagster.mapper.sample import Sample

_ITEM_WEIGHT = 0.5  # of what matches inside a list, beside the list's own match
_LEAST_LEFT = 0.2  # what is less likely does not become likely by being the last
_IS_LEFT = 0.5  # of a column that is the last, for the last field
_MADE_BY = "lists"
_OF_ITSELF = frozenset({"id", "name", "code", "key", "no", "number", "value", "url", "email"})


def list_around(path: str) -> str:
    """The path of the innermost list a place lies in: ``lines`` of ``lines[].sku``; or nothing."""
    return path.rpartition("[]")[0]


def source_lists(
    sample: Sample, schema: TargetSchema, matches: Mapping[str, FieldMatch]
) -> dict[str, str]:
    """Paths of target lists of objects -> paths of the source lists that feed them.

    What the items have to offer counts beside the list's own name: ``positions`` may well be the
    ``lines``. A list inside another is made from a list inside what that one is made from.
    """
    given = {column.path for column in sample.columns if column.is_list}
    chosen: dict[str, str] = {}
    for field in schema.walk():
        if field.items is None or not field.items.fields:
            continue
        outer = chosen.get(list_around(field.path), "")
        if list_around(field.path) and not outer:
            continue
        votes = _votes(field, matches)
        fitting = sorted(
            (path for path in votes if path in given and list_around(path) == outer),
            key=lambda path: (-votes[path], path),
        )
        if fitting:
            chosen[field.path] = fitting[0]
    return chosen


def _votes(field: SchemaField, matches: Mapping[str, FieldMatch]) -> Mapping[str, float]:
    votes: dict[str, float] = defaultdict(float)
    for candidate in candidates(matches.get(field.path)):
        votes[candidate.column] += candidate.probability
    inside = f"{field.path}[]."
    for path, match in matches.items():
        if path.startswith(inside) and list_around(path) == field.path:
            best = max(
                (c for c in candidates(match) if list_around(c.column)),
                key=lambda c: c.probability,
                default=None,
            )
            if best is not None:
                votes[list_around(best.column)] += _ITEM_WEIGHT * best.probability
    return votes


def item_matches(
    sample: Sample, schema: TargetSchema, lists: Mapping[str, str], knowledge: Knowledge
) -> dict[str, FieldMatch]:
    """The matches of the fields of items, list by list."""
    columns, fields, maker = columns_of(sample), fields_of(schema), default_maker(knowledge)
    found: dict[str, FieldMatch] = {}
    for target, source in lists.items():
        ours, theirs = ([_alone(c, of) for c in side if list_around(c.path) == of]
                        for side, of in ((columns, source), (fields, target)))  # fmt: skip
        if ours and theirs:
            matches = match_columns(ours, theirs, maker)
            found |= {match.field: match for match in _with_the_last(matches, ours, source)}
        elif f"{source}[]" in {column.path for column in sample.columns}:
            found |= {match.field: match for match in _of_plain(theirs, source)}
    return found


def _of_plain(fields: Sequence[Column], source: str) -> Iterator[FieldMatch]:
    """Of a list of plain values each may be the one field of an item that can be meant."""
    name = source.rpartition(".")[2]
    meant = [f for f in fields if len(fields) == 1 or _is_one_of(f.name, name)]
    if len(meant) == 1:
        why = f"each value of {source}, a list of plain values, may be the {meant[0].name}"
        made = Candidate(f"{source}[]", _IS_LEFT, (why,))
        yield FieldMatch(meant[0].path, None, _IS_LEFT, (made,), (), _MADE_BY)


def _is_one_of(name: str, source: str) -> bool:
    """Whether ``product_id`` or ``id`` is what there are several of in ``product_ids``."""
    few, many = _plain_letters(name), _plain_letters(source)
    singulars = {many, many.removesuffix("s"), many.removesuffix("es")}
    if many.endswith("ies"):
        singulars.add(f"{many[:-3]}y")
    return few in singulars or (few in _OF_ITSELF and any(s.endswith(few) for s in singulars))


def _plain_letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _with_the_last(
    matches: Sequence[FieldMatch], columns: Sequence[Column], source: str
) -> Iterator[FieldMatch]:
    """Where one field and one column are left of a list, they may well belong together."""
    taken = {match.column for match in matches}
    left = [match for match in matches if match.column is None]
    free = [column.path for column in columns if column.path not in taken]
    for match in matches:
        likely = len(left) == len(free) == 1 and len(matches) > 1 and match is left[0]
        yield _last(match, free[0], source) if likely else match


def _last(match: FieldMatch, path: str, source: str) -> FieldMatch:
    own = next((c for c in match.alternatives if c.column == path), None)
    if (
        own is None
        or own.probability < _LEAST_LEFT
        or any("another kind" in r for r in own.reasons)
    ):
        return match
    raised = Candidate(
        path, max(own.probability, _IS_LEFT), (*own.reasons, f"nothing else of {source} is left")
    )
    others = tuple(c for c in match.alternatives if c is not own)
    return replace(match, alternatives=(raised, *others))


def _alone(column: Column, within: str) -> Column:
    """As a column of a table: what surrounds the list says nothing about its items."""
    return replace(
        column, in_list="", table=column.table.removeprefix(f"{within}[]").removeprefix(".")
    )
