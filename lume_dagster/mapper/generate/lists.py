"""Which source list each list of the target is made from, before its items are looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.match.core import FieldMatch, candidates
from lume_dagster.mapper.sample import Sample

_ITEM_WEIGHT = 0.5  # of what matches inside a list, beside the list's own match


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
