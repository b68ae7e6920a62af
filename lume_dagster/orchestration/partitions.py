"""Make batches known to Dagster as partitions, whoever else does so at the same moment."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg


def add_partitions(instance: dg.DagsterInstance, name: str, keys: Sequence[str]) -> None:
    """Add the keys that are missing; Dagster itself looks first and inserts later."""
    from sqlalchemy.exc import IntegrityError  # loads slowly, and is not needed to load flows

    try:
        instance.add_dynamic_partitions(name, list(keys))
    except IntegrityError:  # another process added one of them in between
        for key in keys:
            if not instance.has_dynamic_partition(name, key):
                instance.add_dynamic_partitions(name, [key])
