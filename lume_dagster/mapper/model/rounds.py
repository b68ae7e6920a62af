"""The loop: ask for the fields of a batch, try the answers, send errors back, at most 3 times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as made
from typing import Any

from pydantic import BaseModel

from lume_dagster.errors import counted
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.model.answer_type import answer_type
from lume_dagster.mapper.model.asking import Reply
from lume_dagster.mapper.model.batches import Batch
from lume_dagster.mapper.model.privacy import Veil
from lume_dagster.mapper.model.prompt import Prompt, body, field_told, numbered_columns, rules
from lume_dagster.mapper.model.trying import Given, Outcome, given_of, try_out
from lume_dagster.mapper.model.values import Answer, Question, Workbench
from lume_dagster.mapper.sample import SampleColumn

OUT_A_FIELD = 120  # tokens of an answer for one field, on the average at most
OUT_FRAME = 200
_MOSTLY = 0.5  # of the rows: an expression that is good for fewer is none
NOT_ANSWERED = "the model gave no answer for it."

Asker = Callable[[Prompt, type[BaseModel], int], Reply]


@dataclass(slots=True)
class Case:
    """A field on its way through the rounds."""

    field: SchemaField
    tried: list[dict[str, Any]] = made(default_factory=list)  # as the model is told
    last: str = NOT_ANSWERED
    best: tuple[Given, Outcome] | None = None  # of those with faults


@dataclass(frozen=True, slots=True)
class Setup:
    """What stays the same through the rounds of a call."""

    question: Question
    veil: Veil
    workbench: Workbench
    ask: Asker
    rounds: int
    sentence: str = ""  # of a person; then a constant may be what they want

    @property
    def examples(self) -> bool:
        """Whether the model may give examples in place of an expression."""
        return self.workbench.synthesize is not None


def run_rounds(setup: Setup, batch: Batch, settled: dict[str, Answer]) -> None:
    """Ask until every field of the batch is settled or the rounds are over.

    ``settled`` is filled as answers come, so that what is settled stays when a later request fails.
    """
    open_cases = [Case(wanted) for wanted in batch.fields]
    for number in range(1, setup.rounds + 1):
        for case, given, outcome in ask_once(setup, batch, open_cases):
            if not outcome.faults:
                settled[case.field.path] = _answer(case, given, outcome, number)
            elif _insists(case, given):
                settled[case.field.path] = _at_last(case, number)
            else:
                _remember(setup.veil, case, given, outcome)
        open_cases = [case for case in open_cases if case.field.path not in settled]
        if not open_cases:
            return
    for case in open_cases:
        settled[case.field.path] = _at_last(case, setup.rounds)


def ask_once(
    setup: Setup, batch: Batch, cases: Sequence[Case]
) -> list[tuple[Case, Given, Outcome]]:
    """One request for these fields, and what each answer comes to."""
    prompt, wanted = prompt_of(setup, batch, cases)
    reply = setup.ask(prompt, wanted, most_out(len(cases)))
    if reply.output is None:
        for case in cases:
            case.last = case.last if case.tried else reply.why
        return []
    columns = numbered_columns(batch.columns)
    ids = dict(_numbered(cases))
    found: dict[str, tuple[Case, Given, Outcome]] = {}
    for answer in reply.output.answers:  # type: ignore[attr-defined]
        case = ids[answer.field]
        given = given_of(answer, columns)
        if answer.field not in found:
            found[answer.field] = (case, given, _outcome(setup, batch, case, given))
    return list(found.values())


def _outcome(setup: Setup, batch: Batch, case: Case, given: Given) -> Outcome:
    constants = bool(setup.sentence)
    return try_out(case.field, given, batch.columns, setup.veil, setup.workbench,
                   constants=constants)  # fmt: skip


def _written(given: Given) -> Any:
    examples = [[*example.inputs, example.output] for example in given.examples]
    return given.expression or examples


def _codes(outcome: Outcome) -> str:
    return ", ".join(
        f"{fault.code} in {counted(fault.count, 'row')}" if fault.count else fault.code
        for fault in outcome.faults
    )


def _remember(veil: Veil, case: Case, given: Given, outcome: Outcome) -> None:
    """What the model said, and what was wrong with it, for the next round."""
    wrong = [veil.fault(fault) for fault in outcome.faults]
    case.tried.append({"tried": _written(given), "wrong": wrong})
    case.last = f"no expression of the model stood the trial; the last had {_codes(outcome)}."

    if outcome.good >= _MOSTLY and (case.best is None or outcome.good > case.best[1].good):
        case.best = (given, outcome)


def _insists(case: Case, given: Given) -> bool:
    """Whether the model says again what it was told is wrong: then the rows are, or it cannot."""
    return any(entry["tried"] == _written(given) for entry in case.tried)


def _at_last(case: Case, number: int) -> Answer:
    """The best of those that are good for most rows, less sure by the others; or none."""
    path = case.field.path
    if case.best is None:
        return Answer(path, reason=case.last, rounds=number)
    given, outcome = case.best
    answer = _answer(case, given, outcome, number)
    said = f"it fails {1 - outcome.good:.0%} of the rows: {_codes(outcome)}."
    reason = f"{given.reason.rstrip('.')}; {said}"
    return replace(answer, confidence=given.confidence * outcome.good, reason=reason)


def _answer(case: Case, given: Given, outcome: Outcome, number: int) -> Answer:
    nothing = outcome.expression is None
    return Answer(
        case.field.path,
        outcome.expression,
        outcome.sources,
        0.0 if nothing else given.confidence,
        given.reason,
        given.examples,
        rounds=number,
    )


# -- the request ----------------------------------------------------------------------------------


def most_out(fields: int) -> int:
    """The tokens an answer for so many fields may take."""
    return OUT_FRAME + OUT_A_FIELD * fields


def prompt_of(setup: Setup, batch: Batch, cases: Sequence[Case]) -> tuple[Prompt, type[BaseModel]]:
    """The request for these fields of a batch, and the type of its answer."""
    columns = numbered_columns(batch.columns)
    ids = {column.path: key for key, column in columns.items()}
    told = [(key, _told(setup, batch, case, ids)) for key, case in _numbered(cases)]
    text = body(
        "The columns of the source are in <data>, the target's fields in <fields>.",
        _shown(setup.veil, columns),
        told,
        setup.sentence,
    )
    wanted = answer_type([key for key, _ in told], list(columns), examples=setup.examples)
    standing = rules(examples=setup.examples, sentence=bool(setup.sentence))
    return Prompt(standing, text), wanted


def _shown(veil: Veil, columns: Mapping[str, SampleColumn]) -> Iterable[tuple[str, dict[str, Any]]]:
    return [(key, veil.column(column)) for key, column in columns.items()]


def _numbered(cases: Sequence[Case]) -> list[tuple[str, Case]]:
    return [(f"f{number}", case) for number, case in enumerate(cases, 1)]


def _told(setup: Setup, batch: Batch, case: Case, ids: Mapping[str, str]) -> dict[str, Any]:
    path, question = case.field.path, setup.question
    told = field_told(case.field)
    if path in batch.shortlists:
        told["candidates"] = [ids[column] for column in batch.shortlists[path]]
    now = setup.veil.hide(question.current[path]) if path in question.current else None
    if now is not None:
        told["now"] = now
    if question.notes.get(path):
        told["notes"] = list(question.notes[path])
    if case.tried:
        told["earlier"] = case.tried
    return told
