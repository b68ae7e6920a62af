"""Which seeds and columns lookups ask for, and where the engine shall put them."""

from __future__ import annotations

from collections.abc import Mapping

from lume_dagster.errors import FlowError, did_you_mean
from lume_dagster.flows.model import Seed
from lume_dagster.plan.plan import SeedTable


class SeedSlots:
    """A table for each seed that is asked for, a column for each of its columns that is."""

    def __init__(
        self, seeds: Mapping[str, Seed], seed_columns: Mapping[str, tuple[str, ...]]
    ) -> None:
        """``seed_columns`` are the headers of the seeds."""
        self._seeds = seeds
        self._headers = seed_columns
        self._used: dict[str, list[str]] = {}

    def slot(self, seed: str, column: str) -> tuple[str, str]:
        """The table and the column in it."""
        if seed not in self._seeds:
            raise FlowError(f"the flow has no seed {seed!r}.", hint=did_you_mean(seed, self._seeds))
        if column not in self._headers[seed]:
            raise FlowError(
                f"the seed {seed!r} has no column {column!r}.",
                hint=did_you_mean(column, self._headers[seed]),
            )
        asked = self._used.setdefault(seed, [])
        if column not in asked:
            asked.append(column)
        return self._table(seed), f"s{asked.index(column)}"

    def _table(self, seed: str) -> str:
        return f"seed_{list(self._used).index(seed)}"

    def tables(self) -> tuple[SeedTable, ...]:
        """What was asked for, as the engine loads it."""
        return tuple(
            SeedTable(seed, self._table(seed), self._seeds[seed].key, tuple(asked))
            for seed, asked in self._used.items()
        )
