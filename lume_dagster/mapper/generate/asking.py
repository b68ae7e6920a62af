"""Ask a proposer about the fields that are not sure, and join what it says with what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.generate.choose import AUTO_FROM
from lume_dagster.mapper.generate.lists import list_around
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
from lume_dagster.mapper.sample import Sample, SampleColumn
from lume_dagster.mapper.synthesis import Example as Learned
from lume_dagster.mapper.synthesis import learn
from lume_dagster.mapper.trial import Trial

_SHOWN = 5


@dataclass(frozen=True)
class Asking:
    """Who is asked, and what is known: of lists, what each of the target is made from."""

    proposer: Proposer
    bench: Bench
    schema: TargetSchema
    matches: Mapping[str, FieldMatch]
    lists: Mapping[str, str]

    def may_ask(self, field: SchemaField) -> bool:
        """What is in a list, once it is known what the list is made from; no list of objects."""
        around = list_around(field.path)
        is_plain = field.items is None or not (field.items.fields or around)
        return is_plain and (not around or around in self.lists)

    def source_list(self, field: SchemaField) -> str:
        """The source list that a field's list is made from; nothing outside lists."""
        return self.lists.get(list_around(field.path), "")


def asked(asking: Asking, proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """The proposals after the proposer was asked about those that are not sure.

    Which list a list of objects is made from is not asked; what its items are made from is.
    """
    fields = {field.path: field for field in asking.schema.walk()}
    unsure = [p for p in proposals if _is_unsure(p) and asking.may_ask(fields[p.path])]
    if not unsure:
        return tuple(proposals)
    wanted = tuple(fields[p.path] for p in unsure)
    question = Question(
        fields=wanted,
        columns=_columns(asking, wanted),
        candidates={field.path: _candidates(asking, field) for field in wanted},
        offline={p.path: p.expression for p in unsure if p.expression is not None},
    )
    said = asking.proposer.propose(question, _workbench(asking.bench, asking.source_list))
    answers = {answer.path: answer for answer in said.answers}
    return tuple(
        _after(asking, fields[p.path], p, answers[p.path], said) if p.path in answers else p
        for p in proposals
    )


def _is_unsure(proposal: Proposal) -> bool:
    return proposal.verdict is not Verdict.AUTO and proposal.kind != "list"


def _columns(asking: Asking, wanted: Sequence[SchemaField]) -> tuple[SampleColumn, ...]:
    """All outside lists, and what lies in the lists that something wanted is made from."""
    lists = {"", *map(asking.source_list, wanted)}
    return tuple(
        column
        for column in asking.bench.sample.columns
        if list_around(column.path) in lists and not column.path.endswith("[]")
    )


def _after(
    asking: Asking, field: SchemaField, before: Proposal, answer: Answer, said: Proposed
) -> Proposal:
    """What was found, with the answer; agreement makes it sure only where nothing is lost."""
    is_whole = all(row.error is None for row in before.shown)
    after = joined(before, answer, said.made_by, auto_at=AUTO_FROM if is_whole else None)
    if after.expression is not None and not after.shown:
        after = replace(after, shown=tuple(_shown(asking, field, after)))
    return replace(after, reasons=(*after.reasons, said.stopped)) if said.stopped else after


def _shown(asking: Asking, field: SchemaField, proposal: Proposal) -> Iterator[Shown]:
    """A model's expression with what it makes of the first rows, or of the first items."""
    bench = asking.bench
    within = _within(bench, asking.source_list(field))
    tried = bench.trial.one(field, str(proposal.expression), within)
    columns = {path: bench.sample.column(path).values for path in proposal.sources}
    for row in range(min(_SHOWN, len(tried.values))):
        before = {path: texts[row] for path, texts in columns.items() if row < len(texts)}
        yield Shown(before, tried.values[row], tried.errors[row])


def _within(bench: Bench, source_list: str) -> str:
    """Any place in the items of a list, by which a trial knows it."""
    inside = f"{source_list}[]"
    return next((c.path for c in bench.sample.columns if c.path.startswith(inside)), "")


def _candidates(asking: Asking, field: SchemaField) -> tuple[Candidate, ...]:
    source_list = asking.source_list(field)
    return tuple(
        Candidate(c.column, c.probability)
        for c in candidates(asking.matches.get(field.path))
        if list_around(c.column) == source_list
    )


def _workbench(bench: Bench, source_list: Callable[[SchemaField], str]) -> Workbench:
    return Workbench(_judge(bench, source_list), _synthesize(bench))


def _judge(
    bench: Bench, source_list: Callable[[SchemaField], str]
) -> Callable[[SchemaField, str, tuple[str, ...]], Judged]:
    def judge(field: SchemaField, expression: str, paths: tuple[str, ...]) -> Judged:
        listed = source_list(field)
        strange = next((p for p in paths if listed and list_around(p) not in ("", listed)), None)
        if strange is not None:
            return Judged.of_rows((), (), (), f"{strange} is not in the items of {listed}.")
        tried = bench.trial.one(field, expression, _within(bench, listed) if listed else "")
        columns = [bench.sample.column(path).values for path in paths]
        whole = [values for values in columns if len(values) == len(tried.values)]
        rows = zip(*whole, strict=True) if len(whole) == len(columns) > 0 else ()
        inputs = [" | ".join(value or "" for value in row) for row in rows]
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
        said = proposer.edit(asked_for, _workbench(bench, lambda _: ""))
    return next((answer.expression for answer in said.answers), None)
