"""Fields that need no search: what a person stands for, and lists made from what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lume_dagster.errors import counted
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.generate.choose import sentence
from lume_dagster.mapper.generate.lists import list_around
from lume_dagster.mapper.generate.memory import columns_in
from lume_dagster.mapper.generate.options import Bench
from lume_dagster.mapper.match.core import Candidate
from lume_dagster.mapper.proposal import Proposal, Shown, Verdict
from lume_dagster.mapper.sample import Sample, SampleColumn

_SHOWN = 5
_SURE = 0.9


def kept(bench: Bench, field: SchemaField, expression: str, source_list: str) -> Proposal:
    """What a person stands for, shown on the sample as it is."""
    columns = [c for c in bench.sample.columns if _is_read(c, expression, source_list)]
    return Proposal(
        path=field.path,
        expression=expression,
        sources=tuple(c.path for c in columns),
        confidence=1.0,
        verdict=Verdict.AUTO,
        kind="kept",
        reasons=("A person stands for it.",),
        shown=tuple(_shown(bench, field, expression, columns, source_list)),
    )


def _is_read(column: SampleColumn, expression: str, source_list: str) -> bool:
    if list_around(column.path) != source_list:
        return False
    return column.reference == expression or (
        not column.inside and column.column in columns_in(expression)
    )


def _shown(
    bench: Bench,
    field: SchemaField,
    expression: str,
    columns: Sequence[SampleColumn],
    source_list: str,
) -> Iterator[Shown]:
    if field.type == "array" or (list_around(field.path) and not source_list):
        return
    inside = f"{source_list}[]"
    within = next((c.path for c in bench.sample.columns if c.path.startswith(inside)), "")
    tried = bench.trial.one(field, expression, within if source_list else "")
    for row in range(min(_SHOWN, len(tried.values))):
        before = {c.path: c.values[row] for c in columns if row < len(c.values)}
        yield Shown(before, tried.values[row], tried.errors[row])


def without_empty_lists(
    sample: Sample, schema: TargetSchema, proposals: Sequence[Proposal]
) -> tuple[Proposal, ...]:
    """A list of objects of which no field is made is left to a person: it would say nothing."""
    plain = {c.path.removesuffix("[]") for c in sample.columns if c.path.endswith("[]")}
    of_objects = {f.path for f in schema.walk() if f.items is not None and f.items.fields}
    made = {p.path: p for p in proposals}
    for path in sorted(of_objects, key=len, reverse=True):  # inner lists first
        proposal = made[path]
        inside = [p for p in made.values() if p.path.startswith(f"{path}[]")]
        if proposal.kind == "list" and not any(p.expression for p in inside):
            why = f"The list may be made from {proposal.expression}, but none of its fields is."
            if plain.issuperset(proposal.sources):
                why += " Its values are plain; which field of an item they are is for you to say."
            made[path] = replace(
                proposal, expression=None, sources=(), confidence=0.0, verdict=Verdict.ABSTAIN,
                kind="none", reasons=(why,),
            )  # fmt: skip
    return tuple(made.values())


def made_list(
    bench: Bench, field: SchemaField, path: str, told: Sequence[Candidate], inside: Sequence[float]
) -> Proposal:
    """A list of objects from a source list; ``inside`` is how sure its matched fields are."""
    own = next((c for c in told if c.column == path), None)
    confidence = max([own.probability if own else 0.0, *inside])
    return Proposal(
        path=field.path,
        expression=bench.sample.column(path).reference,
        sources=(path,),
        confidence=round(confidence, 4),
        verdict=Verdict.AUTO if confidence >= _SURE else Verdict.REVIEW,
        kind="list",
        reasons=tuple(map(sentence, (*(own.reasons if own else ()), *_filled(path, len(inside))))),
    )


def _filled(path: str, fields: int) -> Iterator[str]:
    if fields:
        yield f"{counted(fields, 'of its fields has', 'of its fields have')} a column in {path}"
    else:
        yield f"its items may be made from {path}"
