"""What goes into a proposer and what comes out: plain values, and the protocol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.sample import SampleColumn

_FAULT_VALUES = 5  # that a fault keeps


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column that the offline matcher holds possible for a field, and how likely."""

    column: str  # its path
    score: float


@dataclass(frozen=True, slots=True)
class Example:
    """What a field should be for one row: the values of its sources in order, and the result."""

    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong with an expression on the sample, in how many rows, with raw values of it.

    ``values`` and ``message`` stay here: what of them is sent is decided by the privacy level.
    """

    code: str
    count: int
    values: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """An expression, tried on the sample: whether it may stand, and what it made of the rows."""

    ok: bool
    faults: tuple[Fault, ...] = ()
    outputs: tuple[str | None, ...] = ()

    @property
    def good(self) -> float:
        """The share of the rows with a value, or with a fault for one, that have no fault."""
        bad = sum(fault.count for fault in self.faults)
        filled = max(bad, sum(output is not None for output in self.outputs))
        return (filled - bad) / filled if filled else 0.0

    @classmethod
    def of_rows(
        cls,
        outputs: Sequence[str | None],
        errors: Sequence[str | None],
        inputs: Sequence[str | None] = (),
        refused: str | None = None,
    ) -> Judged:
        """From what each row became, or the code it would be rejected with.

        ``inputs`` are the values the rows were made from, to quote; ``refused`` is the sentence why
        the expression did not run at all.
        """
        if refused is not None:
            return cls(ok=False, faults=(Fault("REFUSED", 0, (), refused),))
        rows: dict[str, list[int]] = defaultdict(list)
        for row, code in enumerate(errors):
            if code is not None:
                rows[code].append(row)
        quoted = inputs if len(inputs) == len(errors) else [None] * len(errors)
        faults = tuple(
            Fault(code, len(found), _first({quoted[row]: None for row in found}))
            for code, found in sorted(rows.items())
        )
        return cls(ok=not faults and any(o is not None for o in outputs), faults=faults,
                   outputs=tuple(outputs))  # fmt: skip


def _first(values: Mapping[str | None, None]) -> tuple[str, ...]:
    return tuple(value for value in values if value is not None)[:_FAULT_VALUES]


@dataclass(frozen=True, slots=True)
class Workbench:
    """The hands of a proposer: how an expression is tried, and how examples become one.

    ``judge`` is given a field, an expression and the paths of the columns in it, and tries it on
    the sample. ``synthesize`` is given the field, the sources' paths and the examples; it gives the
    expression of the best program, or None. Where it is missing, no examples are asked for.
    """

    judge: Callable[[SchemaField, str, tuple[str, ...]], Judged]
    synthesize: Callable[[SchemaField, tuple[str, ...], tuple[Example, ...]], str | None] | None = (
        None
    )


@dataclass(frozen=True, slots=True)
class Question:
    """Which fields to map from which columns, and what is known already, all by the field's path.

    ``fields`` are leaves, in schema order. ``candidates`` are best first. ``current`` is shown to
    the model; ``offline`` is not: it is what the model's answer is compared with. ``notes`` are
    sentences of a person about a field.
    """

    fields: tuple[SchemaField, ...]
    columns: tuple[SampleColumn, ...]
    candidates: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    current: Mapping[str, str] = field(default_factory=dict)
    offline: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edit:
    """A person's sentence about one field: "the day comes first", "add the country code"."""

    field: SchemaField
    sentence: str
    columns: tuple[SampleColumn, ...]
    current: str | None = None
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one field, after it was tried on the sample.

    ``expression`` is None where nothing fits, or nothing stood the trial. ``agrees`` is whether it
    comes to what was found offline; None where there was nothing to compare. ``votes`` are how many
    of how many askings came to this, where it was asked more than once.
    """

    path: str
    expression: str | None = None
    sources: tuple[str, ...] = ()  # paths
    confidence: float = 0.0
    reason: str = ""
    examples: tuple[Example, ...] = ()
    agrees: bool | None = None
    rounds: int = 1
    votes: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used; the price in dollars where the model's is known."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """The answers in the order of the fields, and what they cost.

    ``stopped`` is the sentence why not every field was asked to the end: the budget was used up, or
    the provider failed on the way.
    """

    answers: tuple[Answer, ...]
    spent: Spent
    made_by: str  # provider:model
    prompt_hash: str
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What a sentence says that later mappings can use, by the field's path."""

    synonyms: Mapping[str, tuple[str, ...]]  # other names of the field
    codes: Mapping[str, Mapping[str, str]]  # of its values
    notes: Mapping[str, tuple[str, ...]]
    spent: Spent
    made_by: str
    failed: str | None = None  # why there is nothing, where the model gave no answer


class Proposer(Protocol):
    """Somebody who can be asked for expressions: a model, or a test's stand-in."""

    def propose(self, question: Question, workbench: Workbench) -> Proposed:
        """Expressions for a set of fields."""
        ...

    def edit(self, edit: Edit, workbench: Workbench) -> Proposed:
        """The expression of one field, changed as a sentence says."""
        ...

    def learn(self, sentence: str, question: Question) -> Learned:
        """What a sentence about the data or the target says of each field."""
        ...
