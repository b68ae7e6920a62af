"""What a conversion is: a candidate program before it was tried, and what came of trying it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lume_dagster.mapper.proposal import Shown, Verdict

AUTO_FROM = 0.9  # probability that the values are right


class Confidence(StrEnum):
    """How sure one value of a code list is."""

    CONFIDENT = "Confident"
    VERY_HIGH = "Very High"
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"
    VERY_LOW = "Very Low"
    INCORRECT = "Incorrect"

    @classmethod
    def of(cls, score: float) -> Confidence:
        """The bucket of a probability."""
        return next((bucket for least, bucket in _BUCKETS if score >= least), cls.INCORRECT)


_BUCKETS = (
    (0.97, Confidence.CONFIDENT),
    (0.9, Confidence.VERY_HIGH),
    (0.8, Confidence.HIGH),
    (0.6, Confidence.MEDIUM),
    (0.45, Confidence.LOW),
    (0.3, Confidence.VERY_LOW),
)


@dataclass(frozen=True, slots=True)
class Code:
    """One value of the source, what it is taken for, and how sure that is.

    ``mapped`` is whether the expression maps it; what is too unsure is left out, and stays an
    error until a person says what it means.
    """

    value: str
    target: str | float | int | bool | None
    score: float
    mapped: bool

    @property
    def confidence(self) -> Confidence:
        """The score as a word."""
        return Confidence.of(self.score)


@dataclass(frozen=True, slots=True)
class Program:
    """A candidate: an expression, and how likely its values are right if all rows take it."""

    expression: str
    kind: str
    prior: float
    reasons: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()  # what it drops by its nature
    review: bool = False  # a person must look, however well it runs
    codes: tuple[Code, ...] = ()
    nulls: tuple[str, ...] = ()  # texts it takes for no value


@dataclass(frozen=True, slots=True)
class Loss:
    """What the values of the source lost on the way."""

    dropped: tuple[str, ...] = ()  # sentences: letters, units, a time of day, decimals
    failed: int = 0  # rows that would be rejected
    failed_samples: tuple[str, ...] = ()
    new_nulls: int = 0  # rows that had a value, have none, and no error says so
    collapsed: int = 0  # distinct values that became one with another

    def __bool__(self) -> bool:
        """Whether anything was lost."""
        return bool(self.dropped or self.failed or self.new_nulls or self.collapsed)


@dataclass(frozen=True, slots=True)
class Converted:
    """A program that was tried on the sample.

    ``probability`` is of the values being right, given that the columns are the right ones. It
    speaks of the rows that come out; those that are rejected are in ``loss``.
    """

    expression: str
    kind: str
    sources: tuple[str, ...]
    probability: float
    loss: Loss
    reasons: tuple[str, ...]
    shown: tuple[Shown, ...]
    valid: float  # share of the rows with a value that come out good
    codes: tuple[Code, ...] = field(default=())
    review: bool = False

    @property
    def verdict(self) -> Verdict:
        """Whether it may be taken without a look."""
        if self.probability < _ABSTAIN_BELOW:
            return Verdict.ABSTAIN
        sure = self.probability >= AUTO_FROM and not self.loss and not self.review
        return Verdict.AUTO if sure else Verdict.REVIEW


_ABSTAIN_BELOW = 0.2
