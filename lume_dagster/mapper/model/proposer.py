"""The proposer that asks a language model, and keeps to its settings' privacy and budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lume_dagster.errors import ConnectorError, FlowError
from lume_dagster.mapper.model.answer_type import learned_type
from lume_dagster.mapper.model.asking import Reply, ask
from lume_dagster.mapper.model.batches import Batch, batch_of, batches
from lume_dagster.mapper.model.budget import BudgetUsedUpError, Estimate, Purse, price_of
from lume_dagster.mapper.model.manner import THINKING, expected_profile, thinks
from lume_dagster.mapper.model.privacy import Veil
from lume_dagster.mapper.model.prompt import (
    Prompt,
    body,
    digest,
    field_told,
    learning_rules,
    numbered_columns,
)
from lume_dagster.mapper.model.provider import open_model
from lume_dagster.mapper.model.rounds import Case, Setup, most_out, prompt_of, run_rounds
from lume_dagster.mapper.model.settings import ModelSettings
from lume_dagster.mapper.model.tokens import FRAME, tokens_of
from lume_dagster.mapper.model.trying import columns_in
from lume_dagster.mapper.model.values import (
    Answer,
    Edit,
    Learned,
    Proposed,
    Question,
    Spent,
    Workbench,
)
from lume_dagster.mapper.model.voting import agreed, vote

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_ai.models import Model

_LEARNED = 1_000  # tokens of what is learned from a sentence


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of the proposer: its purse and what it asks."""

    purse: Purse
    setup: Setup
    batches: tuple[Batch, ...]

    @property
    def first(self) -> list[tuple[Prompt, type[BaseModel], int]]:
        """The requests of the first round."""
        return [
            (*prompt_of(self.setup, batch, [Case(f) for f in batch.fields]), len(batch.fields))
            for batch in self.batches
        ]


class ModelProposer:
    """Asks the model of the settings; ``opened`` makes its client, for each request anew."""

    def __init__(self, settings: ModelSettings, opened: Callable[[], Model] | None = None) -> None:
        self.settings = settings
        self._open = opened or (lambda: open_model(settings))

    def __repr__(self) -> str:
        return f"ModelProposer({self.settings!r})"

    def estimate(self, question: Question, *, examples: bool = True) -> Estimate:
        """What the first round would use at most; nothing is sent."""
        bench = Workbench(_never, _never if examples else None)
        return self._estimate(self._call(question, bench, batches(question)))

    def propose(self, question: Question, workbench: Workbench) -> Proposed:
        """Expressions for the fields.

        Raises:
            InvalidRequestError: the estimate is over the budget; nothing was sent.
            ConnectorError: the first request was refused; TransientError: or failed in every try.
        """
        return self._run(self._call(question, workbench, batches(question)))

    def edit(self, edit: Edit, workbench: Workbench) -> Proposed:
        """The expression of one field, changed as a sentence says; a constant if it says so."""
        current = {edit.field.path: edit.current} if edit.current else {}
        question = Question((edit.field,), edit.columns, current=current)
        batch = batch_of(edit, _used(edit))
        return self._run(self._call(question, workbench, (batch,), edit.sentence))

    def learn(self, sentence: str, question: Question) -> Learned:
        """Synonyms, codes and notes that a sentence holds, by field."""
        purse, veil = Purse(self.settings), Veil(self.settings.privacy, question.columns)
        ids = {f"f{number}": field for number, field in enumerate(question.fields, 1)}
        columns = numbered_columns(question.columns)
        text = body(
            "The columns of the source are in <data>, the target's fields in <fields>.",
            [(key, veil.column(column)) for key, column in columns.items()],
            [(key, field_told(field)) for key, field in ids.items()],
            sentence,
        )
        prompt = Prompt(learning_rules(), text)
        reply = ask(self._open, prompt, learned_type(list(ids)), purse, _LEARNED)
        lessons = [] if reply.output is None else reply.output.lessons  # type: ignore[attr-defined]
        paths = {key: field.path for key, field in ids.items()}
        learned = _learned(lessons, paths, purse.spent, self.settings.name)
        return replace(learned, failed=reply.why or None)

    # -- one call ---------------------------------------------------------------------------------

    def _call(
        self,
        question: Question,
        workbench: Workbench,
        asked: tuple[Batch, ...],
        sentence: str = "",
    ) -> _Call:
        purse = Purse(self.settings)

        def asker(prompt: Prompt, wanted: type[BaseModel], most: int) -> Reply:
            return ask(self._open, prompt, wanted, purse, most)

        veil = Veil(self.settings.privacy, question.columns)
        setup = Setup(question, veil, workbench, asker, self.settings.rounds, sentence)
        return _Call(purse, setup, asked)

    def _estimate(self, call: _Call) -> Estimate:
        sizes = [_size(prompt, wanted) for prompt, wanted, _ in call.first]
        room = THINKING if thinks(expected_profile(self.settings)) else 0
        out = sum(most_out(fields) + room for _, _, fields in call.first)
        price = price_of(self.settings, sum(sizes), out)
        return Estimate(len(sizes), sum(sizes), out, price)

    def _run(self, call: _Call) -> Proposed:
        estimate = self._estimate(call)
        call.purse.allow(estimate.input_tokens, estimate.output_tokens, max(1, estimate.requests))
        settled: dict[str, Answer] = {}
        stopped = self._rounds(call, settled)
        why = f"it was not settled: {stopped}" if stopped else "it has no candidate columns."
        question = call.setup.question
        texts = [f"{self.settings.name}\0{p.text}\0{_schema(w)}" for p, w, _ in call.first]
        return Proposed(
            tuple(settled.get(f.path, Answer(f.path, reason=why)) for f in question.fields),
            call.purse.spent,
            self.settings.name,
            digest(texts),
            stopped,
        )

    def _rounds(self, call: _Call, settled: dict[str, Answer]) -> str | None:
        """All batches, and votes where wanted; the sentence why it ended early, if it did.

        What ends a call before its first answer is raised: then nothing is lost by it.
        """
        try:
            for batch in call.batches:
                run_rounds(call.setup, batch, settled)
                agreed(call.setup, batch, settled)
                if self.settings.votes > 1:
                    vote(call.setup, batch, settled, self.settings.votes)
        except (BudgetUsedUpError, ConnectorError) as error:
            if call.purse.requests == 0:
                raise
            for batch in call.batches:
                agreed(call.setup, batch, settled)
            return error.message
        return None


def _never(*_: Any) -> Any:
    raise AssertionError("an estimate tries nothing")


def _size(prompt: Prompt, wanted: type[BaseModel]) -> int:
    return tokens_of(prompt.text) + tokens_of(_schema(wanted)) + FRAME


def _schema(wanted: type[BaseModel]) -> str:
    return json.dumps(wanted.model_json_schema())


def _used(edit: Edit) -> tuple[str, ...]:
    """The columns of the current expression; of one that speaks of none of them, nothing."""
    if edit.current is None:
        return ()
    try:
        return columns_in(edit.current, edit.columns)
    except FlowError:
        return ()


def _learned(lessons: Sequence[Any], paths: dict[str, str], spent: Spent, made_by: str) -> Learned:
    empty = Learned({}, {}, {}, spent, made_by)
    synonyms: dict[str, tuple[str, ...]] = {}
    codes: dict[str, dict[str, str]] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for lesson in lessons:
        path, word = paths[lesson.field], lesson.word.strip()
        if lesson.kind == "code" and lesson.meaning:
            codes.setdefault(path, {})[word] = lesson.meaning
        elif lesson.kind == "synonym":
            synonyms[path] = (*synonyms.get(path, ()), word)
        elif lesson.kind == "note":
            notes[path] = (*notes.get(path, ()), word)
    return replace(empty, synonyms=synonyms, codes=codes, notes=notes)
