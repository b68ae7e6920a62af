"""One case of the corpus: a messy column or several, a target field, and what is right."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Gold = str | int | float | bool | list[str] | None


@dataclass(frozen=True)
class Case:
    """``columns`` are used for the field, ``beside`` are others of the same file.

    ``gold`` is what is right row by row; None where no value, or an error, is right.
    """

    id: str
    family: str
    target: Mapping[str, Any]  # JSON Schema of the field
    name: str  # of the field
    columns: Mapping[str, Sequence[str | None]]
    gold: Sequence[Gold]
    beside: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    country: str | None = None

    @property
    def is_dev(self) -> bool:
        """Half of the cases, by the hash of their id, may be looked at when rules are tuned."""
        return hashlib.sha256(self.id.encode()).digest()[0] % 2 == 0
