"""The parts of a flow and what they compute, to find the one that an unforeseen error came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from lume_dagster.plan.chain import Chain
from lume_dagster.plan.sql import Sql, call


@dataclass(frozen=True, slots=True)
class Origin:
    """A field or a rule, and everything that is computed for it."""

    where: str  # mapping.departed_at, rules.known_tail_number
    values: tuple[Sql, ...]


@dataclass(frozen=True, slots=True)
class Origins:
    """All parts of a flow, over the columns of a batch."""

    chain: Chain
    parts: tuple[Origin, ...]

    def query(self, parts: Sequence[Origin]) -> str:
        """A SELECT of one row that computes these parts, and nothing else, for every row."""
        hashed = [exp.Max(this=call("hash", value)) for part in parts for value in part.values]
        return self.chain.query(exp.select(*hashed).from_("chain"))
