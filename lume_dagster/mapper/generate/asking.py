"""Ask a proposer about the fields that are not sure, and join what it says with what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.generate.choose import AUTO_FROM
from lume_dagster.mapper.generate.options import Bench
from lume_dagster.mapper.match.core import FieldMatch, candidates
from lume_dagster.mapper.model.joining import joined
from lume_dagster.mapper.model.values import (
    Answer,
    Candidate,
    Edit,
    Example,
    Judged,
    Proposed,
    Proposer,
    Question,
    Workbench,
)
from lume_dagster.mapper.proposal import Proposal, Shown, Verdict
from lume_dagster.mapper.sample import Sample
from lume_dagster.mapper.synthesis import Example as Learned
from lume_dagster.mapper.synthesis import learn
from lume_dagster.mapper.trial import Trial

_SHOWN = 5


def asked(
    proposer: Proposer,
    bench: Bench,
    schema: TargetSchema,
    matches: Mapping[str, FieldMatch],
    proposals: Sequence[Proposal],
) -> tuple[Proposal, ...]:
    """The proposals after the proposer was asked about those that are not sure.

    Lists and what is in them are not asked about.
    """
    fields = {field.path: field for field in schema.walk()}
    unsure = [p for p in proposals if p.verdict is not Verdict.AUTO and _may_ask(fields[p.path])]
    if not unsure:
        return tuple(proposals)
    columns = tuple(c for c in bench.sample.columns if "[]" not in c.path)
    question = Question(
        fields=tuple(fields[p.path] for p in unsure),
        columns=columns,
        candidates={p.path: _candidates(matches.get(p.path)) for p in unsure},
        offline={p.path: p.expression for p in unsure if p.expression is not None},
    )
    said = proposer.propose(question, Workbench(_judge(bench), _synthesize(bench)))
    answers = {answer.path: answer for answer in said.answers}
    return tuple(
        _after(bench, fields[p.path], p, answers[p.path], said) if p.path in answers else p
        for p in proposals
    )


def _after(
    bench: Bench, field: SchemaField, before: Proposal, answer: Answer, said: Proposed
) -> Proposal:
    """What was found, with the answer; agreement makes it sure only where nothing is lost."""
    is_whole = all(row.error is None for row in before.shown)
    after = joined(before, answer, said.made_by, auto_at=AUTO_FROM if is_whole else None)
    if after.expression is not None and not after.shown:
        after = replace(after, shown=tuple(_shown(bench, field, after)))
    return replace(after, reasons=(*after.reasons, said.stopped)) if said.stopped else after


def _shown(bench: Bench, field: SchemaField, proposal: Proposal) -> Iterator[Shown]:
    """A model's expression with what it makes of the first rows."""
    tried = bench.trial.one(field, str(proposal.expression))
    columns = {path: bench.sample.column(path).values for path in proposal.sources}
    for row in range(min(_SHOWN, len(tried.values))):
        before = {path: texts[row] for path, texts in columns.items()}
        yield Shown(before, tried.values[row], tried.errors[row])


def _may_ask(field: SchemaField) -> bool:
    return "[]" not in field.path and field.type != "array"


def _candidates(match: FieldMatch | None) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(c.column, c.probability) for c in candidates(match) if "[]" not in c.column
    )


def _judge(bench: Bench) -> Callable[[SchemaField, str, tuple[str, ...]], Judged]:
    def judge(field: SchemaField, expression: str, paths: tuple[str, ...]) -> Judged:
        tried = bench.trial.one(field, expression)
        rows = zip(*(bench.sample.column(path).values for path in paths), strict=True)
        inputs = [" | ".join(value or "" for value in row) for row in rows] if paths else []
        return Judged.of_rows(tried.values, tried.errors, inputs, tried.refused)

    return judge


def _synthesize(
    bench: Bench,
) -> Callable[[SchemaField, tuple[str, ...], tuple[Example, ...]], str | None]:
    def synthesize(
        field: SchemaField, paths: tuple[str, ...], examples: tuple[Example, ...]
    ) -> str | None:
        del field
        values = {path: bench.sample.column(path).values for path in paths}
        told = [Learned(dict(zip(paths, e.inputs, strict=True)), e.output) for e in examples]
        programs = learn(told, values, most=1)
        if not programs:
            return None
        return programs[0].expression({p: bench.sample.column(p).reference for p in paths})

    return synthesize


def edited(
    proposer: Proposer,
    settings: EngineSettings,
    sample: Sample,
    field: SchemaField,
    sentence: str,
    current: str | None,
) -> str | None:
    """The expression of one field as a person's sentence wants it; None where none stood the trial.

    Raises:
        ConnectorError: the proposer cannot be reached, or refused.
    """
    columns = tuple(c for c in sample.columns if "[]" not in c.path)
    with Trial(settings, sample) as trial:
        bench = Bench(sample, trial)
        asked_for = Edit(field, sentence, columns, current)
        said = proposer.edit(asked_for, Workbench(_judge(bench), _synthesize(bench)))
    return next((answer.expression for answer in said.answers), None)
