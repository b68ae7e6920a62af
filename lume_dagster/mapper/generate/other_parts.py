"""Where a field is cut out of a column, its neighbours may be the other parts: ``10115 Berlin``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.generate.choose import proposed
from lume_dagster.mapper.generate.options import Bench, Option
from lume_dagster.mapper.proposal import Proposal, Verdict

_PARTS = frozenset({"split", "part"})
_MATCH = 0.85  # a person looks: that the one is a part does not say that the other is


def with_other_parts(
    bench: Bench, fields: Mapping[str, SchemaField], proposals: Sequence[Proposal]
) -> tuple[Proposal, ...]:
    """The proposals, and such for fields that had none and lie in the same object as a part."""
    return tuple(
        _of_part(bench, fields[one.path], proposals, one)
        if one.verdict is Verdict.ABSTAIN and one.path in fields and "[]" not in one.path
        else one
        for one in proposals
    )


def _of_part(
    bench: Bench, field: SchemaField, proposals: Sequence[Proposal], before: Proposal
) -> Proposal:
    found = [
        option
        for other in proposals
        if other.kind in _PARTS and len(other.sources) == 1 and _within(other) == _within(before)
        for option in _options(bench, field, other)
    ]
    if not found:
        return before
    return proposed(field, sorted(found, key=lambda o: (-o.confidence, o.converted.expression)))


def _options(bench: Bench, field: SchemaField, other: Proposal) -> Iterator[Option]:
    why = f"{other.path} is a part of {other.sources[0]}, and this another"
    for made in bench.convert(field, other.sources):
        if made.kind in _PARTS and made.expression != other.expression:
            yield Option(made, min(_MATCH, other.confidence), (why,))


def _within(proposal: Proposal) -> str:
    return proposal.path.rpartition(".")[0]
