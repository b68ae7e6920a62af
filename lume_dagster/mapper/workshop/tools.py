"""What a workshop generates, learns and asks with: functions that are handed to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.mapper.proposal import Beside, Draft
from lume_dagster.mapper.review import Remembered
from lume_dagster.mapper.sample import Sample


@dataclass(frozen=True, slots=True)
class Example:
    """A row as it should come out in one field: its values by path, and the text of the result."""

    source: Mapping[str, str | None]
    wanted: str | None


class Generate(Protocol):
    """Proposes the mapping of a whole schema."""

    def __call__(
        self,
        sample: Sample,
        schema: TargetSchema,
        *,
        pinned: Mapping[str, Any],
        memory: Sequence[Remembered],
        beside: Beside,
    ) -> Draft:
        """Propose.

        Args:
            sample: of the source data.
            schema: the target.
            pinned: paths of fields to the expressions they keep; of a list, to the list it is
                made from; inside lists an expression speaks of ``item``.
            memory: what people have decided of the same fields in other flows.
            beside: what else of the flow counts: its seeds, and texts that mean no value.
        """
        ...


class Learn(Protocol):
    """Finds expressions that do what examples show."""

    def __call__(
        self, sample: Sample, field: SchemaField, examples: Sequence[Example]
    ) -> Sequence[str]:
        """Expressions over source columns, best first; none where nothing does it."""
        ...


class Ask(Protocol):
    """Makes an expression of a sentence: a model does."""

    def __call__(
        self, sample: Sample, field: SchemaField, sentence: str, current: str | None
    ) -> str | None:
        """An expression over source columns, or None where the sentence is not understood."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What there is of them."""

    generate: Generate | None = None
    learn: Learn | None = None
    ask: Ask | None = None
