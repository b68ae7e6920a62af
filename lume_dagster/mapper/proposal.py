"""What is proposed for each target field: an expression, how sure it is, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from lume_dagster.flows.model import Seed


class Verdict(StrEnum):
    """What a proposal asks of a person: nothing, a look, or an answer."""

    AUTO = "auto"
    REVIEW = "review"
    ABSTAIN = "abstain"


class Decision(StrEnum):
    """What a person has said of a field; what is approved is kept when it is generated again."""

    NOT_REVIEWED = "NOT_REVIEWED"
    FLAGGED = "FLAGGED"  # looked at, and wrong or in doubt
    PROPOSED = "PROPOSED"  # a person's own, not yet approved
    APPROVED = "APPROVED"


@dataclass(frozen=True, slots=True)
class Shown:
    """One row of the sample, before and after: the values of the sources, and what they become."""

    before: Mapping[str, str | None]  # by the source's path
    after: str | None
    error: str | None = None  # the code of the error where the row would be rejected


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way to make a field, less likely than the proposal."""

    expression: str
    confidence: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """How one target field may be made.

    ``path`` is the field's (``customer.city``, ``lines[].sku``; of a list, ``lines``, whose
    expression gives the source list). ``expression`` is None where nothing is proposed; inside a
    list it speaks of ``item``. ``confidence`` is the probability, 0 to 1, that both the sources
    and the values are right. ``reasons`` are sentences, the weightiest first.
    """

    path: str
    expression: str | None
    sources: tuple[str, ...]  # paths in the sample
    confidence: float
    verdict: Verdict
    kind: str  # identity, date, number, enum, lookup, constant, example, ..., or none
    reasons: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    shown: tuple[Shown, ...] = ()
    decision: Decision = Decision.NOT_REVIEWED


@dataclass(frozen=True, slots=True)
class Beside:
    """What else of a flow its mapping depends on.

    ``seeds`` are the flow's, with paths relative to ``folder``; ``nulls`` are the texts that the
    source format says mean no value, ``also_called`` other names of its columns. ``codes`` are what
    people say that codes mean, by field; ``names`` are pairs of a column and the field it means.
    """

    seeds: Mapping[str, Seed] = field(default_factory=dict)
    folder: Path = Path()
    nulls: tuple[str, ...] = ()
    also_called: Mapping[str, Sequence[str]] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    names: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """The proposals for all leaf fields in schema order, and the mapping they make together."""

    proposals: tuple[Proposal, ...]
    mapping: Mapping[str, Any]  # as the flow file writes it; fields without a proposal are left out
    unused: tuple[str, ...]  # paths of the sample no field is made from
    made_by: str  # name and version of what made it, and the digest of its tables
